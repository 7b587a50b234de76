"""Many small pictures on one sheet, as one raster: tiles row by row, some with a sign over them."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.plotting.color import INK_AT, PALETTE, PAPER_AT
from striate.plotting.shapes import SHARP, SOFT, Bitmap, Picture, Shape, Text, text_width

Pixels = NDArray[np.uint8]

_SIDE = 640  #: pixels of the raster, about
_GAP, _LARGEST = 4, 24  #: between tiles; times that a pixel is enlarged at most
_MARGIN, _LABEL, _ROW, _TOP = 16, 34, 17, 26  #: units of the picture


def draw_tiles(
    tiles: Pixels,
    title: str,
    note: str,
    *,
    indexed: bool = False,
    across: int = 0,
    first: int = 0,
    each: int = 1,
    signs: str = "",
) -> Picture:
    """Lay out tiles under a title and a note, each row with the number of its first.

    Tiles are (N, h, w, 3), gray (N, h, w), or such places in `striate.plotting.color.PALETTE` where
    they are `indexed`. `across` are those in a row, if not about as many as rows; `each` tiles have
    one number. `signs` has a letter for each gray or indexed tile: "x" is a cross over it, "=" two
    bars, " " nothing.
    """
    count, high, wide = tiles.shape[:3]
    across = across or math.ceil(math.sqrt(count * high / wide))
    times = min(_LARGEST, max(1, _SIDE // (across * wide)))
    large = tiles.repeat(times, axis=2).repeat(times, axis=1)
    ink = INK_AT if indexed else 0
    for at, sign in enumerate(signs):
        if sign != " ":
            inside, around = _sign(sign, *large.shape[1:3])
            large[at][around] = PAPER_AT
            large[at][inside] = ink
    joined = _join(large, across)
    lines = [note] if text_width(note, 12) < 640 else note.replace("; ", ";\n").split("\n")
    shapes: list[Shape] = [Text(_MARGIN, _TOP, title, 16, bold=True, anchor="start")]
    for at, line in enumerate(lines, 1):
        below = _TOP + at * _ROW
        shapes.append(Text(_MARGIN, below, line, 12, anchor="start", opacity=SOFT))
    top, left = _TOP + len(lines) * _ROW + 14, _MARGIN + _LABEL
    row = (high * times + _GAP) / SHARP
    step = max(1, math.ceil(12 / row))  # labels do not touch
    for at in range(0, -(-count // across), step):
        place = top + (at + 0.5) * row + 3
        number = str(first + at * across // each)
        shapes.append(Text(left - 6, place, number, 10, anchor="end", opacity=SOFT))
    image = Image.fromarray(joined)
    if indexed:
        image.putpalette(PALETTE.tobytes())
    shapes.append(Bitmap(left, top, image))
    said = [text_width(title, 16), *(text_width(line, 12) for line in lines)]
    width = max(left + image.width / SHARP, _MARGIN + max(said)) + _MARGIN
    return Picture(title, width, top + image.height / SHARP + 16, shapes)


def _join(tiles: Pixels, across: int) -> Pixels:
    """Return tiles (N, h, w, ...) side by side on white, `across` in a row."""
    count, high, wide, *color = tiles.shape
    rows = -(-count // across)
    page = np.full((rows * (high + _GAP), across * (wide + _GAP), *color), PAPER_AT, np.uint8)
    cells = page.reshape(rows, high + _GAP, across, wide + _GAP, *color).swapaxes(1, 2)
    whole, rest = divmod(count, across)
    cells[:whole, :, :high, :wide] = tiles[: whole * across].reshape(
        whole, across, high, wide, *color
    )
    cells[whole:, :rest, :high, :wide] = tiles[whole * across :]
    return page


@cache
def _sign(sign: str, high: int, wide: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the pixels (high, wide) of a sign, and those of it and its rim.

    It is black with white around it, so that it is seen on any color.
    """
    down, over = np.mgrid[0:high, 0:wide]
    y, x = down / max(1, high - 1), over / max(1, wide - 1)
    if sign == "x":
        away = np.minimum(abs(y - x), abs(y + x - 1))
    else:
        away = np.minimum(abs(y - 0.35), abs(y - 0.65)) + 9 * (abs(x - 0.5) > 0.35)
    thick = 1 / min(high, wide)
    return away < 0.03 + 0.5 * thick, away < 0.06 + 1.5 * thick
