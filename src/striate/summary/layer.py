"""Layer: one row of a network's summary, as values and as text."""

from __future__ import annotations

from dataclasses import dataclass

from striate.text import MISSING, format_shape, format_si

HEADS = ("layer", "kind", "output", "parameters", "MACs", "memory", "field", "jump", "start")
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

    def cells(self) -> tuple[str, ...]:
        """Return the layer as text, a cell for each of HEADS."""
        return (
            self.name,
            self.kind,
            format_shape(self.output),
            f"{self.params:,}" if self.params else MISSING,
            format_si(self.macs) if self.macs else MISSING,
            format_si(self.bytes, "B"),
            *(_along(numbers) for numbers in (self.receptive_field, self.jump, self.start)),
        )


def _along(numbers: Along | None) -> str:
    if numbers is None:
        return "?"
    shown = [f"{number:.4g}" for number in numbers]
    return shown[0] if len(set(shown)) == 1 else "x".join(shown)
