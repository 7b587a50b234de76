"""What a unit sees of the image: its exact receptive field, and the spread of its gradient."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.errors import OptionError
from striate.look.layers import find_layer, has_channels_last, watch_layers
from striate.summary import opened, summarize
from striate.text import count_noun, format_percent

Floats = NDArray[np.float64]

_HELD = 0.95  #: share of the effective field that is counted
_AT_ONCE = 8  #: images whose gradients are computed together


@dataclass(frozen=True)
class Field:
    """The receptive field of a unit: rows and columns of the image, the last ones excluded."""

    layer: str
    unit: tuple[int, int]  #: row and column in the maps of the layer
    maps: tuple[int, int]  #: height and width of the maps
    image: tuple[int, int]  #: height and width in pixels
    rows: tuple[int, int]  #: may begin above the image and end below it, in the padding
    columns: tuple[int, int]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """What of it lies in the image: top, left, bottom, right."""
        (high, wide), (top, bottom), (left, right) = self.image, self.rows, self.columns
        return max(0, top), max(0, left), min(high, bottom), min(wide, right)

    @property
    def pixels(self) -> int:
        """How many pixels of the image the unit sees."""
        top, left, bottom, right = self.box
        return max(0, bottom - top) * max(0, right - left)

    def __str__(self) -> str:
        (row, column), (top, bottom), (left, right) = self.unit, self.rows, self.columns
        start = f"unit {row}, {column} of {self.layer} sees"
        if self.box == (0, 0, *self.image):
            return f"{start} the whole image"
        y0, x0, y1, x1 = self.box
        seen = (bottom - top) * (right - left)
        padding = f", {format_percent(1 - self.pixels / seen, 0)} of them padding"
        return (
            f"{start} {right - left:,}x{bottom - top:,} pixels: rows {y0} to {y1 - 1}, "
            f"columns {x0} to {x1 - 1}{padding * (self.pixels < seen)}"
        )


def find_field(
    network: nn.Module, shape: Sequence[int], layer: str, unit: tuple[int, int] | None = None
) -> Field:
    """Return the receptive field of a unit of a layer, for images of `shape` (C, H, W).

    It follows from the arithmetic of windows alone, whatever the weights. Without a `unit`, the one
    in the middle. A layer that is called several times is seen at its last call. Raises OptionError
    for an unknown layer, one without maps or of unknown field, and a unit out of range.
    """
    find_layer(network, layer)
    rows = [
        row
        for row in summarize(opened(network), tuple(shape)).layers
        if row.name == layer or row.name.startswith(f"{layer}.")
    ]
    if not rows or len(rows[-1].output) != 3:
        raise OptionError(f"layer {layer} has no maps, so its units are not at places of an image")
    last = rows[-1]
    if last.receptive_field is None or last.jump is None or last.start is None:
        raise OptionError(
            f"the receptive field of layer {layer} cannot be told from its operations"
        )
    reversed_axes = has_channels_last(last.output, shape[1:])
    high, wide = last.output[:2] if reversed_axes else last.output[1:]
    row, column = unit or (high // 2, wide // 2)
    if not (0 <= row < high and 0 <= column < wide):
        raise OptionError(
            f"unit {row}, {column} is out of range: the maps of layer {layer} have "
            f"{count_noun(high, 'row')} and {count_noun(wide, 'column')}, counted from 0"
        )
    axes = zip(last.receptive_field, last.jump, last.start, (row, column), strict=True)
    down, across = (_ends(*axis) for axis in axes)
    return Field(layer, (row, column), (high, wide), (shape[1], shape[2]), down, across)


def _ends(size: float, jump: float, start: float, unit: int) -> tuple[int, int]:
    center = start + unit * jump
    return math.floor(center - (size - 1) / 2), math.ceil(center + (size - 1) / 2) + 1


def measure_effective_field(
    network: nn.Module, images: Tensor, layer: str, unit: tuple[int, int], seed: int = 0
) -> Floats:
    """Return how much each pixel moves a unit, (H, W), of sum 1; all 0 where nothing moves it.

    The absolute gradient of the unit with respect to the pixels, its channels weighted by signs
    drawn anew for each of the `images` (N, C, H, W), averaged over them: Luo et al., "Understanding
    the effective receptive field in deep convolutional neural networks", 2016,
    https://arxiv.org/abs/1701.04128. The network should be in evaluation mode. Raises OptionError
    for outputs that are not finite.
    """
    network = opened(network)
    random = torch.Generator().manual_seed(seed)
    total = np.zeros(images.shape[2:])
    with torch.enable_grad(), watch_layers(network, [layer]) as watched:
        for some in images.split(_AT_ONCE):
            inputs = some.detach().clone().requires_grad_()
            network(inputs)
            maps = watched[layer][-1][..., unit[0], unit[1]]
            signs = torch.randint(0, 2, maps.shape, generator=random) * 2 - 1
            (gradient,) = torch.autograd.grad((maps * signs.to(maps)).sum(), inputs)
            total += gradient.float().abs().sum(dim=(0, 1)).double().cpu().numpy()
    if not np.isfinite(total).all():
        raise OptionError(f"the gradients of layer {layer} are not finite")
    return total / total.sum() if total.any() else total


def randomize_weights(network: nn.Module, seed: int = 0) -> nn.Module:
    """Return a copy of the network with weights as its layers draw them, and fresh norms."""
    made = copy.deepcopy(opened(network))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in made.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
    return made


def count_holding(effective: Floats, share: float = _HELD) -> int:
    """Return how few pixels hold a share of an effective field; 0 where nothing moves the unit."""
    if not effective.any():
        return 0
    held = np.cumsum(np.sort(effective, axis=None)[::-1]) / effective.sum()
    return int(np.searchsorted(held, share)) + 1
