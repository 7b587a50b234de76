"""Conversion and validation of array arguments."""

from __future__ import annotations

import math
import operator
import sys
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.errors import OptionError, printable

Floats = NDArray[np.floating[Any]]

_FEW = 1000  # values; below, the fast check is not worth its setup


def floats(given: Any, what: str, dtype: DTypeLike | None = None) -> Floats:
    """Convert an array, a tensor or nested lists to finite floats; `what` names it in errors.

    Without `dtype`, float32 for booleans, integers of up to 16 bits, float16 and float32, and
    float64 for everything else. Raises OptionError for ragged, empty, non-real or non-finite
    values.
    """
    return finite(numbers(given, what, dtype), what)


def numbers(given: Any, what: str, dtype: DTypeLike | None = None) -> Floats:
    """As `floats`, without the check for non-finite values."""
    values = _array(given, what)
    if values.dtype.kind not in "biuf":
        raise OptionError(f"{what} must hold real numbers, but {values.dtype} came")
    if values.size == 0:
        raise OptionError(f"{what} is empty: its shape is {values.shape}; every axis needs a value")
    if dtype is None:
        brief = values.dtype.itemsize <= (4 if values.dtype.kind == "f" else 2)
        dtype = np.float32 if brief else np.float64
    if values.dtype == dtype and values.flags.c_contiguous:
        return values
    with np.errstate(over="ignore"):  # overflow to infinity is reported by `finite`
        return np.ascontiguousarray(values, dtype).reshape(values.shape)


def finite(values: Floats, what: str) -> Floats:
    """Return the values. Raises OptionError with the first non-finite one."""
    if values.size > _FEW:
        flat = values.reshape(-1)
        with np.errstate(over="ignore"):
            squares = np.dot(flat, flat)  # one pass instead of two
        surely = math.isfinite(squares)
    else:
        surely = bool(np.isfinite(values).all())
    if not surely:
        odd = np.argwhere(~np.isfinite(values))
        if len(odd):
            place = tuple(int(at) for at in odd[0])
            raise OptionError(
                f"{what} must hold finite numbers, but holds {values[place]} at {place} as "
                f"{values.dtype}"
            )
    return values


def like(found: Floats, given: Any) -> Any:
    """Return the array, converted to a tensor on the same device if `given` is one."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(given, torch.Tensor):
        return found
    return torch.from_numpy(found).to(given.device)


def _array(given: Any, what: str) -> NDArray[Any]:
    torch = sys.modules.get("torch")  # a tensor argument implies that torch is loaded
    if torch is not None and isinstance(given, torch.Tensor):
        brief = given.is_floating_point() and given.itemsize < 4  # NumPy has no bfloat16
        given = (given.float() if brief else given).numpy(force=True)
    try:
        return np.asarray(given)
    except ValueError:
        raise OptionError(f"the rows of {what} differ in length; give as many to each") from None


def samples(given: Any, what: str = "the image", most_axes: int = 3) -> Floats:
    """Convert a signal (N,) or an image (H, W) or (H, W, C) to floats. Raises OptionError."""
    numbers = floats(given, what)
    if not 1 <= numbers.ndim <= most_axes:
        expected = "(N,)" if most_axes == 1 else "(N,), (H, W) or (H, W, C)"
        raise OptionError(f"{what} must have the shape {expected}, but {numbers.shape} came")
    return numbers


def whole(name: str, value: Any, most: int | None = None) -> int:
    """Return an integer from 1 to `most`. Raises OptionError."""
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or (most is not None and number > most):
        range_ = "of at least 1" if most is None else f"from 1 to {most:,}"
        shown = printable(repr(value), 100)
        raise OptionError(f"{name} must be a whole number {range_}, but {shown} came")
    return number
