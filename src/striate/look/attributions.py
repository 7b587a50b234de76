"""Which letters of a sequence an answer rests on: every letter is changed, and the output read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.signals.letters import LETTERS, UNKNOWN
from striate.look.panels import lay_out_captioned
from striate.look.sheet import Sheet
from striate.model import Model
from striate.plotting.logo import draw_logo

_BATCH = 512
_COLUMN, _HIGH = 12, 100  #: pixels of a letter's column, and of a sequence


@torch.inference_mode()
def attribute_letters(
    model: Model, codes: NDArray[np.uint8], column: int | None = None
) -> tuple[NDArray[np.float32], int]:
    """Return how much each letter adds to an output, (L,), of a sequence (L, 1), and which output.

    That is the output less its mean where another letter stands there. The output is that of a
    column of the targets, by default of the one that the answer is about; an unknown letter adds 0.
    """
    length = len(codes)
    changed = np.repeat(codes[None], 4 * length, axis=0).reshape(length, 4, length)
    changed[np.arange(length), :, np.arange(length)] = np.arange(4)
    every = np.concatenate([codes[None, :, 0], changed.reshape(-1, length)])[:, :, None]
    parts = torch.from_numpy(every).split(_BATCH)
    outputs = torch.cat([model.outputs(part).float().cpu() for part in parts])
    if column is None:
        column = int(model.task.leading(outputs[:1])[0])
    columns = torch.full((len(outputs),), column)
    values = model.task.explained(outputs, columns).numpy()
    own, others = values[0], values[1:].reshape(length, 4)
    known = codes[:, 0] != UNKNOWN
    mean = (others.sum(axis=1) - own) / 3
    return np.where(known, own - mean, 0).astype(np.float32), column


def draw_attributions(
    model: Model, codes: NDArray[np.uint8], names: Sequence[str], column: int | None = None
) -> Sheet:
    """Draw sequences (N, L, 1) with each letter as high as what it adds to an output.

    Letters below the line speak against it. All sequences have one scale.
    """
    found = [attribute_letters(model, each, column) for each in codes]
    added = np.stack([each for each, _ in found])
    reach = float(np.abs(added).max()) or 1.0
    logos = list[NDArray[np.uint8]]()
    for row, values in zip(codes, added, strict=True):
        heights = np.zeros((len(row), len(LETTERS)), np.float32)
        known = row[:, 0] != UNKNOWN
        heights[np.flatnonzero(known), row[known, 0]] = values[known]
        logos.append(draw_logo(_both_ways(heights), reach, column=_COLUMN, high=_HIGH))
    note = "a letter is as high as its change lowers the output"
    classes = [model.class_names[column] for _, column in found]
    captions = list(zip(names, classes, strict=True))
    picture = lay_out_captioned(logos, captions, "What each letter adds", note, across=1)
    told = "; ".join(map(": ".join, captions))
    return Sheet(picture, {"added": added, "codes": codes}, f"{note}; {told}")


def _both_ways(heights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return heights of which one is below 0, so that all are drawn about one line."""
    if (heights < 0).any():
        return heights
    lowered = heights.copy()
    lowered[0, np.flatnonzero(lowered[0] == 0)[0]] = -1e-6
    return lowered
