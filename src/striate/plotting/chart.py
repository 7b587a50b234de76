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
class Cells:
    """A heat map: a PNG file with a pixel for each cell, row 0 on top."""

    png: bytes
    columns: int
    rows: int


@dataclass(frozen=True)
class Rule:
    """A vertical line across the whole chart."""

    x: float
    label: str = ""
    color: str = PEN
    width: float = 1.5
    dashes: tuple[float, ...] = ()


Series = Line | Bars | Cells | Rule


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
