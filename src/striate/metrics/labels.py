"""Several labels an image: how well each is ranked, and what is right at a threshold for each.

Scores and truth are (N, K), truth 0 or 1. Means over labels are of those that have a positive; of
average precisions, of those that have a negative too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.binary import (
    average_precision_influence,
    resample_average_precision,
    sweep,
    threshold_for_f1,
)
from striate.metrics.bootstrap import bootstrap
from striate.metrics.estimates import (
    Estimate,
    Floats,
    Scores,
    Truth,
    divide,
    from_error,
    from_hits,
    mean_defined,
)


@dataclass(frozen=True, slots=True)
class LabelRanking:
    """How far up each label's positives are ranked."""

    mean: Estimate  #: mAP, over the labels that have a positive and a negative
    labels: tuple[Estimate, ...]  #: average precision; NaN for one class


@dataclass(frozen=True, slots=True)
class LabelAnswers:
    """How right the labels above their thresholds are."""

    micro_f1: Estimate  #: of all labels' decisions together
    macro_f1: Estimate  #: mean over the labels that have a positive
    exact_match: Estimate  #: images with every label right
    f1: tuple[Estimate, ...]  #: of each label
    precision: tuple[Estimate, ...]
    recall: tuple[Estimate, ...]


def estimate_ranking(scores: Scores, truth: Truth) -> LabelRanking:
    """Estimate the average precision of each label of (N, K) scores, and their mean.

    The mean's error adds the labels' influences up image by image: labels of an image depend on
    each other. With about ten positives of a label its interval is somewhat too narrow, as is that
    of the bootstrap. A label without a positive is left out of the mean as by torchmetrics; one
    without a negative too, see `average_precision`.
    """
    images, labels = scores.shape
    judged = find_judged(truth)
    total, known = np.zeros(images), list[float]()
    each = list[Estimate]()
    for label in range(labels):
        value, influence = average_precision_influence(scores[:, label], truth[:, label])
        positives = int(np.count_nonzero(truth[:, label]))
        each.append(from_error(value, _norm(influence), images, positives))
        if judged[label]:
            total += influence
            known.append(value)
    value = math.fsum(known) / len(known) if known else math.nan
    error = _norm(total) / max(len(known), 1)
    shown = int(np.count_nonzero(truth[:, judged].any(axis=1)))
    return LabelRanking(from_error(value, error, images, shown), tuple(each))


def resample_ranking(scores: Scores, truth: Truth, counts: NDArray[np.int64]) -> Floats:
    """Return the (R,) mAP of images drawn `counts` (R, N) times; NaN without a label to rank."""
    labels = zip(scores.T, truth.T, strict=True)
    each = [resample_average_precision(*label, counts) for label in labels]
    return mean_defined(np.stack(each, axis=1))


def find_judged(truth: Truth) -> NDArray[np.bool_]:
    """Return (K,) which labels have both a positive and a negative: those that can be ranked."""
    having = truth.sum(axis=0, dtype=np.int64)
    return (having > 0) & (having < len(truth))


def estimate_answers(
    scores: Scores, truth: Truth, thresholds: NDArray[Any], *, resamples: int = 1000, seed: int = 0
) -> LabelAnswers:
    """Estimate what is right where (N, K) scores are at least (K,) thresholds.

    F1 by the bootstrap over images, shares of images with Wilson's interval.
    """
    called, positive = scores >= thresholds, truth.astype(bool)
    hits, images, labels = called & positive, *truth.shape
    exact = from_hits(int((called == positive).all(axis=1).sum()), images)
    sums = np.concatenate([hits, called, positive], axis=1)
    micro, macro, *each = bootstrap(sums, _f1_scores, resamples=resamples, seed=seed)
    tp, calls, positives = sums.sum(axis=0).reshape(3, labels).tolist()
    return LabelAnswers(
        micro_f1=micro,
        macro_f1=macro,
        exact_match=exact,
        f1=tuple(each),
        precision=tuple(map(from_hits, tp, calls)),
        recall=tuple(map(from_hits, tp, positives)),
    )


def choose_thresholds(scores: Scores, truth: Truth) -> Floats:
    """Return the (K,) thresholds of the best F1 of each label; NaN for one class."""
    best = (threshold_for_f1(sweep(*each)) for each in zip(scores.T, truth.T, strict=True))
    return np.array([math.nan if threshold is None else threshold for threshold in best])


def _f1_scores(sums: Floats) -> Floats:
    """Return (R, 2 + K): micro, macro and each from hits, calls and positives (R, 3 K).

    2 hits / (calls + positives); NaN without positives.
    """
    hits, calls, positives = np.split(sums, 3, axis=1)
    each = divide(2 * hits, np.where(positives > 0, calls + positives, 0))
    total = positives.sum(axis=1)
    micro = divide(2 * hits.sum(axis=1), np.where(total > 0, calls.sum(axis=1) + total, 0))
    return np.column_stack([micro, mean_defined(each), each])


def _norm(influence: Floats) -> float:
    return math.sqrt(float((influence**2).sum()))
