"""Metrics of a classifier of two classes, computed from the probabilities of the positive one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics import binary
from striate.metrics.estimates import Estimate, from_hits
from striate.tasks.classification.metrics import ClassMetrics
from striate.tasks.classification.threshold import EVEN
from striate.text import MISSING, format_interval, format_percent, percent_digits, shorten


@dataclass(frozen=True, eq=False)
class AtThreshold:
    """What is right and wrong of two classes at one threshold; None where undefined."""

    threshold: float
    counts: binary.Counts

    @property
    def precision(self) -> Estimate | None:
        """Share of the images predicted positive that are."""
        return _proportion(self.counts.true_positives, self.counts.false_positives)

    @property
    def recall(self) -> Estimate | None:
        """Share of the positive images that are predicted so."""
        return _proportion(self.counts.true_positives, self.counts.false_negatives)

    @property
    def specificity(self) -> Estimate | None:
        """Share of the negative images that are predicted so."""
        return _proportion(self.counts.true_negatives, self.counts.false_positives)

    def shares(self) -> dict[str, Estimate | None]:
        """Return precision, recall and specificity by name."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "specificity": self.specificity,
        }

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        return None if math.isnan(self.counts.f1) else self.counts.f1


@dataclass(frozen=True, eq=False)
class BinaryMetrics:
    """Probabilities of the positive class of N images, and what they separate."""

    positive: str  #: the positive class
    chosen: AtThreshold  #: as the answers were given
    scores: NDArray[np.float32] = field(repr=False)  #: (N,)
    truth: NDArray[np.bool_] = field(repr=False)  #: (N,) whether positive

    @classmethod
    def of(cls, evaluation: ClassMetrics) -> BinaryMetrics:
        """Take them from an evaluation of two classes."""
        threshold = evaluation.threshold
        one, other = threshold.positive, 1 - threshold.positive
        cells = ((one, one), (other, one), (one, other), (other, other))
        counts = binary.Counts(*(int(evaluation.confusion[cell]) for cell in cells))
        value = EVEN if threshold.value is None else threshold.value
        return cls(
            evaluation.class_names[one],
            AtThreshold(value, counts),
            evaluation.probabilities[:, one],
            evaluation.labels == one,
        )

    @cached_property
    def sweep(self) -> binary.Sweep:
        """Images at or above each distinct probability."""
        return binary.sweep(self.scores, self.truth)

    @cached_property
    def roc_auc(self) -> Estimate:
        """Area under the ROC curve, with DeLong's interval."""
        return binary.estimate_area_under_roc(self.scores, self.truth)

    @cached_property
    def average_precision(self) -> Estimate:
        """Average precision, the area under the steps of the precision-recall curve."""
        return binary.estimate_average_precision(self.scores, self.truth)

    def at(self, threshold: float) -> AtThreshold:
        """Return what is right and wrong at another threshold."""
        return AtThreshold(threshold, binary.count_at(self.scores, self.truth, threshold))

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, value and note of each figure, as a terminal shows them."""
        for name, area in (
            ("ROC AUC", self.roc_auc),
            ("average precision", self.average_precision),
        ):
            interval = show_interval(area)
            yield name, show_area(area), f"(95 % interval {interval})" if interval else ""
        threshold = f"{self.chosen.threshold:.6g}"
        yield "threshold", threshold, f"(positive class: {shorten(self.positive, 18)})"
        for name, share in self.chosen.shares().items():
            note = f"(95 % interval {show_interval(share)})" if share else ""
            yield name, show_area(share) if share else MISSING, note
        yield "F1", format_percent(self.chosen.f1, percent_digits(len(self.scores))), ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; None for undefined figures."""
        shares = self.chosen.shares().items()
        return {
            "positive": self.positive,
            "roc_auc": _known(self.roc_auc),
            "average_precision": _known(self.average_precision),
            "threshold": self.chosen.threshold,
            **asdict(self.chosen.counts),
            **{name: None if share is None else asdict(share) for name, share in shares},
            "f1": self.chosen.f1,
        }


def show_area(area: Estimate) -> str:
    """Format an area: "98.6 %"; a dash where it is undefined."""
    return format_percent(area.value, percent_digits(area.n))


def show_interval(area: Estimate) -> str:
    """Format the interval of an area: "96.6 to 99.3 %"; "" where there is none."""
    if area.low is None or area.high is None:
        return ""
    return format_interval(area.low, area.high, percent_digits(area.n))


def _proportion(part: int, rest: int) -> Estimate | None:
    return from_hits(part, part + rest) if part + rest else None


def _known(area: Estimate) -> dict[str, Any] | None:
    return None if math.isnan(area.value) else asdict(area)
