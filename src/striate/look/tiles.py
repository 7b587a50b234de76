"""Many small pictures on one sheet, as one raster: tiles row by row, some with a sign over them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.plotting.ink import encode
from striate.plotting.shapes import SOFT, Picture, Raster, Shape, Text, text_width

Pixels = NDArray[np.uint8]

_SIDE = 640  #: pixels of the raster, about
_GAP, _LARGEST = 4, 24  #: between tiles; times that a pixel is enlarged at most
_MARGIN, _LABEL, _ROW, _TOP = 16, 34, 17, 26  #: units of the picture
_SHARP = 2  #: pixels of the raster in a unit
_SIGN = np.array((0, 0, 0), np.uint8), np.array((255, 255, 255), np.uint8)


def draw_tiles(
    tiles: Pixels,
    title: str,
    note: str,
    *,
    across: int = 0,
    first: int = 0,
    each: int = 1,
    signs: str = "",
) -> Picture:
    """Lay out tiles (N, h, w, 3) under a title and a note, each row with the number of its first.

    `across` are those in a row, if not about as many as rows; `each` tiles have one number.
    `signs` has a letter for each tile: "x" is a cross over it, "=" two bars, " " nothing.
    """
    count, high, wide, _ = tiles.shape
    across = across or math.ceil(math.sqrt(count * high / wide))
    times = min(_LARGEST, max(1, _SIDE // (across * wide)))
    large = tiles.repeat(times, axis=1).repeat(times, axis=2)
    for at, sign in enumerate(signs):
        if sign != " ":
            _mark(large[at], sign)
    raster = _join(large, across)
    lines = [note] if text_width(note, 12) < 640 else note.replace("; ", ";\n").split("\n")
    shapes: list[Shape] = [Text(_MARGIN, _TOP, title, 16, bold=True, anchor="start")]
    for at, line in enumerate(lines, 1):
        below = _TOP + at * _ROW
        shapes.append(Text(_MARGIN, below, line, 12, anchor="start", opacity=SOFT))
    top, left = _TOP + len(lines) * _ROW + 14, _MARGIN + _LABEL
    row = (high * times + _GAP) / _SHARP
    step = max(1, math.ceil(12 / row))  # labels do not touch
    for at in range(0, -(-count // across), step):
        place = top + (at + 0.5) * row + 3
        number = str(first + at * across // each)
        shapes.append(Text(left - 6, place, number, 10, anchor="end", opacity=SOFT))
    down, over = raster.shape[0] / _SHARP, raster.shape[1] / _SHARP
    png = encode(Image.fromarray(raster), "png", compress_level=1)
    shapes.append(Raster(left, top, over, down, png))
    said = [text_width(title, 16), *(text_width(line, 12) for line in lines)]
    return Picture(title, max(left + over, _MARGIN + max(said)) + _MARGIN, top + down + 16, shapes)


def _join(tiles: Pixels, across: int) -> Pixels:
    """Return tiles (N, h, w, 3) side by side on white, `across` in a row."""
    count, high, wide, _ = tiles.shape
    rows = -(-count // across)
    full = np.full((rows * across, high + _GAP, wide + _GAP, 3), 255, np.uint8)
    full[:count, :high, :wide] = tiles
    grid = full.reshape(rows, across, high + _GAP, wide + _GAP, 3).swapaxes(1, 2)
    return grid.reshape(rows * (high + _GAP), across * (wide + _GAP), 3)


def _mark(tile: Pixels, sign: str) -> None:
    """Draw a sign over a tile, black with white around it, so that it is seen on any color."""
    high, wide, _ = tile.shape
    down, over = np.mgrid[0:high, 0:wide]
    y, x = down / max(1, high - 1), over / max(1, wide - 1)
    if sign == "x":
        away = np.minimum(abs(y - x), abs(y + x - 1))
    else:
        away = np.minimum(abs(y - 0.35), abs(y - 0.65)) + 9 * (abs(x - 0.5) > 0.35)
    thick = 1 / min(high, wide)
    tile[away < 0.06 + 1.5 * thick] = _SIGN[1]
    tile[away < 0.03 + 0.5 * thick] = _SIGN[0]
