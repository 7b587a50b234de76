"""Metrics of several labels, computed from probabilities, label sets and thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from striate.metrics.calibration import Calibration, both_sides, heat, measure_calibration
from striate.metrics.estimates import Estimate, Floats
from striate.metrics.labels import (
    LabelAnswers,
    LabelRanking,
    estimate_answers,
    estimate_ranking,
    find_judged,
    resample_ranking,
)
from striate.tasks.calibration import Reliability
from striate.tasks.figures import Figure, Score
from striate.tasks.results import About
from striate.tasks.temperature import UNFITTED

MAP = Figure("mAP", "mAP")
MICRO_F1 = Figure("micro_f1", "micro-F1")
MACRO_F1 = Figure("macro_f1", "macro-F1")
EXACT = Figure("exact_match", "exact match", form="share")
#: fewest images with a label for meaningful figures of it
FEW = 10
_LEAST = float(np.finfo(np.float32).eps)  #: probabilities are clipped for the loss


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Figures of one label; NaN where undefined."""

    name: str
    images: int  #: with the label
    called: int  #: images answered with it
    threshold: float
    average_precision: Estimate
    f1: Estimate
    precision: Estimate
    recall: Estimate


@dataclass(frozen=True, slots=True)
class JointError:
    """Images in which one label is missed and another one is called wrongly."""

    missed: str
    called: str
    count: int
    fraction: float  #: of the images in which the first is missed


@dataclass(frozen=True, slots=True)
class LabelMistake:
    """One image with a wrong label or without a right one."""

    row: int  #: in the evaluation
    path: str
    right: tuple[str, ...]  #: labels found
    missed: tuple[str, ...]
    wrong: tuple[str, ...]  #: labels called, which the image does not have
    loss: float


@dataclass(frozen=True, eq=False, repr=False)
class LabelMetrics:
    """Probabilities of N images with several labels, and the metrics computed from them."""

    about: About
    labels: tuple[str, ...]  #: K
    thresholds: NDArray[np.float64] = field(repr=False)  #: (K,)
    probabilities: NDArray[np.float32] = field(repr=False)  #: (N, K), each from 0 to 1
    truth: NDArray[np.uint8] = field(repr=False)  #: (N, K): 1 where an image has the label
    temperature: float = UNFITTED  #: of the probabilities

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def called(self) -> NDArray[np.bool_]:
        """(N, K): the labels that images are answered with."""
        return self.probabilities >= self.thresholds

    @property
    def held(self) -> NDArray[np.bool_]:
        """(N, K): the labels that each image has."""
        return self.truth > 0

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N, K): the labels that each image has and is answered with."""
        return self.held & self.called

    @cached_property
    def ranking(self) -> LabelRanking:
        """Average precision, which needs no threshold."""
        return estimate_ranking(self.probabilities, self.truth)

    @cached_property
    def answers(self) -> LabelAnswers:
        """F1, precision, recall and exact match at the thresholds."""
        return estimate_answers(self.probabilities, self.truth, self.thresholds)

    @cached_property
    def calibration(self) -> Calibration:
        """How many images have a label, against its probability; all labels together."""
        return measure_calibration(self.probabilities, self.truth, two_sided=True)

    @cached_property
    def reliability(self) -> Reliability:
        """The calibration, and what the temperature did to it."""
        before = None
        if self.temperature != UNFITTED:
            given = heat(both_sides(self.probabilities), 1 / self.temperature)[..., 1]
            before = measure_calibration(given, self.truth, two_sided=True)
        claim, hit = "probability of a label", "share with it"
        return Reliability(self.calibration, before, self.temperature, claim, hit)

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """(N,): the binary cross-entropy of each image in nats, mean over its labels."""
        given = np.clip(self.probabilities.astype(np.float64), _LEAST, 1 - _LEAST)
        right = np.where(self.truth > 0, given, 1 - given)
        return -np.log(right).mean(axis=1)

    @cached_property
    def per_label(self) -> tuple[LabelScore, ...]:
        """One score per label, in the order of labels."""
        counts = self.truth.sum(axis=0, dtype=int).tolist(), self.called.sum(axis=0).tolist()
        return tuple(
            LabelScore(*each)
            for each in zip(
                self.labels,
                *counts,
                self.thresholds.tolist(),
                self.ranking.labels,
                self.answers.f1,
                self.answers.precision,
                self.answers.recall,
                strict=True,
            )
        )

    def weakest(self) -> tuple[LabelScore, ...]:
        """Return per_label by ascending average precision; labels without one last."""
        return tuple(sorted(self.per_label, key=_weakness))

    @cached_property
    def wrong(self) -> NDArray[np.int64]:
        """Rows of the images with a wrong label or without a right one."""
        return np.flatnonzero((self.called != (self.truth > 0)).any(axis=1))

    def joint_errors(self, most: int = 10) -> tuple[JointError, ...]:
        """Return the pairs of a missed label and a wrong one in the same image, by count."""
        missed = ((self.truth > 0) & ~self.called).astype(np.int64)
        extra = (self.called & (self.truth == 0)).astype(np.int64)
        together, images = missed.T @ extra, missed.sum(axis=0)
        order = np.argsort(-together.ravel(), kind="stable")[:most]
        pairs = [divmod(int(cell), len(self.labels)) for cell in order]
        return tuple(
            JointError(self.labels[a], self.labels[b], int(together[a, b]),
                       int(together[a, b]) / int(images[a]))
            for a, b in pairs
            if together[a, b]
        )  # fmt: skip

    def worst_mistakes(self, most: int = 24) -> tuple[LabelMistake, ...]:
        """Return the images with an error by descending loss."""
        order = self.wrong[np.argsort(-self.losses[self.wrong], kind="stable")][:most]
        return tuple(self._mistake(int(row)) for row in order)

    def scores(self) -> tuple[Score, ...]:
        """Return mAP, micro- and macro-F1, and the share of images with every label right."""
        estimates = {
            MAP: self.ranking.mean,
            MICRO_F1: self.answers.micro_f1,
            MACRO_F1: self.answers.macro_f1,
            EXACT: self.answers.exact_match,
        }
        return tuple(_score(figure, each) for figure, each in estimates.items())

    def resample(self, counts: NDArray[np.int64]) -> Floats:
        """Return the (R,) mAP of images drawn `counts` (R, N) times."""
        return resample_ranking(self.probabilities, self.truth, counts)

    @property
    def absent(self) -> tuple[str, ...]:
        """Labels that none of the images has."""
        return tuple(row.name for row in self.per_label if not row.images)

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Labels that every image has."""
        return tuple(row.name for row in self.per_label if row.images == len(self))

    @property
    def constant(self) -> float:
        """The mAP of one answer for all images: the mean share of images with a label."""
        shares = self.truth.mean(axis=0)[find_judged(self.truth)]
        return float(shares.mean()) if len(shares) else math.nan

    def _mistake(self, row: int) -> LabelMistake:
        there, called = self.truth[row] > 0, self.called[row]
        right, missed, wrong = (
            tuple(self.labels[at] for at in np.flatnonzero(which))
            for which in (there & called, there & ~called, called & ~there)
        )
        path, loss = self.about.paths[row], float(self.losses[row])
        return LabelMistake(row, path, right, missed, wrong, loss)


def _score(figure: Figure, estimate: Estimate) -> Score:
    return Score(figure, estimate.value, estimate.low, estimate.high, estimate.n)


def _weakness(row: LabelScore) -> float:
    value = row.average_precision.value
    return math.inf if math.isnan(value) else value
