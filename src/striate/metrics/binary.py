"""Two classes: what a score separates, from the counts at each of its thresholds.

An image is called positive if its score is at least the threshold. Curves have a point for each
distinct score, so images that score the same are never told apart by their order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.metrics.estimates import Estimate, Floats, Scores, Truth, divide, from_error

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sweep:
    """How many positives and negatives score at least each threshold, from the highest down."""

    thresholds: Scores  #: (T,), the distinct scores
    true: Integers  #: (T,) positives at or above
    false: Integers  #: (T,) negatives at or above
    positives: int
    negatives: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Images on each side of a threshold; shares are NaN where undefined."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float:
        return _share(self.true_positives, self.false_positives)

    @property
    def recall(self) -> float:
        return _share(self.true_positives, self.false_negatives)

    @property
    def specificity(self) -> float:
        return _share(self.true_negatives, self.false_positives)

    @property
    def f1(self) -> float:
        """2 tp / (2 tp + fp + fn); NaN without positives."""
        if math.isnan(self.recall):
            return math.nan
        return _share(2 * self.true_positives, self.false_positives + self.false_negatives)


def sweep(scores: Scores, truth: Truth) -> Sweep:
    """Count positives and negatives from the highest of (N,) scores down."""
    order = np.argsort(-scores)
    ordered, hits = scores[order], np.cumsum(truth[order], dtype=np.int64)
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(scores)])
    positives = int(hits[-1]) if len(hits) else 0
    true = hits[ends]
    return Sweep(ordered[ends], true, ends + 1 - true, positives, len(scores) - positives)


def count_at(scores: Scores, truth: Truth, threshold: float) -> Counts:
    """Count (N,) images right and wrong at a threshold."""
    called, positive = scores >= threshold, truth.astype(bool)
    tp, called_all, positives = (int(each.sum()) for each in (called & positive, called, positive))
    fp, fn = called_all - tp, positives - tp
    return Counts(tp, fp, fn, len(scores) - tp - fp - fn)


def roc_curve(counts: Sweep) -> tuple[Floats, Floats]:
    """Return (T + 1,) false and true positive rates, from (0, 0) to (1, 1); NaN if undefined."""
    false, true = np.append(0, counts.false), np.append(0, counts.true)
    return (
        divide(false, np.asarray(counts.negatives)),
        divide(true, np.asarray(counts.positives)),
    )


def precision_recall_curve(counts: Sweep) -> tuple[Floats, Floats]:
    """Return (T + 1,) precision and recall from the highest threshold down.

    It begins with precision 1 at recall 0, as scikit-learn's ends; NaN without positives.
    """
    recall = divide(np.append(0, counts.true), np.asarray(counts.positives))
    precision = np.append(1.0, divide(counts.true, counts.true + counts.false))
    return np.where(np.isnan(recall), np.nan, precision), recall


def area_under_roc(counts: Sweep) -> float:
    """Return the share of pairs whose positive scores higher, ties half; NaN for one class."""
    if not (counts.positives and counts.negatives):
        return math.nan
    false, true = roc_curve(counts)
    return float(((true[1:] + true[:-1]) / 2 * np.diff(false)).sum())


def average_precision(counts: Sweep) -> float:
    """Return the mean over positives of the precision at their score; NaN for one class.

    The curve is not interpolated: lines between its points would promise too much. Without
    negatives every score has it at 1, as scikit-learn and torchmetrics return. That it is
    undefined there, as the area under the ROC curve is, is a rule of this library.
    """
    if not (counts.positives and counts.negatives):
        return math.nan
    precision, recall = precision_recall_curve(counts)
    return float((precision[1:] * np.diff(recall)).sum())


def resample_average_precision(scores: Scores, truth: Truth, counts: NDArray[np.int64]) -> Floats:
    """Return the (R,) average precisions of images drawn `counts` (R, N) times; NaN for one class.

    They are those of `average_precision` with each image repeated, at the price of one sort.
    """
    order = np.argsort(-scores)
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    drawn = counts[:, order]
    called = drawn.cumsum(axis=1)[:, ends]
    true = (drawn * truth[order].astype(np.int64)).cumsum(axis=1)[:, ends]
    found = np.diff(true, axis=1, prepend=0)
    total = (found * true / np.maximum(called, 1)).sum(axis=1)
    positives, images = true[:, -1], called[:, -1]
    return divide(total, np.where(positives < images, positives, 0))


def estimate_area_under_roc(scores: Scores, truth: Truth) -> Estimate:
    """Estimate the area under the ROC curve of (N,) scores, with DeLong's interval.

    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), on the logit scale as in Pepe, "The
    statistical evaluation of medical tests" (2003), 5.2.5. Where all pairs are in order their
    variance is 0; as many pairs as the smaller class has images can be formed without sharing
    one, and these independent trials give the interval.
    """
    positive, negative = (np.sort(scores[truth == side]) for side in (1, 0))
    m, n = len(positive), len(negative)
    if not (m and n):
        return Estimate(math.nan, None, None, len(scores))
    above = _place(positive, negative)  # of each positive: the share of negatives it outranks
    below = 1 - _place(negative, positive)
    error = math.nan
    if min(m, n) > 1:
        error = math.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    return from_error(float(above.mean()), error, len(scores), min(m, n))


def _place(these: Scores, others: Scores) -> Floats:
    """Return the share of sorted others below each, those that are equal counted half."""
    sides = (np.searchsorted(others, these, side) for side in ("left", "right"))
    return sum(sides, start=np.zeros(len(these))) / (2 * len(others))


def estimate_average_precision(scores: Scores, truth: Truth) -> Estimate:
    """Estimate the average precision of (N,) scores; the error comes from their influence."""
    value, influence = average_precision_influence(scores, truth)
    error = math.sqrt(float((influence**2).sum()))
    return from_error(value, error, len(scores), int(np.count_nonzero(truth)))


def average_precision_influence(scores: Scores, truth: Truth) -> tuple[float, Floats]:
    """Return the average precision, and its derivative by the weight of each of (N,) images.

    The root of the sum of squares is the standard error that the bootstrap tends to with more
    resamples, at the price of one sort (the infinitesimal jackknife: Jaeckel, Bell Labs
    Memorandum 72-1215-11 (1972); Efron, "The jackknife, the bootstrap and other resampling
    plans" (1982), 6.4). Boyd, Eng and Page, ECML PKDD (2013), compare intervals of the area under
    the precision-recall curve and advise the logit scale. NaN for one class.
    """
    counts = sweep(scores, truth)
    if not (counts.positives and counts.negatives):
        return math.nan, np.full(len(scores), np.nan)
    above = counts.true + counts.false
    found = np.diff(counts.true, prepend=0)  # positives of each threshold
    value = float((found * counts.true / above).sum()) / counts.positives
    # an image of a threshold counts at its own and at all lower ones
    crowded = _from_here_on(found * counts.true / above**2)
    joined = _from_here_on(found / above) + counts.true / above - value
    places = len(above) - 1 - np.searchsorted(counts.thresholds[::-1], scores)
    influence = np.where(truth.astype(bool), joined[places], 0.0) - crowded[places]
    return value, influence / counts.positives


def _from_here_on(values: Floats) -> Floats:
    return np.cumsum(values[::-1])[::-1]


def threshold_for_precision(counts: Sweep, precision: float) -> float | None:
    """Return the threshold of highest recall whose precision is at least this; None: there is none.

    Of thresholds with the same recall it is the highest.
    """
    reached = counts.true / (counts.true + counts.false) >= precision
    return _best(counts, np.where(reached, counts.true, 0))


def threshold_for_recall(counts: Sweep, recall: float) -> float | None:
    """Return the threshold of highest precision whose recall is at least this; None: no positives.

    Of thresholds with the same precision it is the lowest, which finds more.
    """
    reached = counts.true / max(counts.positives, 1) >= recall
    shares = np.where(reached, counts.true / (counts.true + counts.false), 0)
    return _best(counts, shares, last=True)


def threshold_for_f1(counts: Sweep) -> float | None:
    """Return the highest threshold of the best F1; None: one class, so nothing to tell apart."""
    if not counts.negatives:
        return None
    called = counts.true + counts.false
    return _best(counts, 2 * counts.true / (called + max(counts.positives, 1)))


def middle_below(counts: Sweep, chosen: float) -> float:
    """Return the middle of a probability and the next lower one, which decides the same.

    The score itself would leave no room: of a class well separated, images that score a little less
    than all of validation would be missed.
    """
    below = counts.thresholds[counts.thresholds < chosen]
    lower = float(below[0]) if len(below) else 0.0
    middle = (lower + chosen) / 2
    return middle if np.float32(middle) > lower else chosen


def _best(counts: Sweep, worth: NDArray[np.generic], *, last: bool = False) -> float | None:
    """Return the threshold of the greatest worth, the first or the last; None if it is 0."""
    if not len(worth) or not worth.max():
        return None
    places = np.flatnonzero(worth == worth.max())
    return float(counts.thresholds[places[-1 if last else 0]])


def _share(part: int, rest: int) -> float:
    return part / (part + rest) if part + rest else math.nan
