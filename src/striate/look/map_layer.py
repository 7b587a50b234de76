"""The layer that a class map is made of: the last with places before the head, or a named one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from striate.errors import OptionError
from striate.look.layers import find_layer, layer_names, watch_layers
from striate.summary import opened

#: within which outputs equal those of a head, relative to the largest; half precision rounds more
_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2}
_STRETCH = 1.5  #: maps are hardly longer than wide; what is otherwise, as tokens, has no places


@dataclass(frozen=True)
class MapLayer:
    """A layer that gives maps (N, C, h, w)."""

    name: str
    calls: int  #: in one pass; maps are those of the last
    #: what the means of the maps are answered with, if the network does that: the method is CAM
    head: nn.Linear | None

    @property
    def method(self) -> str:
        """Return "CAM" or "Grad-CAM"."""
        return "CAM" if self.head else "Grad-CAM"

    def __str__(self) -> str:
        calls = f", the last of {self.calls} calls" if self.calls > 1 else ""
        return f"{self.method} at layer {self.name}{calls}"


def find_map_layer(network: nn.Module, image: Tensor, name: str | None = None) -> MapLayer | None:
    """Return the last layer with maps of more than one place, or the one of this name.

    A pass with `image` (1, C, H, W) tells. Maps with a channel for each class, of networks that
    answer with a map, are the answer itself and passed over. Returns None for a network without
    such a layer. Raises OptionError for a name that is unknown or not of such a layer.
    """
    network = opened(network)
    if name is not None:
        find_layer(network, name)
    with torch.inference_mode(mode=False), torch.no_grad(), _last_calls(network) as order:
        with watch_layers(network, layer_names(network)) as watched:
            outputs = network(image)
            shapes = {key: tuple(watched[key][-1].shape) for key in order}
            fitting = [key for key in order if _has_places(shapes[key])]
            fitting = [key for key in fitting if not _is_attention(watched[key][-1])]
            if outputs.ndim == 4:
                fitting = [key for key in fitting if shapes[key][1] != outputs.shape[1]]
            if name is not None and not _has_places(shapes.get(name, ())):
                raise _without_places(name, shapes.get(name))
            if name is None and not fitting:
                return None
            found = name or fitting[-1]
            maps, calls = watched[found][-1], len(watched[found])
        return MapLayer(found, calls, _find_head(network, maps, outputs))


def _find_head(network: nn.Module, maps: Tensor, outputs: Tensor) -> nn.Linear | None:
    """Return the linear layer that makes the outputs of the means of the maps, if there is one."""
    tolerance = _TOLERANCE.get(outputs.dtype, 1e-3)
    means, reach = maps.mean(dim=(2, 3)), float(outputs.abs().max())
    for layer in network.modules():
        if isinstance(layer, nn.Linear) and layer.in_features == means.shape[1]:
            made = layer(means)
            if made.shape == outputs.shape and (made - outputs).abs().max() <= tolerance * reach:
                return layer
    return None


@contextmanager
def _last_calls(network: nn.Module) -> Generator[dict[str, None]]:
    """Collect the names of layers that return one tensor, in the order of their last calls."""
    order = dict[str, None]()

    def note(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            order.pop(name, None)
            if isinstance(output, Tensor):
                order[name] = None

        return hook

    layers = [(name, layer) for name, layer in network.named_modules() if name]
    handles = [layer.register_forward_hook(note(name)) for name, layer in layers]
    try:
        yield order
    finally:
        for handle in handles:
            handle.remove()


def _has_places(shape: tuple[int, ...]) -> bool:
    """Whether a layer's output (N, C, h, w) has more than one place."""
    return (
        len(shape) == 4
        and shape[2] * shape[3] > 1
        and (max(shape[2:]) <= _STRETCH * min(shape[2:]))
    )


def _is_attention(output: Tensor) -> bool:
    """Whether an output (N, C, t, t) is attention, shares of tokens that add up to 1 in a row."""
    sums = output.float().sum(dim=3)
    return output.shape[2] == output.shape[3] and bool((sums - 1).abs().max() < 0.01)


def _without_places(name: str, shape: tuple[int, ...] | None) -> OptionError:
    came = "gives none" if shape is None else f"gives {shape}"
    return OptionError(
        f"a class map needs a layer with maps (N, C, h, w) of more than one place, but {name} "
        f"{came}; name a convolution or what follows it"
    )
