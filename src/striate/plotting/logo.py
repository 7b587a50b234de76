"""Sequence logos: letters of DNA stacked by height, as pixels."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from striate.plotting.ink import font

LETTERS = "ACGT"
#: green, blue, orange and red, as logos have them, legible on white
COLORS = ("#2e8b57", "#3b7ddd", "#d99a1e", "#c8372d")
_GLYPH = 120  #: size at which a letter is drawn before it is stretched


def draw_logo(
    heights: NDArray[np.floating], most: float, *, column: int = 20, high: int = 80
) -> NDArray[np.uint8]:
    """Draw letters of heights (L, 4) as (high, L * column, 3); `most` fills the picture.

    In each column higher letters stand above lower ones. Heights below 0 hang under a line, for
    which half of the picture is then left.
    """
    length = len(heights)
    signed = bool((heights < 0).any())
    base = high // 2 if signed else high - 2
    canvas = Image.new("RGB", (length * column, high), "white")
    scale = (base - 2) / most if most > 0 else 0.0
    for at, column_heights in enumerate(heights):
        for direction in (1, -1):
            end = base
            for letter in np.argsort(np.abs(column_heights)).tolist():
                tall = round(float(column_heights[letter]) * direction * scale)
                if tall < 1:
                    continue
                top = end - tall if direction > 0 else end
                _paste(canvas, letter, (at * column, top), (column - 1, tall))
                end += -tall if direction > 0 else tall
    if signed:
        ImageDraw.Draw(canvas).line((0, base, length * column, base), fill="#9aa1a9")
    return np.asarray(canvas)


def _paste(canvas: Image.Image, letter: int, place: tuple[int, int], size: tuple[int, int]) -> None:
    mask = _glyph(letter).resize(size, Image.Resampling.BOX)
    canvas.paste(COLORS[letter], (*place, place[0] + size[0], place[1] + size[1]), mask)


@functools.cache
def _glyph(letter: int) -> Image.Image:
    """Return the mask of a letter without anything around it."""
    mask = Image.new("L", (2 * _GLYPH, 2 * _GLYPH))
    pen = ImageDraw.Draw(mask)
    pen.text((_GLYPH // 2, _GLYPH // 2), LETTERS[letter], 255, font(_GLYPH), stroke_width=3)
    return mask.crop(mask.getbbox())
