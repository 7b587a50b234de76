"""Metrics of detections: average precision, and what is found at the thresholds of classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import TargetSpec
from striate.metrics.box_matching import Matches, match_boxes
from striate.metrics.boxes import BoxFigures, estimate_boxes, measure_boxes, resample_ap50
from striate.metrics.estimates import Estimate, Floats, mean_defined
from striate.tasks.detection.constant import choose_constant
from striate.tasks.detection.errors import BoxErrors, sort_errors
from striate.tasks.figures import Figure
from striate.tasks.results import About

AP50 = Figure("ap50", "AP at 0.5")
AP = Figure("ap", "AP")
PROPOSED = Figure("proposal_recall", "recall of proposals")
FEW = 10  #: fewest true boxes for a meaningful AP of a class
MOST_WORST = 12  #: images with the most errors that are kept to be shown

Boxes = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Scores of one class."""

    name: str
    images: int  #: that show it
    boxes: int  #: that are to be found
    ap50: Estimate  #: NaN: none is to be found
    ap: Estimate
    threshold: float  #: probability from which on a box is an answer
    found: int  #: of its boxes, at the threshold
    answered: int  #: boxes, at the threshold

    @property
    def recall(self) -> float | None:
        """Share of the true boxes that are found; None without any."""
        return self.found / self.boxes if self.boxes else None

    @property
    def precision(self) -> float | None:
        """Share of the answered boxes that are right; None without any."""
        return self.found / self.answered if self.answered else None


@dataclass(frozen=True, eq=False, repr=False)
class DetectionMetrics:
    """Boxes found in N images and their true ones, in pixels of the network's input."""

    spec: TargetSpec
    thresholds: Floats  #: (K,) probability from which on a box is an answer
    about: About
    true: Boxes = field(repr=False)  #: (N, M, 6): corners, class, whether ignored
    found: Boxes = field(repr=False)  #: (N, D, 6): corners, probability, class

    def __len__(self) -> int:
        return len(self.found)

    @cached_property
    def matches(self) -> Matches:
        """What became of all detections."""
        return match_boxes(self.true, self.found, len(self.spec.names))

    @cached_property
    def figures(self) -> BoxFigures:
        """AP, recall, AP by size and class, with intervals over images."""
        return estimate_boxes(self.matches)

    @cached_property
    def errors(self) -> BoxErrors:
        """What became of the boxes that are answers, image by image."""
        sure = np.stack([pad_sure(rows, self.thresholds) for rows in self.found])
        return sort_errors(self.true, sure)

    @property
    def image_errors(self) -> Floats:
        """(N,): 1 less the F1 of each image's answers; NaN where there is nothing to find."""
        hits, false, missed = (self.errors.hits, self.errors.false, self.errors.missed)
        whole = 2 * hits + false + missed
        return np.divide(false + missed, whole, out=np.full(len(whole), np.nan), where=whole > 0)

    def resample(self, counts: NDArray[np.int64]) -> Floats:
        """Return the (R,) APs at 0.5 of images drawn `counts` (R, N) times."""
        return resample_ap50(self.matches, counts)

    @cached_property
    def per_class(self) -> tuple[ClassScore, ...]:
        """One score a class, in the order of the spec's names."""
        matches, rows = self.matches, list[ClassScore]()
        for at, name in enumerate(self.spec.names):
            part = slice(*matches.bounds[at : at + 2])
            sure = (matches.score[part] >= self.thresholds[at]) & ~matches.ignored[0, 0, part]
            positives = matches.positives[0, :, at]
            rows.append(
                ClassScore(
                    name,
                    int((positives > 0).sum()),
                    int(positives.sum()),
                    self.figures.by_class50[at],
                    self.figures.by_class[at],
                    float(self.thresholds[at]),
                    int((matches.hit[0, 0, part] & sure).sum()),
                    int(sure.sum()),
                )
            )
        return tuple(rows)

    def weakest(self) -> tuple[ClassScore, ...]:
        """Return per_class sorted by ascending AP at 0.5; classes without a box last."""
        return tuple(sorted(self.per_class, key=lambda row: (row.boxes == 0, row.ap50.value)))

    def curve(self, at: int) -> tuple[Floats, Floats]:
        """Return precision and recall (P,) of a class at an overlap of 0.5, best first."""
        matches = self.matches
        part = slice(*matches.bounds[at : at + 2])
        hits = matches.hit[0, 0, part][~matches.ignored[0, 0, part]]
        right = hits.cumsum()
        there = max(1, int(matches.positives[0, :, at].sum()))
        return right / np.arange(1, len(right) + 1), right / there

    def worst(self) -> list[int]:
        """Return the images with the worst answers, the worst first; none without an error."""
        order = np.argsort(-np.nan_to_num(self.image_errors, nan=0.0), kind="stable")
        return [int(row) for row in order[:MOST_WORST] if self.image_errors[row] > 0]

    @cached_property
    def constant(self) -> float:
        """The AP at 0.5 of the best constant answer, 0 without a true box."""
        classes = len(self.spec.names)
        rows = choose_constant(self.true, classes)
        if not len(rows):
            return 0.0
        always = np.broadcast_to(rows, (len(self), *rows.shape))
        precise, _ = measure_boxes(match_boxes(self.true, always, classes))
        return float(mean_defined(precise[None, 0, 0])[0])


def keep_sure(rows: Boxes, thresholds: Floats) -> Boxes:
    """Return the boxes (D, 6) whose probability reaches the threshold of their class."""
    kinds = rows[:, 5].astype(np.int64)
    return rows[(kinds >= 0) & (rows[:, 4] >= thresholds[kinds])]


def pad_sure(rows: Boxes, thresholds: Floats) -> Boxes:
    """Return the boxes of `keep_sure`, then rows of class -1 up to as many as came."""
    sure = keep_sure(rows, thresholds)
    empty = np.tile([0.0, 0, 0, 0, 0, -1], (len(rows) - len(sure), 1))
    return np.concatenate((sure, empty))
