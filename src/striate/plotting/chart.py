"""Charts: axes and what is drawn between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from striate.plotting.shapes import BLUE, PEN, Point
from striate.text import format_amount


@dataclass(frozen=True)
class Axis:
    """Limits, ticks and label of an axis."""

    label: str = ""
    limits: tuple[float, float] | None = None  #: None: round numbers around the values
    log: bool = False
    whole: bool = False  #: ticks at whole numbers only
    show: Callable[[float], str] = format_amount  #: tick -> label
    names: tuple[str, ...] = ()  #: of the rows at 0, 1, ... from the top down, instead of ticks


@dataclass(frozen=True)
class Line:
    """A line through points; those that are not finite or outside the limits are gaps.

    With a width of 0 and a radius, a scatter plot. A point between two gaps is a dot.
    """

    points: tuple[Point, ...]
    label: str = ""  #: in the legend; "": none
    color: str = BLUE
    width: float = 2
    dashes: tuple[float, ...] = ()
    opacity: float = 1
    radius: float = 0  #: of a dot at each point; 0: none
    ring: float = 0  #: width of the circle around an empty dot; 0: dots are full


@dataclass(frozen=True)
class Bars:
    """A bar between each two edges, from 0 or from `bottoms`, as in a histogram."""

    edges: tuple[float, ...]  #: one more than bars
    tops: tuple[float, ...]
    bottoms: tuple[float, ...] = ()
    label: str = ""
    color: str = BLUE
    opacity: float = 0.75


@dataclass(frozen=True)
class Rows:
    """A horizontal bar from 0 for each name of the y axis, with whiskers; NaN: none."""

    ends: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    label: str = ""
    color: str = BLUE
    opacity: float = 0.75


@dataclass(frozen=True)
class Cells:
    """A heat map: a PNG file with a pixel for each cell, row 0 on top."""

    png: bytes
    columns: int
    rows: int
    across: tuple[float, float] | None = None  #: x of its sides; None: from 0 to `columns`
    up: tuple[float, float] | None = None  #: y of its lower and upper side

    @property
    def corners(self) -> tuple[Point, Point]:
        """Return the corner of the limits that come first, and the opposite one."""
        (left, right), (bottom, top) = self.across or (0, self.columns), self.up or (0, self.rows)
        return (left, bottom), (right, top)


@dataclass(frozen=True)
class Rule:
    """A vertical line across the whole chart."""

    x: float
    label: str = ""
    color: str = PEN
    width: float = 1.5
    dashes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Name:
    """A text beside a point, off other names and lines where there is room."""

    point: Point
    text: str


Series = Line | Bars | Rows | Cells | Rule | Name


@dataclass(frozen=True)
class Chart:
    """What is drawn; later series lie on earlier ones."""

    series: tuple[Series, ...]
    title: str = ""
    x: Axis = Axis()
    y: Axis = Axis()
    width: float = 360
    height: float = 240
    name: str = ""  #: for screen readers; "": the title
    tooltips: tuple[tuple[float, str], ...] = ()  #: x and text, in ascending order of x
