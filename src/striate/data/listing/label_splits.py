"""Splits of images with several labels: each label in training and validation, where possible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Bools = NDArray[np.bool_]


def complete_labels(
    splits: NDArray[np.uint8], matrix: NDArray[np.uint8], train: int, validation: int
) -> None:
    """Move images so that training and validation hold each label's presence and absence.

    `splits` (M,) are changed in place, `matrix` (M, K) is 1 where an image has the label; rows are
    different images in the order of their content, so that the result depends on content only. An
    image that is the only one of its split for another label stays: rare labels come first, and of
    the images that may be moved the one with the fewest labels is.
    """
    values = matrix.astype(bool)
    states = np.hstack([values, ~values])  # (M, 2 K): what an image contributes
    totals = states.sum(axis=0)
    needs = [at for at in np.argsort(totals, kind="stable").tolist() if totals[at] > 1]
    weights = values.sum(axis=1)
    moved = True
    while moved:
        moved = False
        for at in needs:
            for wanted, other in ((train, validation), (validation, train)):
                if (states[:, at] & (splits == wanted)).any():
                    continue
                row = _spare(states, splits, weights, at, other)
                if row is not None:
                    splits[row], moved = wanted, True


def _spare(
    states: _Bools, splits: NDArray[np.uint8], weights: NDArray[np.int64], at: int, other: int
) -> int | None:
    """Return the image with state `at` that its split misses least; None if there is none."""
    having = states[:, at]
    within = splits == other
    scarce = states[within].sum(axis=0) == 1
    free = having & within & ~(states & scarce).any(axis=1)
    if not free.any():
        free = having & ~within  # of the test split
    rows = np.flatnonzero(free)
    return int(rows[np.argmin(weights[rows])]) if len(rows) else None
