"""Boxes around objects with their labels, drawn on an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from striate.plotting.ink import font, shorten, text_width

Color = tuple[int, int, int]
Corners = tuple[int, int, int, int]

_BLACK: Color = (0, 0, 0)
_WHITE: Color = (255, 255, 255)
_GRAY = np.array([0.299, 0.587, 0.114])  #: ITU-R BT.601
_BRIGHT = 128  #: gray level of a color from which text on it is black
_LINES, _TEXTS = 350, 40  #: pixels of an image for one of a line, and of the height of text
_THINNEST, _SMALLEST = 1, 10
_DASH = 4  #: length of a dash in line widths


class LabeledBox(NamedTuple):
    """A box in pixels of an image, right and bottom exclusive."""

    corners: tuple[float, float, float, float]  #: left, top, right, bottom
    label: str
    color: Color
    dashed: bool = False


def draw_labeled_boxes(pixels: NDArray[np.uint8], boxes: Sequence[LabeledBox]) -> NDArray[np.uint8]:
    """Draw boxes with their labels over an image (H, W, 1 or 3): (H, W, 3); the first on top.

    Lines have a dark rim, so that every color is seen on light and on dark.
    """
    image = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())
    pen, line = ImageDraw.Draw(image), max(_THINNEST, round(max(image.size) / _LINES))
    placed = [(box, _inside(box.corners, image.size)) for box in reversed(boxes)]
    for box, corners in placed:
        _outline(pen, corners, box.color, line, dashed=box.dashed)
    size = max(_SMALLEST, round(min(image.size) / _TEXTS))
    for box, corners in placed:
        if box.label:
            _label(pen, box, corners, image.size, size, line)
    return np.asarray(image)


def _inside(corners: Sequence[float], size: tuple[int, int]) -> Corners:
    """Return the first and the last column and row of a box."""
    left, top, right, low = (round(corner) for corner in corners)
    wide, high = size
    first = min(max(left, 0), wide - 1), min(max(top, 0), high - 1)
    last = min(max(right - 1, first[0]), wide - 1), min(max(low - 1, first[1]), high - 1)
    return (*first, *last)


def _outline(
    pen: ImageDraw.ImageDraw, corners: Corners, color: Color, line: int, *, dashed: bool
) -> None:
    left, top, right, low = corners
    rim = left - 1, top - 1, right + 1, low + 1
    pen.rectangle(rim, outline=_BLACK, width=line + 2)
    if not dashed:
        pen.rectangle(corners, outline=color, width=line)
        return
    for first, last in _dashes(left, right, _DASH * (line + 1)):
        pen.rectangle((first, top, last, min(top + line - 1, low)), fill=color)
        pen.rectangle((first, max(low - line + 1, top), last, low), fill=color)
    for first, last in _dashes(top, low, _DASH * (line + 1)):
        pen.rectangle((left, first, min(left + line - 1, right), last), fill=color)
        pen.rectangle((max(right - line + 1, left), first, right, last), fill=color)


def _dashes(first: int, last: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield first and last pixel of each dash of a line."""
    for start in range(first, last + 1, 2 * length):
        yield start, min(start + length - 1, last)


def _label(
    pen: ImageDraw.ImageDraw,
    box: LabeledBox,
    corners: Corners,
    image: tuple[int, int],
    size: int,
    line: int,
) -> None:
    """Write a label above a box, or inside where there is no room above."""
    left, top, _, _ = corners
    text = shorten(box.label, size, image[0])
    wide, high = text_width(text, size) + 4, size + 4
    left = max(0, min(left, image[0] - wide))
    upper = top - high - line if top >= high + line else top + line
    pen.rectangle((left, upper, left + wide - 1, upper + high - 1), fill=box.color)
    ink = _BLACK if np.array(box.color) @ _GRAY >= _BRIGHT else _WHITE
    pen.text((left + 2, upper + high // 2), text, ink, font(size), anchor="lm")
