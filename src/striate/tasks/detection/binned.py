"""Average precision from histograms of scores: additive sums that stand for all detections.

Bins are 1/32 of a logit wide, and detections of a bin count as equal: the average precision is
that of the detections themselves to about 0.002.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.box_matching import THRESHOLDS, Matches
from striate.metrics.boxes import RECALLS
from striate.metrics.estimates import Floats

#: logits are clamped to +-8: probabilities from 0.0003 to 0.9997
BINS, _REACH = 512, 8
#: name of the constants: the probability from which on a box is an answer, one a class
THRESHOLD = "threshold"
EVEN = 0.5  #: before any is chosen, and for classes without a box to choose it by


def count_bins(matches: Matches) -> NDArray[np.int64]:
    """Count detections in histograms (K, T, 2, BINS): false ones, then hits."""
    bins, classes = _place(matches.score), len(matches.bounds) - 1
    kinds = np.repeat(np.arange(classes), np.diff(matches.bounds))
    thresholds = np.arange(len(THRESHOLDS))[:, None]
    places = ((kinds * len(THRESHOLDS) + thresholds) * 2 + matches.hit[0]) * BINS + bins
    shape = classes, len(THRESHOLDS), 2, BINS
    counted = places[~matches.ignored[0]]
    return np.bincount(counted, minlength=math.prod(shape)).reshape(shape)


def measure_bins(bins: NDArray[np.floating[Any]], there: NDArray[np.floating[Any]]) -> Floats:
    """Return AP (K, T) from histograms (K, T, 2, BINS) and true boxes (K,); NaN without any."""
    false, hits = bins[..., ::-1].cumsum(axis=-1).swapaxes(0, 2).swapaxes(1, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = hits / (hits + false), hits / there[:, None, None]
    highest = np.maximum.accumulate(np.nan_to_num(precision)[..., ::-1], axis=-1)[..., ::-1]
    found = np.full(bins.shape[:2], np.nan)
    for kind, at in zip(*np.nonzero(np.broadcast_to(there[:, None] > 0, found.shape)), strict=True):
        first = np.searchsorted(recall[kind, at], RECALLS)
        found[kind, at] = np.append(highest[kind, at], 0.0)[first].mean()
    return found


def choose_thresholds(
    bins: NDArray[np.floating[Any]], there: NDArray[np.floating[Any]]
) -> list[float]:
    """Return the probability of the best F1 of each class at an overlap of 0.5."""
    false, hits = bins[:, 0, ::1, ::-1].cumsum(axis=-1).swapaxes(0, 1)
    scores = 2 * hits / np.maximum(hits + false + there[:, None], 1)
    best = BINS - 1 - scores.argmax(axis=1)
    logits = best / BINS * 2 * _REACH - _REACH
    chosen = np.where(scores.max(axis=1) > 0, 1 / (1 + np.exp(-logits)), EVEN)
    return chosen.tolist()


def _place(scores: Floats) -> NDArray[np.int64]:
    """Return the bin of each probability."""
    scores = scores.clip(1e-9, 1 - 1e-9)
    logits = np.log(scores / (1 - scores)).clip(-_REACH, _REACH)
    return np.minimum((logits + _REACH) * BINS / (2 * _REACH), BINS - 1).astype(np.int64)
