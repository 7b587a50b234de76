"""Pairs of classes that are confused most often, counted in images or in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.tasks.sections import MOST_BESIDE, MOST_IN_TABLE, Rank, Ranking, Span


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images or pixels of one class predicted as another."""

    true: str
    predicted: str
    count: int
    fraction: float  #: of those of the true class


def find_confusions(
    confusion: NDArray[np.int64], names: Sequence[str], most: int
) -> tuple[Confusion, ...]:
    """Return the pairs of a confusion matrix (K, K) by count, then by fraction."""
    wrong = confusion - np.diag(np.diagonal(confusion))
    fractions = wrong / np.maximum(confusion.sum(axis=1), 1)[:, None]
    order = np.lexsort((-fractions.ravel(), -wrong.ravel()))[:most]
    pairs = [divmod(int(cell), len(wrong)) for cell in order]
    return tuple(
        Confusion(names[a], names[b], int(wrong[a, b]), float(fractions[a, b]))
        for a, b in pairs
        if wrong[a, b]
    )


def rank_confusions(
    confusion: NDArray[np.int64], names: Sequence[str], noun: str, none: str
) -> Ranking:
    """Return what stands beside a confusion matrix; `none` is said where nothing is wrong."""
    most = 10 if len(names) <= MOST_IN_TABLE else 20
    ranks = tuple(map(_rank, find_confusions(confusion, names, most)))
    text = f"In brackets and as a bar: the share of the true class’s {noun}s."
    wide = MOST_BESIDE < len(names) <= MOST_IN_TABLE
    return Ranking("Most confused", ranks, text if ranks else none, wide=wide)


def _rank(pair: Confusion) -> Rank:
    names = Span(pair.true, "strong"), Span(pair.predicted, "strong")
    return Rank(("true ", names[0], ", predicted ", names[1]), f"{pair.count:,}", pair.fraction)
