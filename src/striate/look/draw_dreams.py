"""The sheet of dreams: what each channel prefers, above the real image that it prefers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from striate.data.decoding.preprocess import Preprocess
from striate.look.dreams import STEPS, Dream, dream, read_channels
from striate.look.panels import Panel, lay_out
from striate.look.sheet import Sheet
from striate.text import count_noun, format_amount, shorten_middle

_ACROSS, _SIDE, _LONGEST = 4, 200, 24  #: panels in a row, units of an image, letters of a name


def draw_dreams(
    network: nn.Module,
    preprocess: Preprocess,
    layer: str,
    channels: Sequence[int],
    pixels: NDArray[np.uint8] | None = None,
    *,
    names: Sequence[str] = (),
    steps: int = STEPS,
    seed: int = 0,
) -> Sheet:
    """Draw the image that each of the channels of a layer prefers, and how strongly it answers.

    With `pixels` (N, size, size, channels), real images, below each the one of them that it answers
    most strongly. `names` are those of all channels, as of the classes where the layer is the last.
    Arrays: `channels`, `activations`, `starts` (K,), `pixels` (K, H, W, C), and with real images
    `strongest` (K,), the activation, and `rows` (K,) of `pixels`. Errors are those of `dream`.
    """
    found = dream(network, preprocess, layer, channels, steps=steps, seed=seed)
    dreams = [Panel(_picture(one.pixels), _name(one, names), (_tell(one),)) for one in found]
    arrays = {
        "channels": np.array([one.channel for one in found]),
        "activations": np.array([one.activation for one in found]),
        "starts": np.array([one.start for one in found]),
        "pixels": np.stack([one.pixels for one in found]),
    }
    real = list[Panel]()
    if pixels is not None:
        values = _answers(network, preprocess, layer, pixels)[:, arrays["channels"]]
        arrays["rows"], arrays["strongest"] = values.argmax(axis=0), values.max(axis=0)
        for row, value in zip(arrays["rows"].tolist(), arrays["strongest"].tolist(), strict=True):
            real.append(Panel(_picture(pixels[row]), "", (f"real: {format_amount(value, 3)}",)))
    rows = list[list[Panel]]()
    for at in range(0, len(dreams), _ACROSS):
        rows += [part for some in (dreams, real) if (part := some[at : at + _ACROSS])]
    what = count_noun(len(found), "output" if names else "channel")
    title = f"What {what} of {layer} would like to see"
    note = (
        f"Found from noise in {steps:,} steps, seed {seed}; below, the mean of the "
        f"{'output' if names else 'channel'}, and what it was for the noise."
    )
    if pixels is not None:
        note += f"\nBelow each, the strongest of {count_noun(len(pixels), 'real image')}."
    return Sheet(lay_out(rows, title, note, _SIDE), arrays, f"{title}. {note}".replace("\n", " "))


def _answers(
    network: nn.Module, preprocess: Preprocess, layer: str, pixels: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return what each channel of a layer answers to real images, (N, channels)."""
    weight = next(network.parameters())
    inputs = preprocess.normalize(torch.from_numpy(np.ascontiguousarray(pixels)))
    return read_channels(network, layer, inputs.to(weight.device, weight.dtype))


def _name(one: Dream, names: Sequence[str]) -> str:
    return shorten_middle(names[one.channel], _LONGEST) if names else f"channel {one.channel}"


def _tell(one: Dream) -> str:
    if one.activation <= one.start:
        return f"{format_amount(one.activation, 3)}: no image moves it"
    return f"{format_amount(one.activation, 3)}, noise {format_amount(one.start, 3)}"


def _picture(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
