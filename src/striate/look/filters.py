"""Filters of a layer as pictures: in color where they see three channels, else signed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from striate.errors import ModelError, OptionError, printable
from striate.look.layers import check_channel, find_layer
from striate.look.sheet import Sheet
from striate.look.subject import find_network, image_shape
from striate.look.tiles import draw_tiles
from striate.model import Model
from striate.plotting.color import Scale, index_colors
from striate.text import count_noun, format_shape

_MOST = 1024  #: panels drawn at most
_SEEN = nn.Conv2d | nn.ConvTranspose2d

Filters = NDArray[np.float32]


def draw_filters(
    model: str | Path | Model | nn.Module, layer: str | None = None, channel: int | None = None
) -> Sheet:
    """Draw the filters of a convolution, by default of the first layer, or that of one channel.

    Filters of three channels are drawn in color, each on a scale of its own around gray; others
    as a row of panels, one for each input channel, blue to red on one scale around white. The first
    layer of a dense network is drawn as images of its input. The array `filters` is (outputs,
    inputs of a group, height, width). Raises OptionError for another layer and a channel out of
    range, ModelError for weights that are not finite.
    """
    name, filters = _read(model, layer)
    count = len(filters)
    if channel is not None:
        check_channel(name, channel, count, "filter")
    if not np.isfinite(filters).all():
        raise ModelError(f"{name}: its weights are not finite; there is nothing to draw")
    shown = filters if channel is None else filters[channel : channel + 1]
    tiles, told, scale = (_color if filters.shape[1] == 3 else _sign)(shown)
    _, inputs, high, wide = filters.shape
    what = f"{count_noun(count, 'filter')} of {format_shape((high, wide, inputs))}"
    which = what if channel is None else f"filter {channel} of {what}"
    cut = f"; the first {_MOST:,} of {len(tiles):,} panels" if len(tiles) > _MOST else ""
    text = f"{which}, {told}{cut}"
    across = inputs if inputs != 3 and 1 < inputs <= 64 and len(tiles) > inputs else 0
    picture = draw_tiles(
        tiles[:_MOST],
        f"Filters of {printable(name)}",
        text,
        scale=scale,
        across=across,
        first=channel or 0,
        each=len(tiles) // len(shown),
    )
    return Sheet(picture, {"filters": filters}, f"{name}: {text}")


def _color(filters: Filters) -> tuple[NDArray[np.uint8], str, None]:
    own = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    unit = filters / np.where(own > 0, own, 1)
    tiles = np.rint(127.5 + 127.5 * unit.transpose(0, 2, 3, 1)).astype(np.uint8)
    return tiles, "in color, each on a scale of its own: mid-gray is 0", None


def _sign(filters: Filters) -> tuple[NDArray[np.uint8], str, Scale]:
    _, inputs, high, wide = filters.shape
    reach = float(np.abs(filters).max()) or 1.0
    scale = Scale("diverging", -reach, reach)
    tiles = index_colors(filters, scale).reshape(-1, high, wide)
    panels = "; a panel for each input channel" * (inputs > 1)
    return tiles, f"all on one scale, {scale.describe()}{panels}", scale


def _read(model: str | Path | Model | nn.Module, layer: str | None) -> tuple[str, Filters]:
    """Return the name of a layer and its weights as (outputs, inputs, height, width)."""
    network = find_network(model)
    modules = dict(network.named_modules())
    known = [name for name, module in modules.items() if isinstance(module, _SEEN)]
    dense = next((name for name, m in modules.items() if isinstance(m, nn.Linear)), None)
    name = layer if layer is not None else next(iter(known), dense)
    if name is None:
        raise OptionError(f"{type(network).__name__} has no 2D convolution, so no filters to draw")
    module = find_layer(network, name) if name else network
    if isinstance(module, nn.Linear) and name == dense and not known:
        return name, _as_images(module, image_shape(model))
    if not isinstance(module, _SEEN):
        kind = type(module).__name__
        first = f"; the first that has is {known[0]}" if known else ""
        raise OptionError(f"{name} is a {kind}, which has no filters{first}")
    weights = module.weight.detach().float().cpu().numpy()
    if isinstance(module, nn.ConvTranspose2d):  # (inputs, outputs of a group, ...)
        groups = weights.reshape(module.groups, -1, *weights.shape[1:])
        weights = groups.swapaxes(1, 2).reshape(-1, groups.shape[1], *weights.shape[2:])
    return name, weights


def _as_images(layer: nn.Linear, shape: tuple[int, ...] | None) -> Filters:
    """Return the weights of a dense first layer as images of its input: (C, H, W), or a square."""
    weights = layer.weight.detach().float().cpu().numpy()
    if shape is None or int(np.prod(shape)) != weights.shape[1]:
        found = ((c, round((weights.shape[1] / c) ** 0.5)) for c in (1, 3))
        shape = next(((c, s, s) for c, s in found if c * s * s == weights.shape[1]), None)
    if shape is None:
        raise OptionError(
            f"the first layer sees {weights.shape[1]:,} numbers, which are no square image, so its "
            "weights cannot be drawn"
        )
    return weights.reshape(-1, *shape)
