"""What can be asked of a correlation: names and whole numbers, checked."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from typing import Literal

from striate.errors import OptionError, unknown

Mode = Literal["valid", "same", "full"]
Border = Literal["zero", "reflect", "replicate", "circular"]
Method = Literal["auto", "direct", "separable", "fft"]

#: how far the picture is extended before and after, for so many taps along an axis
AROUND: dict[str, Callable[[int], tuple[int, int]]] = {
    "valid": lambda _: (0, 0),
    "same": lambda taps: (taps // 2, (taps - 1) // 2),
    "full": lambda taps: (taps - 1, taps - 1),
}


def known(kind: str, name: object, names: Collection[str]) -> None:
    """Raises OptionError, with the nearest name, for a name that is none of `names`."""
    if not isinstance(name, str) or name not in names:
        raise unknown(kind, str(name), names)


def whole(name: str, given: int) -> int:
    """A whole number of at least 1. Raises OptionError."""
    if isinstance(given, bool) or not hasattr(given, "__index__") or operator.index(given) < 1:
        raise OptionError(f"{name} must be a whole number of at least 1, but {given!r} came")
    return operator.index(given)
