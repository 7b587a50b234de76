"""Metrics of a classifier, computed from predicted probabilities and labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics import classes as metrics
from striate.metrics.calibration import Calibration, heat, measure_calibration
from striate.metrics.estimates import Estimate, from_hits
from striate.tasks.calibration import Reliability
from striate.tasks.classification.scores import (
    ACCURACY,
    FEW,
    TOP5,
    ClassScore,
    Doubt,
    Mistake,
)
from striate.tasks.classification.threshold import EVENLY, Threshold
from striate.tasks.confusions import Confusion, find_confusions
from striate.tasks.figures import Score
from striate.tasks.numbers import known
from striate.tasks.results import About
from striate.tasks.suspects import Suspects, judge_labels
from striate.tasks.temperature import UNFITTED


@dataclass(frozen=True, eq=False, repr=False)
class ClassMetrics:
    """Predicted probabilities of N labeled images, and the metrics computed from them."""

    about: About
    class_names: tuple[str, ...]  #: K
    labels: NDArray[np.int64] = field(repr=False)  #: (N,)
    probabilities: NDArray[np.float32] = field(repr=False)  #: (N, K), each row sums to 1
    threshold: Threshold = EVENLY  #: of two classes
    temperature: float = UNFITTED  #: of the probabilities

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(N,): the most probable class of each image, or as the threshold decides."""
        return self.threshold.decide(self.probabilities)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(N,): whether each image is classified correctly."""
        return self.predicted == self.labels

    @property
    def held(self) -> NDArray[np.bool_]:
        """(N, K): the class of each image."""
        return self.labels[:, None] == np.arange(len(self.class_names))

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N, K): the class of each image that is answered correctly."""
        return self.held & self.correct[:, None]

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """(N,): the probability of the predicted class of each image."""
        return self.probabilities[np.arange(len(self)), self.predicted]

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """(N,): the log-loss of each image."""
        return metrics.losses(self.probabilities, self.labels)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K) counts: rows are true, columns predicted."""
        return metrics.confusion(self.labels, self.predicted, len(self.class_names))

    @property
    def is_constant(self) -> bool:
        """Whether all of `FEW` images or more, not of one class, are predicted as one."""
        true, predicted = (self.confusion.sum(axis=axis).max() for axis in (1, 0))
        return FEW <= len(self) == predicted > true

    @property
    def errors(self) -> int:
        """How many images are misclassified."""
        return int(self.confusion.sum() - np.trace(self.confusion))

    @cached_property
    def accuracy(self) -> Estimate:
        """Share of the images that are classified correctly."""
        return from_hits(int(np.trace(self.confusion)), len(self))

    @cached_property
    def top5(self) -> Estimate | None:
        """Top-5 accuracy; None with five classes or fewer, where it is always 1."""
        if len(self.class_names) <= 5:
            return None
        return from_hits(metrics.top_hits(self.probabilities, self.labels, 5), len(self))

    def scores(self) -> tuple[Score, ...]:
        """Return the accuracy, and with more than five classes the top-5 accuracy."""
        shares = {ACCURACY: self.accuracy, **({TOP5: self.top5} if self.top5 else {})}
        return tuple(Score(figure, p.value, *p.bounds, p.n) for figure, p in shares.items())

    @cached_property
    def log_loss(self) -> float:
        """Mean log-loss (natural log), clipped at float32's epsilon: 0 (best) to 15.9."""
        return float(self.losses.mean())

    @cached_property
    def calibration(self) -> Calibration:
        """How often the most probable class is right, against its probability."""
        return _calibration(self.probabilities, self.labels)

    @cached_property
    def reliability(self) -> Reliability:
        """The calibration, and what the temperature did to it."""
        before = None
        if self.temperature != UNFITTED:
            before = _calibration(heat(self.probabilities, 1 / self.temperature), self.labels)
        return Reliability(
            self.calibration, before, self.temperature, "confidence", "share correct"
        )

    @cached_property
    def suspects(self) -> Suspects | None:
        """The images whose label is perhaps wrong; None where nothing can be said."""
        return judge_labels(self.probabilities, self.labels, self.class_names, self.about)

    @cached_property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that have images."""
        return metrics.macro_f1(self.confusion)

    @cached_property
    def per_class(self) -> tuple[ClassScore, ...]:
        """One score per class, in the order of class_names."""
        scores = zip(
            map(known, metrics.precision(self.confusion).tolist()),
            map(known, metrics.recall(self.confusion).tolist()),
            map(known, metrics.f1(self.confusion).tolist()),
            strict=True,
        )
        return tuple(self._score(label, *three) for label, three in enumerate(scores))

    def weakest(self) -> tuple[ClassScore, ...]:
        """Return per_class sorted by ascending F1; classes without images last."""
        return tuple(sorted(self.per_class, key=lambda row: math.inf if row.f1 is None else row.f1))

    def top_confusions(self, most: int = 10) -> tuple[Confusion, ...]:
        """Return the (true, predicted) pairs by count, then by fraction."""
        return find_confusions(self.confusion, self.class_names, most)

    def worst_mistakes(self, most: int = 24) -> tuple[Mistake, ...]:
        """Return the misclassified images by descending loss."""
        wrong = np.flatnonzero(~self.correct)
        order = wrong[np.argsort(-self.losses[wrong], kind="stable")][:most]
        return tuple(self._mistake(int(row)) for row in order)

    def least_sure(self, most: int = 12) -> tuple[Doubt, ...]:
        """Return the correctly classified images by ascending probability."""
        right = np.flatnonzero(self.correct)
        order = right[np.argsort(self.confidence[right], kind="stable")][:most]
        return tuple(self._doubt(int(row)) for row in order)

    @cached_property
    def most_frequent(self) -> tuple[float, str]:
        """The accuracy of always predicting the most frequent class, and that class."""
        images = self.confusion.sum(axis=1)
        most = int(images.argmax())
        return int(images[most]) / len(self), self.class_names[most]

    def _score(
        self, label: int, precision: float | None, recall: float | None, f1: float | None
    ) -> ClassScore:
        row = self.confusion[label].copy()
        images = int(row.sum())
        row[label] = 0
        other = int(row.argmax())
        taken = self.class_names[other] if row[other] else None
        name = self.class_names[label]
        return ClassScore(name, images, precision, recall, f1, taken, int(row[other]))

    def _mistake(self, row: int) -> Mistake:
        true, predicted = int(self.labels[row]), int(self.predicted[row])
        return Mistake(
            row,
            self.about.paths[row],
            self.class_names[true],
            self.class_names[predicted],
            float(self.probabilities[row, true]),
            float(self.probabilities[row, predicted]),
            float(self.losses[row]),
        )

    def _doubt(self, row: int) -> Doubt:
        true, rated = int(self.labels[row]), self.probabilities[row]
        other = int(np.where(np.arange(len(rated)) == true, -1, rated).argmax())
        names = self.class_names[true], self.class_names[other]
        return Doubt(row, self.about.paths[row], *names, float(rated[true]), float(rated[other]))


def _calibration(rated: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> Calibration:
    return measure_calibration(rated.max(axis=1), rated.argmax(axis=1) == labels)
