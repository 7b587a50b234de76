"""Kernels by name, by text, or from a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import unknown

Kernel = NDArray[np.float64]


def sobel_x() -> Kernel:
    return np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float64)


def identity() -> Kernel:
    return np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float64)


KERNELS: dict[str, Callable[..., Kernel]] = {"identity": identity, "sobel-x": sobel_x}


def kernel(name: str, **arguments: Any) -> Kernel:
    """A kernel by its name, with the arguments that it takes. Raises OptionError."""
    if name not in KERNELS:
        raise unknown("kernel", name, KERNELS)
    return KERNELS[name](**arguments)
