"""Nearest images: those whose features point in the same direction, found by exact search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ModelError
from striate.text import count_noun

#: images that are compared at once: 32 MB of similarities
_QUERIES, _IMAGES = 1024, 8192
#: decimals of a similarity; features of equal images differ in the seventh
_DECIMALS = 6


@dataclass(frozen=True)
class Neighbors:
    """The nearest images of each query, the nearest first."""

    rows: NDArray[np.int64]  #: (Q, k) of the features that were searched
    similarity: NDArray[np.float32]  #: (Q, k) cosine, -1 to 1; 0 for features that are all 0


def find_neighbors(
    queries: NDArray[np.floating[Any]], features: NDArray[np.floating[Any]], most: int
) -> Neighbors:
    """Return the `most` rows of features (N, D) that are nearest to each of queries (Q, D).

    Fewer where N is smaller. Of equally near ones the first comes first. Memory does not grow with
    N beyond the features. Raises ModelError for features that are not finite.
    """
    count = min(most, len(features))
    rows = np.zeros((len(queries), count), np.int64)
    similarity = np.zeros((len(queries), count), np.float32)
    for start in range(0, len(queries), _QUERIES):
        part = slice(start, start + _QUERIES)
        rows[part], similarity[part] = _search(_normalized(queries[part]), features, count)
    return Neighbors(rows, similarity)


def distinct_rows(contents: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the first row of each content (N, 32), in order: copies are left out."""
    whole = np.ascontiguousarray(contents).view(f"V{contents.shape[1]}")[:, 0]
    return np.sort(np.unique(whole, return_index=True)[1])


def _search(
    queries: NDArray[np.float32], features: NDArray[np.floating[Any]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    rows = np.zeros((len(queries), 0), np.int64)
    similarity = np.zeros((len(queries), 0), np.float32)
    for start in range(0, len(features), _IMAGES):
        block = _normalized(features[start : start + _IMAGES])
        near = np.round(queries @ block.T, _DECIMALS)
        best, values = _best(near, count)
        rows = np.concatenate((rows, best + start), axis=1)
        similarity = np.concatenate((similarity, values), axis=1)
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
        rows = np.take_along_axis(rows, order, axis=1)
        similarity = np.take_along_axis(similarity, order, axis=1)
    return rows, similarity


def _best(near: NDArray[np.float32], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return columns and values of the largest of each row, the first of equals; changes `near`."""
    every, count = np.arange(len(near)), min(count, near.shape[1])
    columns = np.zeros((len(near), count), np.int64)
    values = np.zeros((len(near), count), np.float32)
    for place in range(count):
        columns[:, place] = at = near.argmax(axis=1)
        values[:, place] = near[every, at]
        near[every, at] = -np.inf
    return columns, values


def _normalized(features: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return features (N, D) of length 1, or 0 where all are 0."""
    odd = int((~np.isfinite(features)).any(axis=1).sum())
    if odd:
        raise ModelError(
            f"the features of {count_noun(odd, 'image')} are not finite, so nothing is near to "
            "them; use other weights"
        )
    values = features.astype(np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return (values / np.where(lengths > 0, lengths, 1)).astype(np.float32)
