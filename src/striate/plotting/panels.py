"""Panels of a figure: an image or a kernel at a readable size, with a caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from striate.plotting.color import Scale, colorize
from striate.plotting.ink import INK, LINE, PAPER, font, text_width
from striate.text import format_amount

LARGEST_CELL = 84
_SMALLEST_GRID = 10  #: smallest cell in pixels with grid lines
_LETTERS = 22
_PIXELS_SHOWN = 4  #: enlargement from which pixels stay squares


@dataclass(frozen=True, slots=True)
class Bar:
    """The color bar of a scale."""

    scale: Scale

    def ramp(self, steps: int) -> Image.Image:
        """Return a strip of (steps, 1) pixels from minimum to maximum."""
        numbers = np.linspace(self.scale.least, self.scale.most, steps)[None]
        return Image.fromarray(colorize(numbers, self.scale)).convert("RGB")

    @property
    def labels(self) -> tuple[str, ...]:
        """Return equidistant labels from maximum to minimum."""
        middle = ("0",) if self.scale.kind == "diverging" else ()
        return format_amount(self.scale.most), *middle, format_amount(self.scale.least)


@dataclass(frozen=True)
class Panel:
    """An image with its caption; non-plain scales have a color bar."""

    image: Image.Image
    title: str
    lines: tuple[str, ...] = ()
    bar: Bar | None = None


def make_panel(
    numbers: NDArray[Any], scale: Scale, side: int, title: str, lines: tuple[str, ...] = ()
) -> Panel:
    """Make a panel of (H, W) or (H, W, 3), fitted into a square of `side` pixels."""
    size = _fitted(numbers.shape[1], numbers.shape[0], side)
    image = _sized(numbers, scale, size)
    bar = None if scale.kind == "plain" else Bar(scale)
    return Panel(image, title, lines, bar)


def make_kernel_panel(
    weights: NDArray[Any], side: int, title: str, lines: tuple[str, ...] = ()
) -> Panel:
    """Make a panel of (kh, kw) or (kh, kw, C): cells with their values if they fit, zero in white.

    Channels are stacked vertically.
    """
    windows = [weights] if weights.ndim == 2 else list(np.moveaxis(weights, -1, 0))
    gap = 12
    room = max(1, (side - gap * (len(windows) - 1)) // len(windows))
    scale = _around_zero(weights)
    drawn = [_cells(window, scale, room, side) for window in windows]
    wide = max(one.width for one in drawn)
    image = Image.new("RGB", (wide, sum(d.height for d in drawn) + gap * (len(drawn) - 1)), PAPER)
    top = 0
    for one in drawn:
        image.paste(one, (0, top))
        top += one.height + gap
    return Panel(image, title, lines)


def _around_zero(weights: NDArray[Any]) -> Scale:
    reach = float(np.abs(weights).max()) or 1.0
    return Scale("diverging", -reach, reach)


def _fitted(wide: int, high: int, side: int) -> tuple[int, int]:
    factor = side / max(wide, high)
    if factor >= _PIXELS_SHOWN:
        factor = int(factor)
    return max(1, round(wide * factor)), max(1, round(high * factor))


def _sized(numbers: NDArray[Any], scale: Scale, size: tuple[int, int]) -> Image.Image:
    by = min(numbers.shape[1] // size[0], numbers.shape[0] // size[1])
    if by > 1 and scale.kind == "diverging":
        numbers = _strongest(numbers, by)
    image = Image.fromarray(colorize(numbers, scale)).convert("RGB")
    if size[0] >= _PIXELS_SHOWN * image.width:
        return image.resize(size, Image.Resampling.NEAREST)
    return image.resize(size, Image.Resampling.LANCZOS)


def _strongest(numbers: NDArray[Any], by: int) -> NDArray[Any]:
    """Keep the largest magnitude of each `by` x `by` block, so that thin lines stay visible."""
    high, wide = numbers.shape[0] // by, numbers.shape[1] // by
    blocks = numbers[: high * by, : wide * by].reshape(high, by, wide, by, *numbers.shape[2:])
    most, least = blocks.max(axis=(1, 3)), blocks.min(axis=(1, 3))
    return np.where(most >= -least, most, least)


def _cells(window: NDArray[Any], scale: Scale, room: int, across: int) -> Image.Image:
    """Draw a window as a heat map of square cells within `room` pixels of height."""
    high, wide = window.shape
    cell = min(room // high, across // wide, LARGEST_CELL)
    image = Image.fromarray(colorize(window, scale))
    if cell < _SMALLEST_GRID:
        factor = min(room / high, across / wide)
        size = max(1, round(wide * factor)), max(1, round(high * factor))
        return image.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BOX)
    image = image.resize((wide * cell, high * cell), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for place in range(1, wide):
        draw.line((place * cell, 0, place * cell, high * cell), LINE)
    for place in range(1, high):
        draw.line((0, place * cell, wide * cell, place * cell), LINE)
    texts = [[f"{weight:.3g}" for weight in row] for row in window]
    if max(text_width(text, _LETTERS) for row in texts for text in row) <= cell - 10:
        for row, column in np.ndindex(high, wide):
            middle = ((column + 0.5) * cell, (row + 0.5) * cell)
            dark = abs(window[row, column]) > 0.4 * scale.most
            draw.text(middle, texts[row][column], PAPER if dark else INK, font(_LETTERS), "mm")
    return image
