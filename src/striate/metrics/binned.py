"""Histograms of logits: additive counts that stand for the scores of a whole split.

Processes and batches add theirs up; the areas and thresholds of their sum do not depend on who
counted what. Bins are 1/128 of a logit wide, exact in float32, and scores of the same bin count
as equal: the areas differ from those of the scores by less than 0.001.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.binary import Sweep
from striate.metrics.estimates import Scores, Truth

#: logits are clamped to +-REACH; sigmoid(16) is 1 - 1.1e-7, as near to 1 as float32 tells apart
REACH = 16
BINS = 4096
#: bins of a logit
FINE = BINS // (2 * REACH)

Histograms = NDArray[np.int64]


def count_bins(logits: Scores, truth: Truth) -> Histograms:
    """Count (N, K) logits in histograms (K, 2, BINS): of negatives, then of positives."""
    labels = logits.shape[1]
    floors = np.floor(np.clip(logits, -REACH, REACH) * FINE).astype(np.int64)
    bins = np.minimum(floors + BINS // 2, BINS - 1)
    rows = 2 * np.arange(labels) + truth.astype(np.int64)
    counts = np.bincount((rows * BINS + bins).ravel(), minlength=2 * labels * BINS)
    return counts.reshape(labels, 2, BINS)


def sweep_bins(histogram: NDArray[np.integer[Any]]) -> Sweep:
    """Return the counts at each threshold of one label's histograms (2, BINS).

    A threshold is the lower end of its bin, for logits clamped to +-REACH; bins without an image
    have none.
    """
    false, true = np.cumsum(histogram[:, ::-1], axis=1, dtype=np.int64)
    edges = (np.arange(BINS)[::-1] - BINS // 2) / FINE
    filled = histogram[:, ::-1].any(axis=0)
    return Sweep(edges[filled], true[filled], false[filled], int(true[-1]), int(false[-1]))
