"""Pooling of arrays: subsampling, maximum and average."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import Floats, like, samples, whole


def subsample(x: Any, stride: int = 2) -> Any:
    """Keep every stride-th value from the first: pooling with a window of 1. Raises OptionError."""
    return like(_pooled(x, 1, stride, np.maximum), x)


def max_pool(x: Any, size: int = 2, stride: int | None = None) -> Any:
    """Return the maximum of each window: (N,) -> (floor((N - size) / stride) + 1,).

    Images are pooled along both axes, per channel, as torch's MaxPool1d and MaxPool2d without
    padding; `stride` defaults to `size`. Raises OptionError.
    """
    return like(_pooled(x, size, stride, np.maximum), x)


def average_pool(x: Any, size: int = 2, stride: int | None = None) -> Any:
    """Return the mean of each window; shapes as in `max_pool`. Raises OptionError."""
    sums = _pooled(x, size, stride, np.add)
    return like(sums / int(size) ** min(sums.ndim, 2), x)


def _pooled(
    x: Any, size: int, stride: int | None, join: Callable[[Floats, Floats], Floats]
) -> Floats:
    values = samples(x)
    side = whole("size", size)
    step = side if stride is None else whole("stride", stride)
    axes = min(values.ndim, 2)
    if side > min(values.shape[:axes]):
        shape = " x ".join(map(str, values.shape[:axes]))
        raise OptionError(f"a window of {side} does not fit into {shape}; use a smaller size")
    for axis in range(axes):
        lines = np.moveaxis(values, axis, 0)
        reach = len(lines) - side + 1
        values = np.moveaxis(
            reduce(join, [lines[first : first + reach : step] for first in range(side)]), 0, axis
        )
    return values.copy() if side == 1 else values
