"""What sampling, pooling and kernels take, checked."""

from __future__ import annotations

import operator
from typing import Any

from striate.errors import OptionError, printable
from striate.vision.arrays import Floats, floats


def samples(given: Any, what: str = "the picture", most_axes: int = 3) -> Floats:
    """A signal (N,) or a picture (H, W) or (H, W, C) as floats. Raises OptionError."""
    numbers = floats(given, what)
    if not 1 <= numbers.ndim <= most_axes:
        expected = "(N,)" if most_axes == 1 else "(N,), (H, W) or (H, W, C)"
        raise OptionError(f"{what} must have the shape {expected}, but {numbers.shape} came")
    return numbers


def whole(name: str, value: Any, most: int | None = None) -> int:
    """A whole number from 1 to `most`. Raises OptionError."""
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or (most is not None and number > most):
        range_ = "of at least 1" if most is None else f"from 1 to {most:,}"
        shown = printable(repr(value), 100)
        raise OptionError(f"{name} must be a whole number {range_}, but {shown} came")
    return number
