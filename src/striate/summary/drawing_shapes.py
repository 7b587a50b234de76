"""Shapes of a network drawing: volumes, sums, arrows, braces and the legend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from striate.plotting.shapes import (
    Circle,
    Fill,
    Picture,
    Point,
    Shape,
    Stroke,
    Text,
    Tooltip,
    rectangle,
)

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
SWATCH = 14, 12  #: width and height in pixels


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

    def outline(self) -> tuple[Point, ...]:
        """Return the outline, starting at the front's upper left corner."""
        left, up = self.x, self.top + self.deep
        return (
            (left, up),
            (left + self.deep, self.top),
            (self.right, self.top),
            (self.right, self.bottom - self.deep),
            (left + self.thick, self.bottom),
            (left, self.bottom),
        )

    def faces(self) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
        """Return the top and the right face."""
        one, two, three, four, five, _ = self.outline()
        corner = (self.x + self.thick, self.top + self.deep)
        return (one, two, three, corner), (corner, three, four, five)

    def shapes(self) -> Iterator[Shape]:
        upper, side = self.faces()
        yield Fill((self.outline(),), COLORS[self.sort])
        yield Fill((upper,), "#ffffff", 0.3)
        yield Fill((side,), "#000000", 0.22)
        size = self.thick + self.deep, self.high + self.deep
        yield Tooltip(self.x, self.top, *size, self.text)


@dataclass(frozen=True, slots=True)
class Sum:
    """An elementwise sum or product of volumes."""

    x: float
    y: float
    radius: float
    sign: str


@dataclass(frozen=True, slots=True)
class Swatch:
    """A color sample of the legend."""

    x: float
    y: float
    sort: str


@dataclass(frozen=True)
class Drawing:
    """What is drawn of a network, in CSS pixels."""

    title: str
    width: float
    height: float
    down: float  #: vertical offset to add to all shapes
    boxes: Sequence[Box]
    sums: Sequence[Sum]
    arrows: Sequence[tuple[Point, ...]]  #: lines with an arrow head at the end
    lines: Sequence[tuple[Point, ...]]  #: braces, without heads
    labels: Sequence[Text]
    swatches: Sequence[Swatch]

    def to_picture(self) -> Picture:
        """Return the shapes that are rendered."""
        name = f"The volumes of {self.title}"
        return Picture(name, self.width, self.height, list(self._shapes()), self.down, fluid=True)

    def _shapes(self) -> Iterator[Shape]:
        yield Stroke(tuple(self.lines), opacity=0.45)
        yield Stroke(tuple(self.arrows), opacity=0.75)
        yield Fill(tuple(arrow_head(arrow) for arrow in self.arrows))
        for box in self.boxes:
            yield from box.shapes()
        for each in self.sums:
            yield Circle(each.x, each.y, each.radius, width=1)
            yield Text(each.x, each.y + 4.5, each.sign, 14)
        for swatch in self.swatches:
            x, y = swatch.x, swatch.y
            yield Fill((rectangle(x, y, x + SWATCH[0], y + SWATCH[1]),), COLORS[swatch.sort])
        yield from self.labels


def arrow_head(arrow: Sequence[Point], size: float = 6) -> tuple[Point, ...]:
    """Return the triangle at the end of an arrow."""
    (x0, y0), (x1, y1) = arrow[-2:]
    length = math.hypot(x1 - x0, y1 - y0) or 1
    dx, dy = (x1 - x0) / length * size, (y1 - y0) / length * size
    return (
        (x1, y1),
        (x1 - dx - dy / 2, y1 - dy + dx / 2),
        (x1 - dx + dy / 2, y1 - dy - dx / 2),
    )
