"""Preprocessing from a signal to a network's input; saved with the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from striate.data.decoding.preprocess import Preprocess
from striate.plotting.trace import SHAPE, draw_trace
from striate.text import count_noun

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

LONGEST = 2**20  #: samples of an input
_LEAST_STD = 1e-12  #: below it a channel never changes


@dataclass(frozen=True)
class SignalInput(Preprocess):
    """What `Preprocess` is for images: length, fit and normalization of a signal.

    `size` is the length in samples. `letterbox` keeps the beginning: what is longer is cut at its
    end, what is shorter padded with 0 there. `crop` keeps the center, `stretch` interpolates.
    """

    inputs: ClassVar[str] = "signal"
    dtype: ClassVar[str] = "float32"

    rate: float | None = None  #: samples a second of what was learned from; None: not known

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
        rate = f" at {self.rate:g} Hz" if self.rate else ""
        return f"{self.sides}{rate}, {count_noun(self.channels, 'channel')}, {self.fit}"

    def other_rate(self, rate: float | None) -> str:
        """Say how the rate of signals differs from that of the training; "" where neither does."""
        if not self.rate or not rate or rate == self.rate:
            return ""
        return f"{rate:g} Hz, not {self.rate:g}"

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
        return *SHAPE, 3

    def pictures(self, rows: NDArray[Any]) -> NDArray[np.uint8]:
        """Draw the traces of signals (N, size, channels) as pictures (N, H, W, 3)."""
        return draw_trace(rows) if rows.ndim == 2 else np.stack(list(map(draw_trace, rows)))
