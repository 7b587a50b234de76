"""What pooling layers do, on plain arrays: each window along the axes becomes one number."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import Floats, like, samples, whole


def subsample(x: Any, stride: int = 2) -> Any:
    """Every stride-th value from the first: pooling with a window of 1. Raises OptionError."""
    return like(_pooled(x, 1, stride, np.maximum), x)


def max_pool(x: Any, size: int = 2, stride: int | None = None) -> Any:
    """The largest value of each window: (N,) -> (floor((N - size) / stride) + 1,).

    Along both axes of an image, for each channel, as torch's MaxPool1d and MaxPool2d without
    padding; `stride` is `size` unless given. Raises OptionError.
    """
    return like(_pooled(x, size, stride, np.maximum), x)


def average_pool(x: Any, size: int = 2, stride: int | None = None) -> Any:
    """The mean of each window; shapes and windows are those of `max_pool`. Raises OptionError."""
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
