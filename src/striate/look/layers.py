"""Layers of a network by name, and what they compute, read by hooks that are always removed."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, cast

from torch import Tensor, nn

from striate.errors import OptionError, unknown
from striate.summary import opened
from striate.text import count_noun

_STRETCH = 0.2  #: logarithm of how much longer maps are than the image, by rounding

#: layer name -> its outputs, one for each time that it was called, or for each of several outputs
Watched = dict[str, list[Tensor]]


def layer_names(network: nn.Module) -> tuple[str, ...]:
    """Return the names of all modules inside, in the order of their definition."""
    return tuple(name for name, _ in opened(network).named_modules() if name)


def find_layer(network: nn.Module, name: str) -> nn.Module:
    """Return the module of this name. Raises OptionError, with the nearest names, for no module."""
    return find_layers(network, [name])[0]


def find_layers(network: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Return the modules of these names. Raises OptionError as `find_layer` does."""
    modules = dict(opened(network).named_modules())
    for name in names:
        if not name or name not in modules:
            raise unknown("layer", name, layer_names(network))
    return [modules[name] for name in names]


def check_channel(layer: str, channel: int, count: int, noun: str = "channel") -> None:
    """Raise OptionError for a channel that is not one of the `count` of a layer."""
    if not 0 <= channel < count:
        raise OptionError(
            f"channel {channel} is out of range: layer {layer} has "
            f"{count_noun(count, noun)}, counted from 0"
        )


def has_channels_last(shape: Sequence[int], sides: Sequence[int]) -> bool:
    """Whether an output (a, b, c) for an image of sides (H, W) is (h, w, C), not (C, h, w).

    Maps are as much longer than wide as the image.
    """
    if len(shape) != 3 or len(sides) != 2 or not all(shape):
        return False
    one, other = (
        abs(math.log(high * sides[1] / (wide * sides[0]))) for high, wide in pairwise(shape)
    )
    return one < min(other, _STRETCH)


def channels_first(output: Tensor, sides: Sequence[int]) -> Tensor:
    """Return an output (N, h, w, C) as (N, C, h, w), and any other as it is."""
    return output.permute(0, 3, 1, 2) if has_channels_last(output.shape[1:], sides) else output


@contextmanager
def watch_layers(network: nn.Module, names: Sequence[str]) -> Generator[Watched]:
    """Keep the outputs of layers while the network runs, in a dict that each pass fills anew.

    What a layer gives as (N, h, w, C), as those of Swin do, is kept as (N, C, h, w). Names are in
    the order in which the layers ran first, and a layer that did not run is missing.
    Outputs are those of the layer itself, part of the graph of gradients where there is one: what
    follows gets a copy, so that an operation in place changes nothing of them. A layer that is
    called several times, or has several outputs, has several tensors. When the block is left,
    also by an error, the hooks are removed and the dict is emptied. Compiled networks have to be
    run as what `striate.summary.opened` returns of them. Raises OptionError for an unknown name.
    """
    watched: Watched = {}
    sides: list[int] = []  # of the images, (H, W)

    def start(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        watched.clear()
        sides[:] = inputs[0].shape[2:]

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: object) -> object:
            kept = list[Tensor]()
            copied = _copy(output, kept)
            watched.setdefault(name, []).extend(channels_first(each, sides) for each in kept)
            return copied

        return hook

    layers = find_layers(network, names)
    handles = [opened(network).register_forward_pre_hook(start)]
    try:
        for name, layer in zip(names, layers, strict=True):
            handles.append(layer.register_forward_hook(keep(name)))
        yield watched
    finally:
        for handle in handles:
            handle.remove()
        watched.clear()


def _copy(output: object, kept: list[Tensor]) -> object:
    """Append the tensors of an output to `kept`; return the output with copies of them."""
    if isinstance(output, Tensor):
        kept.append(output)
        return output.clone()
    if isinstance(output, dict):
        parts = cast("dict[Any, object]", output)
        return type(parts)({key: _copy(value, kept) for key, value in parts.items()})
    if isinstance(output, tuple | list):
        copies = [_copy(value, kept) for value in cast("Sequence[object]", output)]
        made = type(cast("Any", output))
        return made(*copies) if hasattr(made, "_fields") else made(copies)
    return output
