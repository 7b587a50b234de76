"""Preprocessing from a sequence of DNA to a network's input; saved with the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw

from striate.data.signals.letters import LETTERS, UNKNOWN
from striate.data.signals.signal_input import SignalInput
from striate.plotting.ink import font
from striate.plotting.trace import SHAPE

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

_COLORS = ((63, 157, 63), (59, 125, 221), (230, 160, 30), (200, 60, 50), (190, 190, 190))
_LEAST, _MOST = 8, 24  #: width of a letter in pixels
_TALL = 1.5  #: times as high


@dataclass(frozen=True)
class SequenceInput(SignalInput):
    """Length of a sequence; its letters are four channels, A, C, G and T, of which one is 1.

    An unknown letter, and what is padded, is a fourth of each. With `both_strands` a model answers
    with the mean of its answers to a sequence and its reverse complement.
    """

    both_strands: bool = True

    inputs: ClassVar[str] = "sequence"
    dtype: ClassVar[str] = "uint8"

    @property
    def row_shape(self) -> tuple[int, ...]:
        return self.size, 1

    @property
    def padding(self) -> tuple[float, ...]:
        return (0.25,) * 4

    @property
    def sides(self) -> str:
        return f"{self.size:,} letters"

    def describe(self) -> str:
        """Return length, strands and fit in words."""
        strands = "both strands" if self.both_strands else "one strand"
        return f"{self.sides} of DNA, {strands}, {self.fit}"

    def fit_signal(self, signal: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the codes (L, 1) of a sequence as (size, 1)."""
        length, size = len(signal), self.size
        first = (length - size) // 2 if self.fit == "crop" else 0
        placed = np.full((size, 1), UNKNOWN, np.uint8)
        kept = signal[max(0, first) : max(0, first) + size]
        placed[max(0, -first) : max(0, -first) + len(kept)] = kept
        return placed

    def normalize(self, pixels: Tensor) -> Tensor:
        """(N, size, 1) codes -> (N, 4, size) float32."""
        import torch  # imported lazily: decoding needs none

        table = pixels.new_tensor(np.vstack([np.eye(4), np.full(4, 0.25)]), dtype=torch.float32)
        return table[pixels[:, :, 0].long()].transpose(1, 2)

    def variants(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the inputs (N, 4, size) whose answers are averaged: both strands."""
        return (inputs, inputs.flip(1, 2)) if self.both_strands else (inputs,)

    def with_statistics(self, images: Iterable[NDArray[Any]]) -> SequenceInput:  # noqa: ARG002
        """Return it with mean 0 and std 1: letters are not normalized."""
        return replace(self, mean=(0.0,) * 4, std=(1.0,) * 4)

    def pictures(self, rows: NDArray[Any]) -> NDArray[np.uint8]:
        """Draw sequences (N, size, 1), or one, as rows of colored letters (N, H, W, 3)."""
        return draw_letters(rows) if rows.ndim == 2 else np.stack(list(map(draw_letters, rows)))


def draw_letters(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw the beginning of a sequence (L, 1), letters as large as all of them fit: (H, W, 3)."""
    high, wide = SHAPE
    step = int(np.clip(np.sqrt(high * wide / (_TALL * len(codes))), _LEAST, _MOST))
    down, across = round(step * _TALL), wide // step
    canvas = Image.new("RGB", (wide, high), "white")
    pen = ImageDraw.Draw(canvas)
    for at, code in enumerate(codes[: across * (high // down), 0].tolist()):
        place = (at % across + 0.5) * step, (at // across + 0.5) * down
        pen.text(place, f"{LETTERS}N"[code], _COLORS[code], font(1.3 * step), anchor="mm")
    return np.asarray(canvas)
