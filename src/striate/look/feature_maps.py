"""Feature maps of layers for an image, every channel on one sheet, silent ones marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import starmap
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.errors import ModelError, OptionError
from striate.look.layers import check_channel, layer_names, watch_layers
from striate.look.sheet import Sheet
from striate.look.subject import find_inputs
from striate.look.tiles import draw_tiles
from striate.model import Model
from striate.plotting.color import Scale, index_colors
from striate.summary import opened
from striate.text import count_noun, format_amount, format_shape

Calls = list[NDArray[np.float32]]  #: the maps (channels, H, W) of each call of a layer

_SHOWN = 0.995  #: share of the numbers within the scale of colors
_WORTH = 0.8  #: of the largest number: from there on nothing is clipped
_FLAT = 0.5  #: share of a channel at the end of the layer's range, from which it is saturated
_NEAR = 1e-3  #: of the range
_FLATTEST = 40  #: width of a strip, which is what a channel makes of a signal, over its height


def draw_feature_maps(
    model: str | Path | Model | nn.Module,
    image: str | Path | Tensor,
    layer: str,
    channel: int | None = None,
) -> Sheet:
    """Draw what a layer makes of an image: its channels in their order, or one of them.

    `image` is a file, for a model that knows how to read it, or a tensor (N, C, H, W), of which the
    first image is shown. Arrays: `maps` (channels, H, W), `dead` and `saturated` (channels,). A
    layer that is called several times is shown at its last call. Raises OptionError for an unknown
    layer, one without maps or a channel out of range, ModelError for maps that are not finite.
    """
    network, inputs = find_inputs(model, image)
    *_, (_, sheet) = draw_all_feature_maps(network, inputs, (layer,), channel)
    return sheet


def draw_all_feature_maps(
    network: nn.Module,
    inputs: Tensor,
    layers: Sequence[str] | None = None,
    channel: int | None = None,
) -> Iterator[tuple[str, Sheet]]:
    """Yield name and sheet of layers from one pass over the first image of (N, C, H, W).

    `layers` are names, ("all",) for every layer that has maps, None for the stages: the direct
    children that have. Of all, a layer is left out that gives what the one before gave, as a
    container does. A layer that is called twice has two sheets. Errors are those of
    `draw_feature_maps`.
    """
    for layer, calls in read_maps(network, inputs, layers).items():
        for number, maps in enumerate(calls, 1):
            name = f"{layer}, call {number} of {len(calls)}" if len(calls) > 1 else layer
            file = f"{layer}-{number}" if len(calls) > 1 else layer
            yield file, _draw(name, maps, channel)


def layers_with_maps(
    network: nn.Module, inputs: Tensor, layers: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Return the layers that are meant by `layers`, as `draw_all_feature_maps` takes them."""
    return tuple(read_maps(network, inputs, layers))


def read_maps(
    network: nn.Module, inputs: Tensor, layers: Sequence[str] | None = None
) -> dict[str, Calls]:
    """Return the maps of layers for the first of (N, C, H, W).

    `layers` and errors are those of `draw_all_feature_maps`.
    """
    network = opened(network)
    chosen = tuple(layers or ())
    stages = [name for name, _ in network.named_children()]
    named = bool(chosen) and chosen != ("all",)
    names = chosen if named else stages if layers is None else layer_names(network)
    with torch.inference_mode(), watch_layers(network, names) as watched:
        network(inputs[:1])
        found = {
            name: [_to_array(one[0]) for one in outputs if one.ndim == inputs.ndim]
            for name, outputs in watched.items()
        }
    for name in names if named else ():
        if not found.get(name):
            raise OptionError(
                f"layer {name} has no maps: what it makes of an image is not (channels, height, "
                "width)"
            )
    if not (kept := {name: maps for name, maps in found.items() if maps}):
        what = "stage with maps; name layers inside, or all" if not chosen else "layer with maps"
        raise OptionError(f"{type(network).__name__} has no {what}")
    return _without_repeats(kept) if chosen == ("all",) else kept


