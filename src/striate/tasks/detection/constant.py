"""The best constant answer of detection: boxes for every image, where objects often are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.estimates import Floats
from striate.tasks.detection.errors import measure_overlaps

_MOST = 100  #: boxes of the answer
_TRIED, _SEEN = 300, 3000  #: true boxes of a class that are tried, and that they are compared with
_ENOUGH = 0.5  #: overlap of a hit; two boxes of a class in the answer overlap by less


def choose_constant(true: NDArray[np.floating[Any]], classes: int) -> Floats:
    """Return boxes (C, 6) with score and class that find the most of the true ones (N, M, 6+).

    They are true boxes of some image; the score is the share of the images where one hits, and of
    those of a class that overlap by half the best is taken.
    """
    chosen = [_choose(true, kind) for kind in range(classes)]
    rows = np.concatenate([np.empty((0, 6)), *chosen])
    return rows[np.argsort(-rows[:, 4], kind="stable")[:_MOST]]


def _choose(true: NDArray[np.floating[Any]], kind: int) -> Floats:
    """Return the boxes of one class, the best first."""
    images, places = np.nonzero((true[..., 4] == kind) & (true[..., 5] == 0))
    if not len(images):
        return np.empty((0, 6))
    images, boxes = images[(some := _spread(len(images), _SEEN))], true[images, places, :4][some]
    tried = boxes[_spread(len(boxes), _TRIED)]
    hits = measure_overlaps(tried, boxes) >= _ENOUGH
    firsts = np.flatnonzero(np.diff(images, prepend=-1))
    shares = np.logical_or.reduceat(hits, firsts, axis=1).sum(axis=1) / len(true)
    apart = measure_overlaps(tried, tried) < _ENOUGH
    free, best = np.ones(len(tried), bool), list[int]()
    for at in np.argsort(-shares, kind="stable").tolist():
        if free[at]:
            best.append(at)
            free &= apart[at]
    return np.column_stack([tried[best], shares[best], np.full(len(best), float(kind))])


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """Return up to `most` numbers below a count, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
