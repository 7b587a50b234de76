"""What can be asked of a correlation, by name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

from striate.errors import unknown

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
