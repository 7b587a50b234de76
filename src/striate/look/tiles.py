"""Many small pictures on one sheet: tiles row by row, some with a sign over them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.plotting.color import PAPER_AT, SIGN_AT, Scale, index_colors, palette_of
from striate.plotting.shapes import SHARP, SOFT, Bitmap, Picture, Shape, Text, text_width
from striate.text import format_amount

Pixels = NDArray[np.uint8]

_SIDE, _WIDE, _FEW = 640, 960, 36  #: pixels of the raster, about; of so few tiles
_GAP, _LARGEST = 4, 40  #: between tiles; times that a pixel is enlarged at most
_MARGIN, _LABEL, _ROW, _TOP = 16, 34, 17, 26  #: units of the picture
_BAR, _THICK = 160, 10  #: units of the scale of the colors


def draw_tiles(
    tiles: Pixels,
    title: str,
    note: str,
    *,
    scale: Scale | None = None,
    across: int = 0,
    first: int = 0,
    each: int = 1,
    signs: str = "",
) -> Picture:
    """Lay out tiles under a title and a note, each row with the number of its first.

    Tiles are (N, h, w, 3), or (N, h, w) as `striate.plotting.color.index_colors` gives for a
    `scale`, which is drawn above them. `across` are those in a row, if not about as many as rows;
    `each` tiles have one number. `signs` has a letter for each tile with a scale: "x" is a cross
    over it, "=" two bars, " " nothing.
    """
    count, high, wide = tiles.shape[:3]
    across = across or math.ceil(math.sqrt(count * high / wide))
    side = _WIDE if count <= _FEW else _SIDE
    times = min(_LARGEST, max(1, side // (across * wide)))
    large = tiles.repeat(times, axis=2).repeat(times, axis=1)
    for at, sign in enumerate(signs):
        if sign != " ":
            large[at][_sign(sign, *large.shape[1:3])] = SIGN_AT
    lines = [note] if text_width(note, 12) < 640 else note.replace("; ", ";\n").split("\n")
    shapes: list[Shape] = [Text(_MARGIN, _TOP, title, 16, bold=True, anchor="start")]
    for at, line in enumerate(lines, 1):
        below = _TOP + at * _ROW
        shapes.append(Text(_MARGIN, below, line, 12, anchor="start", opacity=SOFT))
    top, left = _TOP + len(lines) * _ROW + 14.0, float(_MARGIN + _LABEL)
    if scale:
        shapes += _draw_scale(scale, left, top)
        top += _THICK + 14
    row = (high * times + _GAP) / SHARP
    step = max(1, math.ceil(12 / row))  # labels do not touch
    for at in range(0, -(-count // across), step):
        place = top + (at + 0.5) * row + 3
        number = str(first + at * across // each)
        shapes.append(Text(left - 6, place, number, 10, anchor="end", opacity=SOFT))
    stack = list(_stack(large, scale, across, left, top))
    said = [text_width(title, 16), *(text_width(line, 12) for line in lines)]
    width = max(left + stack[0].image.width / SHARP, _MARGIN + max(said)) + _MARGIN
    down = stack[-1].y + stack[-1].image.height / SHARP + 16
    return Picture(title, width, down, [*shapes, *stack])


def _stack(
    tiles: Pixels, scale: Scale | None, across: int, left: float, top: float
) -> Iterator[Bitmap]:
    """Yield the whole rows of tiles, and below them what is left over."""
    whole = len(tiles) // across * across
    for part in (tiles[:whole], tiles[whole:]):
        if len(part):
            image = _to_image(_join(part, min(across, len(part))), scale)
            yield Bitmap(left, top, image)
            top += (image.height + _GAP) / SHARP


def _join(tiles: Pixels, across: int) -> Pixels:
    """Return tiles (N, h, w, ...) side by side on white, `across` in each row."""
    count, high, wide, *color = tiles.shape
    rows = count // across
    page = np.full((rows * (high + _GAP), across * (wide + _GAP), *color), PAPER_AT, np.uint8)
    cells = page.reshape(rows, high + _GAP, across, wide + _GAP, *color).swapaxes(1, 2)
    cells[:, :, :high, :wide] = tiles.reshape(rows, across, high, wide, *color)
    return page[:-_GAP, :-_GAP]


def _draw_scale(scale: Scale, left: float, top: float) -> list[Shape]:
    """Draw a bar of the colors of a scale, its least and its largest number beside it."""
    numbers = np.linspace(scale.least, scale.most, _BAR * SHARP, dtype=np.float32)
    bar = index_colors(numbers, scale)[None].repeat(_THICK * SHARP, axis=0)
    least, most = format_amount(scale.least), format_amount(scale.most)
    start, below = left + text_width(least, 12) + 6, top + _THICK - 1
    return [
        Text(left, below, least, anchor="start", opacity=SOFT),
        Bitmap(start, top, _to_image(bar, scale)),
        Text(start + _BAR + 6, below, most, anchor="start", opacity=SOFT),
    ]


def _to_image(pixels: Pixels, scale: Scale | None) -> Image.Image:
    image = Image.fromarray(pixels)
    if scale:
        image.putpalette(palette_of(scale))
    return image


@cache
def _sign(sign: str, high: int, wide: int) -> NDArray[np.bool_]:
    """Return the pixels (high, wide) of a cross or two bars, finer on a small tile."""
    down, over = np.mgrid[0:high, 0:wide]
    y, x = down / max(1, high - 1), over / max(1, wide - 1)
    if sign == "x":
        away = np.minimum(abs(y - x), abs(y + x - 1))
    else:
        away = np.minimum(abs(y - 0.35), abs(y - 0.65)) + 9 * (abs(x - 0.5) > 0.35)
    return away < 0.02 + 0.4 / min(high, wide)
