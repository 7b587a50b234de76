"""Networks on signals: their kernels as traces, and which samples an answer rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from striate.errors import OptionError
from striate.look.layers import check_channel, find_layer
from striate.look.panels import lay_out_captioned
from striate.look.sheet import Sheet
from striate.look.tiles import draw_tiles
from striate.model import Model
from striate.plotting.trace import draw_trace
from striate.text import count_noun, format_amount

_BATCH = 256
_PART = 16  #: part of a signal that is covered at once
_KERNEL, _SMALL, _FEW = (120, 160), (90, 120), 16  #: height and width of a kernel; of many; few
_SIGNAL = (180, 480)


def draw_kernels(model: Model, layer: str | None = None, channel: int | None = None) -> Sheet:
    """Draw the kernels of a convolution, by default of the first, as traces on one scale.

    A line is of an input channel. The array `kernels` is (outputs, width, inputs of a group).
    Raises OptionError for a layer that has none.
    """
    modules = dict(model.network.named_modules())
    first = next((name for name, each in modules.items() if isinstance(each, nn.Conv1d)), None)
    name = layer or first
    if name is None:
        raise OptionError(f"{model.network_name} has no convolution, so no kernels to draw")
    conv = find_layer(model.network, name)
    if not isinstance(conv, nn.Conv1d):
        hint = f"; the first that has is {first}" if first else ""
        raise OptionError(f"{name} is a {type(conv).__name__}, which has no kernels{hint}")
    kernels = conv.weight.detach().float().cpu().numpy().transpose(0, 2, 1)
    if channel is not None:
        check_channel(name, channel, len(kernels), "kernel")
    shown = kernels if channel is None else kernels[channel : channel + 1]
    reach = float(np.abs(kernels).max()) or 1.0
    shape = _KERNEL if len(shown) <= _FEW else _SMALL
    tiles = np.stack([draw_trace(each, shape, reach=reach) for each in shown])
    _, width, inputs = kernels.shape
    text = (
        f"{count_noun(len(kernels), 'kernel')} of {count_noun(width, 'sample')}, "
        f"a line for each of {count_noun(inputs, 'channel')}; all from {format_amount(-reach)} to "
        f"{format_amount(reach)}, 0 is the gray line"
    )
    picture = draw_tiles(tiles, f"Kernels of {name}", text, first=channel or 0)
    return Sheet(picture, {"kernels": kernels}, f"{name}: {text}")


@torch.inference_mode()
def attribute_samples(
    model: Model, signal: NDArray[np.float32], column: int | None = None
) -> tuple[NDArray[np.float32], int]:
    """Return how far an output falls where a sample is covered, (L,), and which output it is.

    A sixteenth of the signal (L, C) is set to its mean at once; a sample has the mean of all
    stretches that cover it. The output is that of a column of the targets, by default of the one
    that the answer is about. Zeiler and Fergus 2014, section 4.2, https://arxiv.org/abs/1311.2901
    """
    inputs, length = model.inputs(torch.from_numpy(signal[None])), len(signal)
    patch = max(1, length // _PART)
    step = max(1, patch // 4)
    starts = range(step - patch, length, step)
    every = inputs.repeat(len(starts) + 1, 1, 1)
    over = np.zeros((len(starts), length), bool)
    for row, start in enumerate(starts):
        over[row, max(0, start) : start + patch] = True
        every[row + 1, :, max(0, start) : start + patch] = 0
    outputs = torch.cat([model.run(part).float().cpu() for part in every.split(_BATCH)])
    if column is None:
        column = int(model.task.leading(outputs[:1])[0])
    values = model.task.explained(outputs, torch.full((len(outputs),), column)).numpy()
    falls = values[0] - values[1:]
    return (falls @ over / over.sum(axis=0)).astype(np.float32), column


def draw_covered(
    model: Model,
    signals: NDArray[np.float32],
    names: Sequence[str],
    column: int | None = None,
) -> Sheet:
    """Draw signals (N, L, C), red behind what an output rests on, blue behind what lowers it.

    Each has a scale of its own. The array `falls` is (N, L).
    """
    found = [attribute_samples(model, each, column) for each in signals]
    falls = np.stack([each for each, _ in found])
    reach = np.abs(falls).max(axis=1, keepdims=True)
    shades = falls / np.where(reach > 0, reach, 1)
    traces = [
        draw_trace(each, _SIGNAL, shade=shade) for each, shade in zip(signals, shades, strict=True)
    ]
    patch = max(1, signals.shape[1] // _PART)
    note = f"red: covering {count_noun(patch, 'sample')} there lowers the output, blue: raises it"
    classes = [model.class_names[column] for _, column in found]
    captions = list(zip(names, classes, strict=True))
    picture = lay_out_captioned(traces, captions, "Where the answer comes from", note, across=2)
    told = "; ".join(map(": ".join, captions))
    return Sheet(picture, {"falls": falls, "signals": signals}, f"{note}; {told}")
