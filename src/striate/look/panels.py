"""Panels side by side: images with a title above and lines of text below, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.plotting.ink import encode
from striate.plotting.shapes import SOFT, Picture, Raster, Shape, Text, text_width
from striate.text import shorten_middle

_MARGIN, _GAP, _ROW = 16, 20, 18
_TITLE, _SMALL = 14, 12  #: sizes of letters
_LONGEST = 36  #: letters of a name


@dataclass(frozen=True)
class Panel:
    """An image, shown at a side of so many units, with what is said of it."""

    image: Image.Image
    title: str = ""
    lines: tuple[str, ...] = ()


def lay_out(
    rows: Sequence[Sequence[Panel]], title: str, note: str = "", side: int = 240
) -> Picture:
    """Lay out rows of panels, each image `side` units at its longer side, under a title and a note.

    Panels of a column begin below each other. An image smaller than that is enlarged so that its
    pixels are seen; a larger one is smoothed.
    """
    shapes: list[Shape] = [Text(_MARGIN, 26, title, 18, bold=True, anchor="start")]
    down = 26.0
    for line in filter(None, note.split("\n")):
        down += _ROW
        shapes.append(Text(_MARGIN, down, line, _SMALL, anchor="start", opacity=SOFT))
    wide = max(_MARGIN * 2 + text_width(line, _SMALL) for line in (title, *note.split("\n")))
    down += _MARGIN
    columns = [
        max(_width(panel, side) for panel in column if panel) for column in zip_longest(*rows)
    ]
    for row in rows:
        top = down + (_ROW if any(panel.title for panel in row) else 0)
        right, bottom = float(_MARGIN), top
        for panel, column in zip(row, columns, strict=False):
            high, across = _size(panel.image, side)
            shapes += _draw(panel, right, top, high, across)
            right += column + _GAP
            bottom = max(bottom, top + high + _ROW * len(panel.lines))
        wide, down = max(wide, right - _GAP + _MARGIN), bottom + _GAP
    return Picture(title, wide, down, shapes)


def lay_out_captioned(
    pictures: Sequence[NDArray[np.uint8]],
    captions: Sequence[tuple[str, str]],
    title: str,
    note: str,
    *,
    across: int,
) -> Picture:
    """Lay out pictures (H, W, 3) of one size, so many in a row, each under its name and its answer.

    They are shown as `lay_out` does, two pixels a unit.
    """
    panels = [
        Panel(Image.fromarray(picture), f"{shorten_middle(name, _LONGEST)}: {answer}")
        for picture, (name, answer) in zip(pictures, captions, strict=True)
    ]
    rows = [panels[at : at + across] for at in range(0, len(panels), across)]
    return lay_out(rows, title, note, max(pictures[0].shape) // 2)


def _size(image: Image.Image, side: int) -> tuple[float, float]:
    """Return the height and width at which an image is shown."""
    scale = side / max(image.size)
    return image.height * scale, image.width * scale


def _width(panel: Panel, side: int) -> float:
    """Return how wide a panel is with all that is said of it."""
    said = [text_width(line, _SMALL) for line in panel.lines]
    return max(_size(panel.image, side)[1], text_width(panel.title, _TITLE), *said, 0)


def _draw(panel: Panel, right: float, top: float, high: float, across: float) -> list[Shape]:
    image, sharp = panel.image, 2 * max(high, across)
    if max(image.size) > sharp:
        image = image.resize((round(2 * across), round(2 * high)), Image.Resampling.LANCZOS)
    shapes: list[Shape] = [Raster(right, top, across, high, encode(image, "png"))]
    if panel.title:
        shapes.append(Text(right, top - 6, panel.title, _TITLE, anchor="start"))
    for number, line in enumerate(panel.lines, 1):
        below = top + high + number * _ROW - 2
        shapes.append(Text(right, below, line, _SMALL, anchor="start", opacity=SOFT))
    return shapes
