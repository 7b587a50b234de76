"""What a caller gives, as an array of floats, checked; and what is handed back."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.errors import OptionError

Floats = NDArray[np.floating[Any]]


def floats(given: Any, what: str, dtype: DTypeLike = None) -> Floats:
    """The numbers of an array, a tensor or nested lists; `what` names them in an error.

    Without `dtype`, float32 for booleans, integers of up to 16 bits, float16 and float32, and
    float64 for everything else. Raises OptionError for what is ragged, empty, not real, not
    finite, or so large that a sum of squares leaves the type's range.
    """
    values = _array(given, what)
    if values.dtype.kind not in "biuf":
        raise OptionError(f"{what} must hold real numbers, but {values.dtype} came")
    if values.size == 0:
        raise OptionError(f"{what} is empty: its shape is {values.shape}; every axis needs a value")
    if dtype is None:
        brief = values.dtype.itemsize <= 2 or values.dtype == np.float32
        dtype = np.float32 if brief else np.float64
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(values, dtype).reshape(values.shape)
    flat = numbers.reshape(-1)
    if not np.isfinite(np.dot(flat, flat)):  # one pass, quicker than looking at every value
        _refuse(values, numbers.dtype, what)
    return numbers


def like(found: Floats, given: Any) -> Any:
    """The array, or a tensor on the same device if `given` is one."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(given, torch.Tensor):
        return found
    return torch.from_numpy(found).to(given.device)


def _array(given: Any, what: str) -> NDArray[Any]:
    torch = sys.modules.get("torch")  # whoever has a tensor has loaded it
    if torch is not None and isinstance(given, torch.Tensor):
        brief = given.is_floating_point() and given.itemsize < 4  # NumPy has no bfloat16
        given = (given.float() if brief else given).numpy(force=True)
    try:
        return np.asarray(given)
    except ValueError:
        raise OptionError(f"the rows of {what} differ in length; give as many to each") from None


def _refuse(values: NDArray[Any], dtype: np.dtype[Any], what: str) -> None:
    finite = np.isfinite(values)
    if finite.all():
        most = np.abs(values).max()
        raise OptionError(
            f"{what} holds values of up to {most:.3g}, too large to add up as {dtype}; divide them"
        )
    place = tuple(int(at) for at in np.argwhere(~finite)[0])
    raise OptionError(
        f"{what} holds {values[place]} at {place}; finite numbers were expected, so replace it"
    )
