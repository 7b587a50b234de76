"""Percentile bootstrap over images of figures that are functions of sums.

Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979). An image
is drawn whole: its pixels, labels and columns are not independent of each other. How often each
image was drawn is a matrix, and the resampled sums are its product with the sums of the images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.estimates import Estimate, Floats

#: most counts of images held at once: 8 MB
_CELLS = 2**20
#: percentiles of a 95 % interval
_ENDS = (2.5, 97.5)

Figures = Callable[[Floats], Floats]


def bootstrap(
    sums: NDArray[Any], figures: Figures, *, resamples: int = 1000, seed: int = 0
) -> list[Estimate]:
    """Estimate figures from (N, S) additive sums, a row for each image.

    `figures` maps (R, S) summed sums to (R, F) figures, NaN where undefined. The interval leaves
    out resamples in which a figure is undefined. Images that do not differ, or one alone, tell
    nothing about their spread: an interval of width 0 for those, none for this.
    """
    n, summed = len(sums), np.asarray(sums, np.float64)
    (values,) = figures(summed.sum(axis=0, keepdims=True))
    if n < 2:
        return [Estimate(float(value), None, None, n) for value in values]
    found = np.concatenate([
        figures(counts.astype(np.float64) @ summed) for counts in draw(n, resamples, seed)
    ])  # fmt: skip
    return [summarize(value, column, n) for value, column in zip(values, found.T, strict=True)]


def bootstrap_mean(values: Floats) -> Estimate:
    """Estimate the mean of (N,) values of images, without those that are NaN."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Estimate(math.nan, None, None, 0)
    sums = np.stack([known, np.ones_like(known)], axis=1)
    return bootstrap(sums, lambda summed: summed[:, :1] / summed[:, 1:])[0]


def draw(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield blocks (B, N) of `resamples` in all: how often each of N images was drawn."""
    generator, block = np.random.default_rng(seed), max(1, _CELLS // n)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        places = generator.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n)


def summarize(value: float, resampled: Floats, n: int) -> Estimate:
    """Return a figure with the percentiles of its (R,) resampled values."""
    defined = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not defined.size:
        return Estimate(float(value), None, None, n)
    low, high = np.percentile(defined, _ENDS)
    return Estimate(float(value), float(low), float(high), n)
