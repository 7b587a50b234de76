"""What the functions of vision take and give: real, finite numbers in arrays or tensors."""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, printable

_SMALL = "bool", "int8", "uint8", "int16", "uint16", "float16", "float32"


def numbers(values: Any, what: str = "the picture") -> NDArray[np.floating[Any]]:
    """A signal (N,) or a picture (H, W) or (H, W, C), checked, as float32 or float64.

    float32 for bool, 8- and 16-bit integers, float16 and float32. Raises OptionError.
    """
    array = _array(values, what)
    if array.dtype.kind not in "biuf":
        raise OptionError(f"{what} must hold real numbers, but {array.dtype} came")
    shape = " x ".join(map(str, array.shape)) or "a single number"
    if array.ndim not in (1, 2, 3):
        raise OptionError(f"{what} must be (N,), (H, W) or (H, W, C), but {shape} came")
    if array.size == 0:
        raise OptionError(f"{what} is {shape} and thus empty")
    floats = array.astype(np.float32 if array.dtype.name in _SMALL else np.float64, copy=False)
    if not np.isfinite(floats).all():
        raise OptionError(f"{what} has values that are not finite: replace them first")
    return floats


def as_given(result: NDArray[Any], given: Any) -> Any:
    """The result as a tensor on the same device where one was given."""
    if not _is_tensor(given):
        return result
    import torch

    return torch.from_numpy(np.ascontiguousarray(result)).to(given.device)


def whole(name: str, value: Any, most: int | None = None) -> int:
    """A whole number from 1 to `most`, checked. Raises OptionError."""
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or (most is not None and number > most):
        end = "on" if most is None else f"to {most:,}"
        shown = printable(repr(value), 100)
        raise OptionError(f"{name} must be a whole number from 1 {end}, but {shown} came")
    return number


def _array(values: Any, what: str) -> NDArray[Any]:
    if _is_tensor(values):
        there = values.detach().cpu()
        return (there.float() if str(there.dtype) == "torch.bfloat16" else there).numpy()
    try:
        return np.asarray(values)
    except ValueError as error:
        raise OptionError(f"{what} is ragged: its rows have different lengths") from error


def _is_tensor(values: Any) -> bool:
    """Whoever made a tensor has loaded torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)
