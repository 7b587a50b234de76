"""Shapes of a drawing, shared by the SVG and PNG renderers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]

INK = {"light": "#1f2328", "dark": "#e6e8eb"}
PAPER = {"light": "#ffffff", "dark": "#16181c"}
#: layer type -> color, the same in light and dark mode
COLORS = {
    "input": "#9aa3ad",
    "convolution": "#e8a33d",
    "pooling": "#d1495b",
    "dense": "#4c78c9",
    "concatenation": "#3f9d8f",
    "upsampling": "#8e6bbf",
    "block": "#6a9f58",
    "other layer": "#8c7b6b",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A volume in oblique projection: thickness and height in front, width as depth."""

    text: str  #: tooltip with all details
    sort: str
    x: float  #: left side of the front
    y: float  #: vertical center
    thick: float
    high: float
    deep: float  #: offset to the right and upwards

    @property
    def right(self) -> float:
        return self.x + self.thick + self.deep

    @property
    def top(self) -> float:
        return self.y - (self.high + self.deep) / 2

    @property
    def bottom(self) -> float:
        return self.y + (self.high + self.deep) / 2

    def outline(self) -> list[Point]:
        """Return the outline, starting at the front's upper left corner."""
        left, up = self.x, self.top + self.deep
        return [
            (left, up),
            (left + self.deep, self.top),
            (self.right, self.top),
            (self.right, self.bottom - self.deep),
            (left + self.thick, self.bottom),
            (left, self.bottom),
        ]

    def faces(self) -> tuple[list[Point], list[Point]]:
        """Return the top and the right face."""
        one, two, three, four, five, _ = self.outline()
        corner = (self.x + self.thick, self.top + self.deep)
        return [one, two, three, corner], [corner, three, four, five]


@dataclass(frozen=True, slots=True)
class Circle:
    """An elementwise sum or product of volumes."""

    x: float
    y: float
    radius: float
    sign: str


@dataclass(frozen=True, slots=True)
class Label:
    x: float
    y: float  #: baseline
    text: str
    size: float = 12
    bold: bool = False
    anchor: str = "middle"  #: or "start"


@dataclass(frozen=True, slots=True)
class Swatch:
    """A color sample of the legend."""

    x: float
    y: float
    sort: str


@dataclass(frozen=True)
class Drawing:
    """Shapes in CSS pixels."""

    title: str
    width: float
    height: float
    down: float  #: vertical offset to add to all shapes
    boxes: Sequence[Box]
    circles: Sequence[Circle]
    arrows: Sequence[Sequence[Point]]  #: lines with an arrow head at the end
    lines: Sequence[Sequence[Point]]  #: braces, without heads
    labels: Sequence[Label]
    swatches: Sequence[Swatch]


def arrow_head(arrow: Sequence[Point], size: float = 6) -> list[Point]:
    """Return the triangle at the end of an arrow."""
    (x0, y0), (x1, y1) = arrow[-2:]
    length = math.hypot(x1 - x0, y1 - y0) or 1
    dx, dy = (x1 - x0) / length * size, (y1 - y0) / length * size
    return [
        (x1, y1),
        (x1 - dx - dy / 2, y1 - dy + dx / 2),
        (x1 - dx + dy / 2, y1 - dy - dx / 2),
    ]


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text."""
    return sum(0.34 if letter in " .,:;il|" else 0.63 for letter in text) * size
