"""Preprocessing from a signal to a network's input; saved with the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw

from striate.data.decoding.preprocess import Preprocess
from striate.text import count_noun

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

LONGEST = 2**20  #: samples of an input
_LEAST_STD = 1e-12  #: below it a channel never changes
_PICTURE = 180, 240, 3  #: shape of the picture of a trace
_FINER = 2  #: it is drawn so many times larger first
_MARGIN = 6
#: of the channels in turn, as of the series of a chart
_COLORS = ("#3b7ddd", "#d9541e", "#3f9d8f", "#8e6bbf")


@dataclass(frozen=True)
class SignalInput(Preprocess):
    """What `Preprocess` is for images: length, fit and normalization of a signal.

    `size` is the length in samples. `letterbox` keeps the beginning: what is longer is cut at its
    end, what is shorter padded with 0 there. `crop` keeps the center, `stretch` interpolates.
    """

    inputs: ClassVar[str] = "signal"
    dtype: ClassVar[str] = "float32"

    @property
    def row_shape(self) -> tuple[int, ...]:
        return self.size, self.channels

    @property
    def shape(self) -> tuple[int, ...]:
        return self.channels, self.size

    @property
    def padding(self) -> tuple[float, ...]:
        """Normalized 0, one value per channel; empty if nothing is padded."""
        if self.fit == "stretch":
            return ()
        return tuple(-m / d for m, d in zip(self.mean, self.std, strict=True))

    @property
    def sides(self) -> str:
        return f"{self.size:,} samples"

    def describe(self) -> str:
        """Return length, channels and fit in words."""
        return f"{self.sides}, {count_noun(self.channels, 'channel')}, {self.fit}"

    def fit_signal(self, signal: NDArray[Any]) -> NDArray[Any]:
        """(L, channels) -> (size, channels)."""
        length, size = len(signal), self.size
        if length == size:
            return signal
        if self.fit == "stretch":
            places = (np.arange(size) + 0.5) * length / size - 0.5
            columns = [np.interp(places, np.arange(length), column) for column in signal.T]
            return np.stack(columns, axis=1).astype(np.float32)
        first = (length - size) // 2 if self.fit == "crop" else 0
        placed = np.zeros((size, signal.shape[1]), np.float32)
        kept = signal[max(0, first) : max(0, first) + size]
        placed[max(0, -first) : max(0, -first) + len(kept)] = kept
        return placed

    def normalize(self, pixels: Tensor) -> Tensor:
        """(N, size, channels) float32 -> (N, channels, size), samples of a time side by side."""
        mean, std = pixels.new_tensor(self.mean), pixels.new_tensor(self.std)
        return pixels.sub(mean).div_(std).transpose(1, 2)

    def with_statistics(self, images: Iterable[NDArray[Any]]) -> SignalInput:
        """Return it with the mean and std per channel of signals (size, channels)."""
        values = np.stack([signal.astype(np.float64) for signal in images])
        mean, std = values.mean(axis=(0, 1)), values.std(axis=(0, 1))
        std = np.where(std < _LEAST_STD, 1.0, std)
        return replace(self, mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    @property
    def picture_shape(self) -> tuple[int, ...]:
        return _PICTURE

    def pictures(self, rows: NDArray[Any]) -> NDArray[np.uint8]:
        """Draw the traces of signals (N, size, channels) as pictures (N, H, W, 3)."""
        return _draw_trace(rows) if rows.ndim == 2 else np.stack([_draw_trace(row) for row in rows])


def _draw_trace(signal: NDArray[Any]) -> NDArray[np.uint8]:
    """Draw a signal (L, C) over its own range, a line a channel: (H, W, 3)."""
    high, wide = (side * _FINER for side in _PICTURE[:2])
    canvas = Image.new("RGB", (wide, high), "white")
    pen = ImageDraw.Draw(canvas)
    low, top = float(signal.min()), float(signal.max())
    scale = (high - 2 * _MARGIN * _FINER) / ((top - low) or 1.0)
    across = np.linspace(_MARGIN * _FINER, wide - _MARGIN * _FINER, max(2, len(signal)))
    for number, column in enumerate(signal.T):
        down = high - _MARGIN * _FINER - (column - low) * scale
        points = np.stack([across[: len(down)], down], axis=1).reshape(-1).tolist()
        pen.line(points, fill=_COLORS[number % len(_COLORS)], width=_FINER + 1)
    return np.asarray(canvas.resize((_PICTURE[1], _PICTURE[0]), Image.Resampling.BOX))
