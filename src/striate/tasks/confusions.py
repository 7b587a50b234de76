"""Pairs of classes that are confused most often, counted in images or in pixels; their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.tasks.sections import (
    MOST_BESIDE,
    MOST_IN_TABLE,
    CellImages,
    Rank,
    Ranking,
    Span,
)


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
    totals = np.maximum(confusion.sum(axis=1), 1)
    return tuple(
        Confusion(names[a], names[b], count := int(confusion[a, b]), float(count / totals[a]))
        for a, b in _find_cells(confusion, most)
    )


def _find_cells(confusion: NDArray[np.int64], most: int) -> list[tuple[int, int]]:
    """Return the cells (true, predicted) beside the diagonal by count, then by fraction."""
    wrong = confusion - np.diag(np.diagonal(confusion))
    fractions = wrong / np.maximum(confusion.sum(axis=1), 1)[:, None]
    order = np.lexsort((-fractions.ravel(), -wrong.ravel()))[:most]
    pairs = (divmod(int(cell), len(wrong)) for cell in order)
    return [pair for pair in pairs if wrong[pair]]


def find_cell_images(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    losses: NDArray[np.float64],
    confidence: NDArray[np.float32],
) -> tuple[CellImages, ...]:
    """Return the images (N,) of each cell of their confusion matrix, row by row."""
    order = np.lexsort((-losses, predicted, labels))
    pairs = np.stack((labels, predicted), axis=1)[order]
    starts = np.flatnonzero((np.diff(pairs, axis=0) != 0).any(axis=1)) + 1
    return tuple(
        CellImages(int(labels[rows[0]]), int(predicted[rows[0]]), rows, confidence[rows])
        for rows in np.split(order, starts)
    )


def rank_confusions(
    confusion: NDArray[np.int64], names: Sequence[str], noun: str, none: str
) -> Ranking:
    """Return what stands beside a confusion matrix; `none` is said where nothing is wrong."""
    most = 10 if len(names) <= MOST_IN_TABLE else 20
    pairs = find_confusions(confusion, names, most)
    ranks = tuple(map(_rank, pairs, _find_cells(confusion, most)))
    text = f"In brackets and as a bar: the share of the true class’s {noun}s."
    wide = MOST_BESIDE < len(names) <= MOST_IN_TABLE
    return Ranking("Most confused", ranks, text if ranks else none, wide=wide)


def _rank(pair: Confusion, cell: tuple[int, int]) -> Rank:
    names = Span(pair.true, "strong"), Span(pair.predicted, "strong")
    phrase = ("true ", names[0], ", predicted ", names[1])
    return Rank(phrase, f"{pair.count:,}", pair.fraction, cell)
