"""Shapes of a picture, shared by the SVG and PNG renderers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

Point = tuple[float, float]

INK = {"light": "#1f2328", "dark": "#e6e8eb"}
PAPER = {"light": "#ffffff", "dark": "#16181c"}
PEN = "ink"  #: color of text and axes: that of the page an SVG stands in
FAINT, SOFT = 0.18, 0.68  #: opacity of grid lines, and of text beside the data
SHARP = 2  #: PNG pixels per unit of the picture
BLUE, ORANGE, GREEN, PURPLE = "#3b7ddd", "#d9541e", "#3f9d8f", "#8e6bbf"
SERIES = BLUE, ORANGE, GREEN, PURPLE
"""Colors of series, legible on white and on near black."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """Lines of one style; each part is a polyline."""

    parts: tuple[tuple[Point, ...], ...]
    color: str = PEN
    opacity: float = 1
    width: float = 1
    dashes: tuple[float, ...] = ()  #: lengths of dashes and gaps in turn


@dataclass(frozen=True, slots=True)
class Fill:
    """Filled polygons of one style."""

    parts: tuple[tuple[Point, ...], ...]
    color: str = PEN
    opacity: float = 1


@dataclass(frozen=True, slots=True)
class Circle:
    """A disc, or a ring of `width`."""

    x: float
    y: float
    radius: float
    color: str = PEN
    width: float = 0
    opacity: float = 1


@dataclass(frozen=True, slots=True)
class Text:
    x: float
    y: float  #: baseline
    text: str
    size: float = 12
    bold: bool = False
    anchor: str = "middle"  #: or "start" or "end"
    opacity: float = 1


@dataclass(frozen=True, slots=True)
class Raster:
    """A PNG file, its pixels enlarged without smoothing."""

    x: float
    y: float
    width: float
    height: float
    png: bytes


@dataclass(frozen=True, slots=True)
class Bitmap:
    """An image, `SHARP` of its pixels in a unit: RGB, or all of a picture in one `palette_of`."""

    x: float
    y: float
    image: Image.Image


@dataclass(frozen=True, slots=True)
class Tooltip:
    """An invisible rectangle that shows a text under the mouse; SVG only."""

    x: float
    y: float
    width: float
    height: float
    text: str


Shape = Stroke | Fill | Circle | Text | Raster | Bitmap | Tooltip


@dataclass(frozen=True)
class Picture:
    """Shapes in CSS pixels, later ones on top."""

    title: str
    width: float
    height: float
    shapes: Sequence[Shape]
    down: float = 0  #: vertical offset to add to all shapes
    fluid: bool = False  #: the SVG is as wide as its page


def rectangle(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    """Return the corners, clockwise from the upper left."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


def rgb(color: str) -> tuple[int, int, int]:
    """Return red, green and blue of a color, 0 to 255; the pen's on white."""
    color = INK["light"] if color == PEN else color
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text."""
    return sum(_WIDTHS.get(letter, 0.63) for letter in text) * size


_WIDTHS = {**dict.fromkeys(" .,:;il|", 0.34), "%": 0.95}
