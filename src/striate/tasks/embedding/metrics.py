"""Metrics of an embedding: what is found again, and what pairs of images tell."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from striate.metrics.binary import count_at
from striate.metrics.bootstrap import bootstrap
from striate.metrics.estimates import Estimate, from_hits
from striate.metrics.pairs import (
    MOST_IMAGES,
    Nearest,
    Pairs,
    estimate_pairs,
    find_nearest,
    make_pairs,
)
from striate.tasks.embedding.scores import AREA, RECALL, ClassRecall, HardPair, accept_figure
from striate.tasks.figures import Score
from striate.tasks.results import About

#: fewest classes, all of them new, that are drawn anew in place of images
_CLASSES = 10


@dataclass(frozen=True, eq=False, repr=False)
class EmbeddingMetrics:
    """Embeddings of N labeled images."""

    about: About
    class_names: tuple[str, ...]
    trained: NDArray[np.int64]  #: labels of the classes that were trained on
    labels: NDArray[np.int64] = field(repr=False)  #: (N,)
    embeddings: NDArray[np.float32] = field(repr=False)  #: (N, D), of length 1
    threshold: float  #: lowest cosine that counts as one class
    false_accepts: float  #: share of pairs of two classes that it was to accept

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def nearest(self) -> Nearest:
        """The nearest other images of each."""
        return find_nearest(self.embeddings, self.labels)

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs of the images, or of some of them."""
        return make_pairs(self.embeddings, self.labels)

    @property
    def sampled(self) -> bool:
        """Whether pairs are of some images only."""
        return len(self) > MOST_IMAGES

    @cached_property
    def present(self) -> NDArray[np.int64]:
        """The labels of the classes that these images are of."""
        return np.unique(self.labels)

    @property
    def new_classes(self) -> int:
        """How many of the classes were not trained on."""
        return int((~np.isin(self.present, self.trained)).sum())

    @property
    def by_class(self) -> bool:
        """Whether intervals are for other classes, as these are many and all of them new."""
        return self.new_classes == len(self.present) >= _CLASSES

    @cached_property
    def scores_of_pairs(self) -> tuple[Estimate, Estimate]:
        """The area under the ROC curve, and the true accepts."""
        units = self.labels if self.by_class else np.arange(len(self))
        return estimate_pairs(self.pairs, units, self.false_accepts)

    @cached_property
    def recall(self) -> Estimate:
        """The share of images whose nearest other image is of their class."""
        hits = self.nearest.hits
        known = ~np.isnan(hits)
        if not self.by_class:
            return from_hits(float(hits[known].sum()), int(known.sum()))
        sums = np.stack([
            [hits[known & (self.labels == label)].sum(), (known & (self.labels == label)).sum()]
            for label in self.present
        ])  # fmt: skip
        (found,) = bootstrap(sums, lambda summed: summed[:, :1] / summed[:, 1:])
        return Estimate(found.value, found.low, found.high, int(known.sum()))

    def scores(self) -> tuple[Score, ...]:
        """Return recall at 1, the area under the ROC curve of pairs, and true accepts."""
        figures = RECALL, AREA, accept_figure(self.false_accepts)
        estimates = self.recall, *self.scores_of_pairs
        return tuple(
            Score(figure, each.value, each.low, each.high, each.n)
            for figure, each in zip(figures, estimates, strict=True)
        )

    @property
    def chance(self) -> float:
        """The recall at 1 of images drawn at random in place of the nearest."""
        counts = np.bincount(self.labels)
        some = counts[counts > 1]
        pairs = some.sum() * (len(self) - 1)
        return float((some * (some - 1)).sum() / pairs) if pairs else math.nan

    @property
    def accepted(self) -> tuple[float, float]:
        """The shares of pairs of one class, and of two, that the threshold accepts; NaN: none."""
        counts = count_at(self.pairs.cosine, self.pairs.same, self.threshold)
        return counts.recall, 1 - counts.specificity

    @property
    def strangers(self) -> float:
        """The share of images taken for another class if theirs is missing in a gallery of all."""
        return float((self.nearest.other_cosine >= self.threshold).mean())

    @cached_property
    def per_class(self) -> tuple[ClassRecall, ...]:
        """How each class is found again, the weakest first."""
        rows = (self._class(int(label)) for label in self.present)
        ordered = sorted(rows, key=lambda row: (row.recall is None, row.recall or 0.0))
        return tuple(ordered)

    def _class(self, label: int) -> ClassRecall:
        mine = np.flatnonzero(self.labels == label)
        hits, own = self.nearest.hits[mine], self.embeddings[mine].astype(np.float64)
        count = len(mine)
        several = count > 1
        inner = (np.square(own.sum(axis=0)).sum() - count) / (count * (count - 1) or 1)
        missed = self.labels[self.nearest.other[mine[hits == 0]]]
        wrong = np.bincount(missed) if len(missed) else np.zeros(1, np.int64)
        return ClassRecall(
            self.class_names[label],
            count,
            label in self.trained,
            float(hits.mean()) if several else None,
            float(inner) if several else None,
            self.class_names[int(wrong.argmax())] if len(missed) else None,
            int(wrong.max()),
        )

    def hardest(self, most: int, *, same: bool) -> list[HardPair]:
        """Return pairs of one class that lie far apart, or of two that lie near; no image twice."""
        of_kind = np.flatnonzero(self.pairs.same == same)
        cosine = self.pairs.cosine[of_kind]
        used, found = set[int](), list[HardPair]()
        for at in of_kind[np.argsort(cosine if same else -cosine, kind="stable")].tolist():
            one, two = int(self.pairs.first[at]), int(self.pairs.second[at])
            if not {one, two} & used:
                used |= {one, two}
                found.append(HardPair(one, two, float(self.pairs.cosine[at])))
            if len(found) == most:
                break
        return found
