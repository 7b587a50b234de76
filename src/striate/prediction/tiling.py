"""Maps of large images tile by tile, equal to those of the whole image.

A score is that of the whole image if all it sees lies in its tile. So tiles overlap by what a score
sees beyond its pixel on either side, and begin at multiples of the coarsest stride, where pooling
and strided convolutions fall on the same pixels. A tile at the border of the image ends there: the
network pads where it pads the whole image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import torch
from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers import chain
from striate.summary import Layer, Summary, summarize

#: two sides of images to trace: a multiple of usual strides, and one of none; nothing is computed
_SIDES = (6720, 13441)


@dataclass(frozen=True)
class Overlap:
    """What tiles of a network need: pixels to see on every side, and where tiles may begin."""

    margin: int  #: a multiple of the stride
    stride: int


@dataclass(frozen=True)
class Span:
    """A tile along one axis: the pixels that it answers, inside those that it is shown."""

    start: int
    stop: int
    first: int
    last: int  #: exclusive

    @property
    def answered(self) -> slice:
        return slice(self.start, self.stop)

    @property
    def shown(self) -> slice:
        return slice(self.first, self.last)

    @property
    def kept(self) -> slice:
        """The pixels that it answers, of those that it is shown."""
        return slice(self.start - self.first, self.stop - self.first)


def find_overlap(network: nn.Module, channels: int, scale: int = 1) -> Overlap:
    """Return an overlap with which tiles give the map of the whole image, `scale` times as large.

    From receptive fields, which are followed through every layer, upsampling included. Raises
    OptionError, naming the layer, where every score sees the whole image, as with global pooling
    and squeeze and excitation, and where layers depend on its size.
    """
    name = type(network).__name__
    told = chain(network=network, map=nn.Identity()).train(network.training)
    one, other = (summarize(told, (channels, side, side), name) for side in _SIDES)
    for first, second in zip(one.layers, other.layers, strict=True):
        if first.jump and 0 not in first.jump and _place(first) != _place(second):
            raise _refused(name, f"layer {_path(first)} depends on the size of the image")
    last = one.layers[-1]
    if last.jump is None or last.receptive_field is None or last.start is None:
        path = one.untraced[0].removeprefix("network.")
        raise _refused(name, f"what it sees cannot be followed, from {path}")
    if 0 in last.jump:
        all_seeing = next(layer for layer in one.layers if layer.jump and 0 in layer.jump)
        raise _refused(name, f"layer {_path(all_seeing)} sees the whole image")
    sizes = [summary.layers[-1].output[1:] for summary in (one, other)]
    wanted = [(scale * side, scale * side) for side in _SIDES]
    if sizes != wanted or {Fraction(jump).limit_denominator() for jump in last.jump} != {
        Fraction(1, scale)
    }:
        larger = f"{scale} times " if scale > 1 else ""
        raise _refused(name, f"its output is no map of {larger}the size of the image")
    jumps = {
        Fraction(jump).limit_denominator() for layer in one.layers for jump in layer.jump or ()
    }
    stride = math.lcm(*(jump.numerator for jump in jumps if jump))
    beyond = max(
        (field - 1) / 2 + abs(start) + 1 - 1 / scale  # of the last unit of a pixel
        for field, start in zip(last.receptive_field, last.start, strict=True)
    )
    return Overlap(math.ceil((beyond + _between(one)) / stride) * stride, stride)


def plan_tiles(height: int, width: int, tile: int, overlap: Overlap) -> list[tuple[Span, Span]]:
    """Return the tiles of an image of height x width pixels, as (rows, columns), in rows.

    Each answers `tile` x `tile` pixels, rounded up to the stride, or what is left of the image, and
    is shown the margin around them, as far as the image goes. Raises OptionError.
    """
    if min(height, width, tile) < 1:
        raise OptionError(
            f"image and tiles need 1 pixel or more a side, but an image of {height} x {width} and "
            f"tiles of {tile} came"
        )
    side = -(-tile // overlap.stride) * overlap.stride
    rows, columns = (
        [
            Span(
                start,
                min(start + side, length),
                max(0, start - overlap.margin),
                min(start + side + overlap.margin, length),
            )
            for start in range(0, length, side)
        ]
        for length in (height, width)
    )
    return list(product(rows, columns))


def run_tiled(
    network: Callable[[Tensor], Tensor],
    images: Tensor,
    tile: int,
    overlap: Overlap,
    decode: Callable[[Tensor], Tensor] = lambda logits: logits,
    scale: int = 1,
) -> Tensor:
    """Run a network in evaluation mode on (N, C, H, W) tile by tile -> (N, ..., H, W).

    `decode` is applied to the logits (N, classes, h, w) of each tile, and keeps height and width.
    With `scale`, all of these are so many times as high and wide as the images.
    """
    height, width = images.shape[2:]
    result: Tensor | None = None
    with torch.inference_mode():
        for rows, columns in plan_tiles(height, width, tile, overlap):
            logits = network(images[:, :, rows.shown, columns.shown])
            kept, answered = (
                [slice(scale * part.start, scale * part.stop) for part in parts]
                for parts in ((rows.kept, columns.kept), (rows.answered, columns.answered))
            )
            decoded = decode(logits[:, :, *kept])
            if result is None:
                result = decoded.new_empty((*decoded.shape[:-2], scale * height, scale * width))
            result[..., *answered] = decoded
    assert result is not None
    return result


def _between(summary: Summary) -> float:
    """Return the pixels by which scores may see further to one side than about their center.

    Where upsampling puts units between those of its input, they see the nearest of these, up to
    half an input unit away from where the receptive field is centered.
    """
    jumps = [max(layer.jump) if layer.jump else 0.0 for layer in summary.layers]
    coarser = (
        max((jumps[source] for source in layer.sources if source >= 0), default=0.0)
        for layer in summary.layers
    )
    return sum(
        before / 2 for before, after in zip(coarser, jumps, strict=True) if before > after > 0
    )


def _place(layer: Layer) -> tuple[Sequence[float] | None, ...]:
    return layer.receptive_field, layer.jump, layer.start


def _path(layer: Layer) -> str:
    return layer.name.removeprefix("network").removeprefix(".") or "forward"


def _refused(name: str, reason: str) -> OptionError:
    return OptionError(f"{name} cannot be run by tiles: {reason}; run it on the whole image")