def _without_repeats(found: dict[str, Calls]) -> dict[str, Calls]:
    """Leave out a layer that gives what the one before gave, as a container what its last gives."""
    kept, before = dict[str, Calls](), Calls()
    for name, calls in found.items():
        pairs = zip(calls, before, strict=False)
        if len(calls) != len(before) or not all(starmap(np.array_equal, pairs)):
            kept[name] = before = calls
    return kept


def _to_array(maps: Tensor) -> NDArray[np.float32]:
    """Return maps channel by channel, also where a network has channels last.

    Those of a signal, (channels, L), are one row high.
    """
    shown = maps if maps.ndim == 3 else maps[:, None]
    return shown.float().contiguous().cpu().numpy()


def _draw(name: str, maps: NDArray[np.float32], channel: int | None) -> Sheet:
    count, high, wide = maps.shape
    if channel is not None:
        check_channel(name, channel, count)
    if not np.isfinite(maps).all():
        raise ModelError(f"the maps of layer {name} are not finite; use other weights")
    dead, saturated = find_dead(maps), find_saturated(maps)
    scale, told = _choose_scale(maps)
    shown = slice(None) if channel is None else slice(channel, channel + 1)
    signs = "".join("x" if d else "=" if s else " " for d, s in zip(dead, saturated, strict=True))
    which = f"channel {channel} of {count}" if channel is not None else count_noun(count, "channel")
    text = (
        f"{which} of {format_shape((high, wide))}, {told}; {int(dead.sum()):,} dead (a cross: the "
        f"same number everywhere); {int(saturated.sum()):,} saturated (two bars: half of its "
        "places or more at an end of the layer's range)"
    )
    strip = 1 if high > 1 else max(1, wide // _FLATTEST)
    picture = draw_tiles(
        index_colors(maps[shown].repeat(strip, axis=1), scale),
        f"Feature maps of {name}",
        text,
        scale=scale,
        first=channel or 0,
        signs=signs[shown],
        across=0 if high > 1 else 1,
    )
    arrays = {"maps": maps, "dead": dead, "saturated": saturated}
    return Sheet(picture, arrays, f"{name}: {text}")


def find_dead(maps: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which channels of (channels, H, W) are the same number everywhere."""
    flat = maps.reshape(len(maps), -1)
    if flat.shape[1] == 1:  # one place alone cannot vary
        return flat[:, 0] == 0
    return flat.max(axis=1) == flat.min(axis=1)


def find_saturated(maps: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which channels are, in half of their places or more, at an end of the layer's range.

    The lower end counts only below 0: a ReLU that is closed is not saturated. Neither is what is
    dead, nor a layer whose maps are single numbers.
    """
    flat = maps.reshape(len(maps), -1)
    least, most = float(flat.min()), float(flat.max())
    near = _NEAR * (most - least)
    high = np.count_nonzero(flat >= most - near, axis=1) * (most > 0)
    low = np.count_nonzero(flat <= least + near, axis=1) * (least < 0)
    ends = np.maximum(high, low) >= _FLAT * flat.shape[1]
    return ends & ~find_dead(maps) & (flat.shape[1] > 1)


def _choose_scale(maps: NDArray[np.float32]) -> tuple[Scale, str]:
    """Return one scale for all channels, within which all but a few of the numbers are."""
    sizes = np.abs(maps).reshape(-1)
    largest = float(sizes.max())
    place = min(len(sizes) - 1, int(_SHOWN * len(sizes)))
    reach = float(np.partition(sizes, place)[place])
    reach = reach if 0 < reach < _WORTH * largest else largest or 1.0
    beyond = int(np.count_nonzero(sizes > reach))
    signed = float(maps.min()) < 0
    scale = Scale("diverging" if signed else "stretched", -reach if signed else 0.0, reach)
    clipped = f"; {count_noun(beyond, 'number')} up to {format_amount(largest)} beyond it"
    return scale, f"{scale.describe()}{clipped * bool(beyond)}"
