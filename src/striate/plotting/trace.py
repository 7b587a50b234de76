"""Traces: signals as lines over their samples, as pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from striate.plotting.shapes import SERIES

SHAPE = 240, 240  #: height and width of a trace in pixels: of a tile of a report
_FINER = 2  #: it is drawn so many times larger first
_MARGIN = 6
_AGAINST, _FOR = np.array([104, 160, 214]), np.array([236, 122, 104])


def draw_trace(
    signal: NDArray[np.floating],
    shape: tuple[int, int] = SHAPE,
    *,
    reach: float = 0,
    shade: NDArray[np.floating] | None = None,
) -> NDArray[np.uint8]:
    """Draw a signal (L, C), a line a channel: (H, W, 3).

    It is over its own range, or with a `reach` about a line at 0. A `shade` (L,) colors what is
    behind the samples: 1 is red, -1 blue, 0 white.
    """
    high, wide = (side * _FINER for side in shape)
    canvas = (
        _shaded(shade, high, wide) if shade is not None else Image.new("RGB", (wide, high), "white")
    )
    pen = ImageDraw.Draw(canvas)
    low, top = (-reach, reach) if reach else (float(signal.min()), float(signal.max()))
    scale = (high - 2 * _MARGIN * _FINER) / ((top - low) or 1.0)
    if reach:
        pen.line((0, high // 2, wide, high // 2), fill="#c3c8ce", width=_FINER)
    across = np.linspace(_MARGIN * _FINER, wide - _MARGIN * _FINER, max(2, len(signal)))
    for number, column in enumerate(signal.T):
        down = high - _MARGIN * _FINER - (column - low) * scale
        points = np.stack([across[: len(down)], down], axis=1).reshape(-1).tolist()
        pen.line(points, fill=SERIES[number % len(SERIES)], width=_FINER + 1)
    return np.asarray(canvas.resize((shape[1], shape[0]), Image.Resampling.BOX))


def _shaded(shade: NDArray[np.floating], high: int, wide: int) -> Image.Image:
    margin = _MARGIN * _FINER
    places = np.linspace(0, len(shade) - 1, wide - 2 * margin).round().astype(np.int64)
    amount = np.pad(shade[places], margin)[:, None]
    color = np.where(amount > 0, _FOR, _AGAINST)
    row = 255 + np.abs(amount).clip(0, 1) * (color - 255)
    return Image.fromarray(np.broadcast_to(row.round().astype(np.uint8), (high, wide, 3)).copy())
