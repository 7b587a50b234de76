"""Distances between two sets of images, by their features: Fréchet distance, precision, recall.

Heusel et al. 2017, GANs trained by a two time-scale update rule, https://arxiv.org/abs/1706.08500;
Kynkäänniemi et al. 2019, Improved precision and recall metric, https://arxiv.org/abs/1904.06991.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from striate.metrics.estimates import Floats

#: neighbors whose distance is the radius of an image's neighborhood
NEIGHBORS = 3
_AT_ONCE = 1024  #: rows of distances


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and covariance of the features of some images."""

    images: int
    mean: Floats  #: (F,)
    covariance: Floats  #: (F, F)

    @classmethod
    def of(cls, features: Floats) -> Self:
        """Return those of features (N, F)."""
        return cls.of_sums(len(features), features.sum(axis=0), features.T @ features)

    @classmethod
    def of_sums(cls, images: int, total: Floats, products: Floats) -> Self:
        """Return those of the sum (F,) of features and of their outer products (F, F)."""
        mean = total / max(1, images)
        covariance = products / max(1, images) - np.outer(mean, mean)
        return cls(images, mean, covariance * (images / max(1, images - 1)))


def measure_frechet(one: Moments, other: Moments) -> float:
    """Return the squared Fréchet distance of two normal distributions; NaN below two images each.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The fewer the images, the larger it comes out, also
    between sets that were drawn alike: compare distances of as many images only.
    """
    if min(one.images, other.images) < 2:
        return math.nan
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    between = np.linalg.eigvalsh(root @ other.covariance @ root).clip(0)
    apart = float(((one.mean - other.mean) ** 2).sum())
    spread = float(np.trace(one.covariance) + np.trace(other.covariance))
    return max(0.0, apart + spread - 2 * float(np.sqrt(between).sum()))


def find_covered(points: Floats, others: Floats, neighbors: int = NEIGHBORS) -> NDArray[np.bool_]:
    """Return which of the points (N, F) lie in the neighborhood of one of the others (M, F).

    The neighborhood of one reaches as far as its nearest `neighbors` of the same set. The share of
    generated images that real ones cover is the precision, of real ones that generated ones cover
    the recall.
    """
    if len(others) <= neighbors:
        return np.zeros(len(points), np.bool_)
    reach = np.concatenate(
        [
            np.partition(_squares(others[start : start + _AT_ONCE], others), neighbors, axis=1)[
                :, neighbors
            ]
            for start in range(0, len(others), _AT_ONCE)
        ]
    )
    covered = [
        (_squares(points[start : start + _AT_ONCE], others) <= reach).any(axis=1)
        for start in range(0, len(points), _AT_ONCE)
    ]
    return np.concatenate([np.zeros(0, np.bool_), *covered])


def _squares(rows: Floats, columns: Floats) -> Floats:
    """Return the squared distances (N, M) of features (N, F) and (M, F)."""
    lengths = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1)
    return (lengths - 2 * rows @ columns.T).clip(0)


def find_nearest(points: Floats, others: Floats) -> NDArray[np.int64]:
    """Return the nearest of the others (M, F) to each of the points (N, F): (N,)."""
    return _squares(points, others).argmin(axis=1)
