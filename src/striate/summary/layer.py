"""Layer: one row of a network's summary; formatting of shapes and amounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Along = tuple[float, ...]  #: one number per image axis


@dataclass(frozen=True, slots=True)
class Layer:
    """A leaf module, or the operations of a forward between leaf modules.

    Sizes are per image. `receptive_field`: pixels that an output unit sees along each axis,
    including padding; `jump`: pixels between the receptive fields of neighboring units; `start`:
    center of the first unit's receptive field, where 0 is the first pixel.
    """

    name: str
    kind: str  #: the module's class, or the operations
    output: tuple[int, ...]  #: (C, H, W) or (features,), without the batch
    params: int
    macs: int  #: multiply-adds of convolutions, dense layers and other matrix products
    bytes: int  #: of the output
    receptive_field: Along | None  #: None: unknown
    jump: Along | None
    start: Along | None
    kernel: tuple[int, ...] | None = None  #: of its convolution or pooling, if any
    stride: tuple[int, ...] | None = None
    sources: tuple[int, ...] = ()  #: rows of its input layers; -1: the image


def volume(shape: Sequence[int]) -> str:
    """(64, 7, 7) -> "64x7x7"."""
    return "x".join(map(str, shape))


def amount(number: int, unit: str = "") -> str:
    """1234567 -> "1.23 M": three digits and an SI prefix."""
    scaled, prefixes = float(number), iter(("", "k", "M", "G", "T", "P", "E"))
    prefix = next(prefixes)
    while scaled >= 999.5:
        scaled, prefix = scaled / 1000, next(prefixes)
    places = 0 if not prefix else max(0, 3 - len(str(int(scaled))))
    return f"{scaled:.{places}f} {prefix}{unit}".strip()
