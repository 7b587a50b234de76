"""A row of a network's anatomy, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Along = tuple[float, ...]  #: a number for each axis of the image


@dataclass(frozen=True, slots=True)
class Layer:
    """A module that has no modules inside it, or lines of a forward between such.

    Sizes are of one image. The receptive field is that of a unit of the output: it sees `field`
    pixels along each axis, padding among them; its neighbor sees as many, `jump` pixels further;
    the center of what the first unit sees is `start`, where 0 is the first pixel.
    """

    name: str
    kind: str  #: the module's class, or the operations
    output: tuple[int, ...]  #: (C, H, W) or (features,), without the batch
    params: int
    macs: int  #: multiply-adds of convolutions, dense layers and other products of matrices
    bytes: int  #: of the output
    receptive_field: Along | None  #: None: not known
    jump: Along | None
    start: Along | None
    kernel: tuple[int, ...] | None = None  #: of its convolution or pooling, where it has one
    stride: tuple[int, ...] | None = None
    sources: tuple[int, ...] = ()  #: places, in this table, of the layers it takes; -1: the image


def volume(shape: Sequence[int]) -> str:
    """(64, 7, 7) -> "64x7x7"."""
    return "x".join(map(str, shape))


def amount(number: int, unit: str = "") -> str:
    """1234567 -> "1.23 M": three digits and the prefix of a thousand, million, ..."""
    scaled, prefixes = float(number), iter(("", "k", "M", "G", "T", "P", "E"))
    prefix = next(prefixes)
    while scaled >= 999.5:
        scaled, prefix = scaled / 1000, next(prefixes)
    places = 0 if not prefix else max(0, 3 - len(str(int(scaled))))
    return f"{scaled:.{places}f} {prefix}{unit}".strip()
