"""Metrics of one class alone: how well scores part good images from others."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from striate.metrics.binary import estimate_area_under_roc
from striate.metrics.estimates import Estimate, from_hits
from striate.tasks.figures import Figure, Score
from striate.tasks.results import About

AREA = Figure("anomaly_auroc", "AUROC")
DISTANCE = Figure("distance", "mean distance", False, "number")
REJECTED = Figure("good_rejected", "good images rejected", False, "share")
FOUND = Figure("others_found", "others found", form="share")
#: constants of a model: the label of the good class, the highest score of a good image, the
#: distance of a patch from which on it is drawn, and the settings of the task
GOOD, LIMIT, HEAT, DIRECTIONS = "good", "limit", "heat", "directions"
WORST, SHARE = "worst", "rejected_share"


@dataclass(frozen=True, slots=True)
class OtherClass:
    """How images of one class are told from good ones."""

    name: str
    images: int
    found: Estimate  #: share called odd
    area: Estimate  #: under the ROC curve, against the good images


@dataclass(frozen=True, eq=False, repr=False)
class AnomalyMetrics:
    """Scores and maps of N images, of which some are good."""

    about: About
    class_names: tuple[str, ...]
    good: int  #: label of the good class
    limit: float
    heat: float  #: distance of a patch from which on it is drawn
    share: float  #: of good images that the limit was to reject
    labels: NDArray[np.int64] = field(repr=False)  #: (N,)
    distances: NDArray[np.float32] = field(repr=False)  #: (N, h, w)
    values: NDArray[np.float32] = field(repr=False)  #: (N,) scores

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """(N,): whether each image is of the good class."""
        return self.labels == self.good

    @property
    def odd(self) -> NDArray[np.bool_]:
        """(N,): whether each image is called odd."""
        return ~(self.values <= self.limit)

    @cached_property
    def area(self) -> Estimate:
        """The share of pairs of another and a good image whose other one has the higher score."""
        return estimate_area_under_roc(self.values, ~self.is_good)

    @property
    def rejected(self) -> Estimate:
        """The share of the good images that is called odd."""
        return _share(self.odd[self.is_good])

    @property
    def found(self) -> Estimate:
        """The share of the others that is called odd."""
        return _share(self.odd[~self.is_good])

    def scores(self) -> tuple[Score, ...]:
        """Return the area under the ROC curve, others found and good images rejected.

        Those that are undefined are left out.
        """
        known = (AREA, self.area), (FOUND, self.found), (REJECTED, self.rejected)
        defined = [_score(figure, each) for figure, each in known if not np.isnan(each.value)]
        return tuple(defined)

    def others(self) -> list[OtherClass]:
        """Return how each other class is told from the good one, the hardest first."""
        rows = [self._other(int(label)) for label in np.unique(self.labels[~self.is_good])]
        return sorted(rows, key=lambda row: row.area.value if row.area.n else 0.0)

    def _other(self, label: int) -> OtherClass:
        own = self.labels == label
        both = own | self.is_good
        area = estimate_area_under_roc(self.values[both], own[both])
        return OtherClass(self.class_names[label], int(own.sum()), _share(self.odd[own]), area)

    def extreme(self, rows: NDArray[np.bool_], most: int, *, highest: bool) -> list[int]:
        """Return up to so many of the rows (N,) with the highest scores, or the lowest."""
        chosen = np.flatnonzero(rows)
        values = self.values[chosen]
        return chosen[np.argsort(-values if highest else values, kind="stable")][:most].tolist()


def _share(hits: NDArray[np.bool_]) -> Estimate:
    return from_hits(float(hits.sum()), len(hits))


def _score(figure: Figure, each: Estimate) -> Score:
    return Score(figure, each.value, each.low, each.high, each.n)
