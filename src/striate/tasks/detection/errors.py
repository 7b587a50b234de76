"""Kinds of errors of answered boxes: wrong class, badly placed, twice, background, missed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

_ENOUGH, _SOME = 0.5, 0.1  #: overlap of a hit, and of a box that is meant for an object


@dataclass(frozen=True)
class BoxErrors:
    """Answered boxes of each of N images by what became of them, and missed true boxes; (N,) each.

    The kinds are those of Bolya et al.: TIDE, ECCV 2020; https://arxiv.org/abs/2008.08115. A box
    overlaps the object by half or more, or, badly placed, by a tenth.
    """

    hits: Counts
    wrong_class: Counts  #: on an object of another class
    badly_placed: Counts  #: on an object of its class, but not by half
    both: Counts  #: on an object of another class, and not by half
    twice: Counts  #: on an object that a better box has hit
    background: Counts  #: on no object
    missed: Counts  #: true boxes without a hit

    @property
    def false(self) -> Counts:
        """(N,): answered boxes that are no hits."""
        kinds = self.wrong_class, self.badly_placed, self.both, self.twice, self.background
        return np.sum(kinds, axis=0)


def sort_errors(true: NDArray[np.floating[Any]], found: NDArray[np.floating[Any]]) -> BoxErrors:
    """Sort the boxes (N, D, 6) that are answers by what is true, (N, M, 6).

    Boxes are matched best first, as for AP at 0.5; those on ignored ones count nowhere.
    """
    names = [each.name for each in fields(BoxErrors)]
    counts = {name: np.zeros(len(true), np.int64) for name in names}
    for image, (real, rows) in enumerate(zip(true, found, strict=True)):
        real, rows = real[real[:, 4] >= 0], rows[rows[:, 5] >= 0]
        ignored = real[:, 5] > 0
        overlaps = measure_overlaps(rows, real)
        free = ~ignored
        for row in np.argsort(-rows[:, 4], kind="stable"):
            across, same = overlaps[row], real[:, 4] == rows[row, 5]
            own = np.where(free & same, across, 0)
            if own.max(initial=0) >= _ENOUGH:
                counts["hits"][image] += 1
                free[own.argmax()] = False
            elif (kind := _kind(across, same, ignored)) is not None:
                counts[kind][image] += 1
        counts["missed"][image] = free.sum()
    return BoxErrors(**counts)


def _kind(across: NDArray[Any], same: NDArray[np.bool_], ignored: NDArray[np.bool_]) -> str | None:
    """Return the kind of a false box from its overlaps (M,); None: on one that is ignored."""
    if across[ignored & same].max(initial=0) >= _ENOUGH:
        return None
    own, others = across[same & ~ignored], across[~same & ~ignored]
    if own.max(initial=0) >= _ENOUGH:
        return "twice"
    if others.max(initial=0) >= _ENOUGH:
        return "wrong_class"
    if own.max(initial=0) >= _SOME:
        return "badly_placed"
    return "both" if others.max(initial=0) >= _SOME else "background"


def measure_overlaps(rows: NDArray[Any], real: NDArray[Any]) -> NDArray[np.float64]:
    """Return the intersections over union (D, M) of corners (D, 4+) and (M, 4+)."""
    first = np.maximum(rows[:, None, :2], real[None, :, :2])
    last = np.minimum(rows[:, None, 2:4], real[None, :, 2:4])
    shared = (last - first).clip(0).prod(axis=2)
    one, two = ((each[:, 2:4] - each[:, :2]).prod(axis=1) for each in (rows, real))
    union = one[:, None] + two[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
