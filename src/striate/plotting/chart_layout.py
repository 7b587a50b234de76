"""Layout of a chart: its shapes, in CSS pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from striate.plotting.chart import Axis, Bars, Cells, Chart, Line, Name, Rows, Rule, Series
from striate.plotting.names import place_names
from striate.plotting.shapes import (
    FAINT,
    SOFT,
    Circle,
    Fill,
    Picture,
    Point,
    Raster,
    Shape,
    Stroke,
    Text,
    Tooltip,
    rectangle,
    text_width,
)
from striate.plotting.ticks import make_ticks, ticks_within

SMALL, TITLE, ROW = 12, 15, 20  #: font sizes, and height of a row of text, in pixels
MARGIN, SAMPLE, APART = 12, 22, 16  #: around; a sample in the legend; between its entries
_DOT = 2.5  #: radius of a point between two gaps
_THICK, _CAP = 0.7, 3  #: height of a bar, as a share of its row; half a whisker's end, in pixels


@dataclass(frozen=True)
class Frame:
    """The plot area in pixels, and the limits of its axes."""

    left: float
    right: float
    top: float
    bottom: float
    x: Axis
    y: Axis
    across: tuple[float, float]  #: limits of x
    up: tuple[float, float]

    def at(self, point: Point) -> Point:
        """Map values to pixels."""
        x, y = _share(point[0], self.across, self.x), _share(point[1], self.up, self.y)
        return (
            self.left + x * (self.right - self.left),
            self.bottom - y * (self.bottom - self.top),
        )

    def holds(self, point: Point) -> bool:
        """Whether a point is finite and within the limits."""
        return all(
            math.isfinite(value) and min(limits) <= value <= max(limits)
            for value, limits in zip(point, (self.across, self.up), strict=True)
        )


def draw_chart(chart: Chart) -> Picture:
    """Draw title, legend, axes and series."""
    points = [point for series in chart.series for point in _extent(series)]
    across = _limits(chart.x, [x for x, _ in points])
    up = _limits(chart.y, [y for _, y in points])
    heading, top = _heading(chart)
    x_ticks, y_ticks = _ticks(chart.x, across), _ticks(chart.y, up)
    wide = max((text_width(label, SMALL) for label in _labels(chart.y, y_ticks)), default=0)
    last = text_width(_labels(chart.x, x_ticks)[-1], SMALL) if x_ticks else 0
    frame = Frame(
        MARGIN + wide + 6,
        chart.width - max(MARGIN, last / 2 + 4),
        top,
        chart.height - ROW - 4 - (ROW if chart.x.label else 0),
        *(chart.x, chart.y, across, up),
    )
    drawn = [shape for series in chart.series for shape in _draw(series, frame)]
    names = [(frame.at(s.point), s.text) for s in chart.series if isinstance(s, Name)]
    shapes = [
        *heading,
        *_axes(frame, x_ticks, y_ticks),
        *drawn,
        *place_names(names, drawn, (frame.left, frame.top, frame.right, frame.bottom)),
        *_tooltips(chart.tooltips, frame),
    ]
    return Picture(chart.name or chart.title, chart.width, chart.height, shapes)


def _share(value: float, limits: tuple[float, float], axis: Axis) -> float:
    low, high = limits
    if axis.log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def _extent(series: Series) -> Iterable[Point]:
    match series:
        case Line():
            return series.points
        case Bars():
            bottoms = series.bottoms or (0.0,) * len(series.tops)
            lower = zip(series.edges, bottoms, strict=False)
            return [*lower, *zip(series.edges[1:], series.tops, strict=True)]
        case Rows():
            return [(end, math.nan) for end in (0.0, *series.ends, *series.lows, *series.highs)]
        case Cells():
            return series.corners
        case Rule():
            return ((series.x, math.nan),)
        case Name():
            return (series.point,)


def _limits(axis: Axis, values: Sequence[float]) -> tuple[float, float]:
    if axis.names:
        return len(axis.names) - 0.5, -0.5
    seen = [value for value in values if math.isfinite(value)]
    low, high = axis.limits or (min(seen, default=0.0), max(seen, default=1.0))
    if axis.limits and low == high:
        return (low / 2, high * 2) if axis.log else (low - 1, high + 1)
    if axis.limits or axis.log:
        return low, high
    ticks = make_ticks(low, high, whole=axis.whole)
    return ticks[0], ticks[-1]


def _ticks(axis: Axis, limits: tuple[float, float]) -> list[float]:
    if axis.names:
        return [float(row) for row in range(len(axis.names))]
    return ticks_within(*sorted(limits), log=axis.log, whole=axis.whole)


def _labels(axis: Axis, ticks: Sequence[float]) -> list[str]:
    """Return the names, or the ticks with as many digits as it takes to tell them apart."""
    if axis.names:
        return list(axis.names)
    labels, digits = list(map(axis.show, ticks)), 2
    scale, unit = (100, " %") if axis.show(1.0).endswith("%") else (1, "")
    while len(set(labels)) < len(set(ticks)) and digits < 17:
        labels = [f"{scale * tick:,.{digits}g}{unit}" for tick in ticks]
        digits += 1
    return labels


def _heading(chart: Chart) -> tuple[list[Shape], float]:
    """Return title, legend and label of the y axis, and where the plot begins."""
    shapes, y = list[Shape](), 8.0
    if chart.title:
        y += ROW
        shapes.append(Text(MARGIN, y - 6, chart.title, TITLE, bold=True, anchor="start"))
    named = [s for s in chart.series if not isinstance(s, Cells | Name) and s.label]
    x, y = float(MARGIN), y + ROW * bool(named)
    for series in named:
        wide = SAMPLE + 6 + text_width(series.label, SMALL)
        if x > MARGIN and x + wide > chart.width - MARGIN:
            x, y = float(MARGIN), y + ROW
        shapes.append(_sample(series, x, y - 10))
        shapes.append(Text(x + SAMPLE + 6, y - 6, series.label, anchor="start", opacity=SOFT))
        x += wide + APART
    if chart.y.label:
        y += ROW
        shapes.append(Text(MARGIN, y - 6, chart.y.label, anchor="start", opacity=SOFT))
    return shapes, y + 10


def _sample(series: Line | Bars | Rows | Rule, x: float, y: float) -> Shape:
    """Draw a series in the legend, `y` being its middle."""
    ends = (((x, y), (x + SAMPLE, y)),)
    match series:
        case Line(width=0):
            return Circle(x + SAMPLE / 2, y, series.radius, series.color, series.ring)
        case Line():
            return Stroke(ends, series.color, series.opacity, series.width, series.dashes)
        case Rule():
            return Stroke(ends, series.color, width=series.width, dashes=series.dashes)
        case Bars() | Rows():
            return Fill((rectangle(x, y - 5, x + SAMPLE, y + 5),), series.color, series.opacity)


def _axes(frame: Frame, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> Iterator[Shape]:
    heights = [frame.at((frame.across[0], tick))[1] for tick in y_ticks]
    places = [frame.at((tick, frame.up[0]))[0] for tick in x_ticks]
    lines = [] if frame.y.names else [((frame.left, y), (frame.right, y)) for y in heights]
    if frame.x.log or frame.y.names:
        lines += [((x, frame.top), (x, frame.bottom)) for x in places]
    yield Stroke(tuple(lines), opacity=FAINT)
    for label, y in zip(_labels(frame.y, y_ticks), heights, strict=True):
        yield Text(frame.left - 6, y + 4, label, anchor="end", opacity=SOFT)
    for label, x in zip(_labels(frame.x, x_ticks), places, strict=True):
        yield Text(x, frame.bottom + 18, label, opacity=SOFT)
    if frame.x.label:
        middle = (frame.left + frame.right) / 2
        yield Text(middle, frame.bottom + 18 + ROW, frame.x.label, opacity=SOFT)


def _draw(series: Series, frame: Frame) -> Iterator[Shape]:
    match series:
        case Line():
            yield from _line(series, frame)
        case Bars():
            bottoms = series.bottoms or (0.0,) * len(series.tops)
            bars = zip(pairwise(series.edges), series.tops, bottoms, strict=True)
            parts = tuple(
                rectangle(*frame.at((left, top)), *frame.at((right, bottom)))
                for (left, right), top, bottom in bars
                if top != bottom
            )
            yield Fill(parts, series.color, series.opacity)
        case Rows():
            yield from _rows(series, frame)
        case Cells():
            (left, one), (right, other) = map(frame.at, series.corners)
            top = min(one, other)
            yield Raster(left, top, right - left, abs(one - other), series.png)
        case Rule():
            x, _ = frame.at((series.x, frame.up[0]))
            ends = ((x, frame.top), (x, frame.bottom))
            yield Stroke((ends,), series.color, width=series.width, dashes=series.dashes)
        case Name():
            return  # placed after all else, see `place_names`


def _rows(rows: Rows, frame: Frame) -> Iterator[Shape]:
    bars = tuple(
        rectangle(*frame.at((0, row - _THICK / 2)), *frame.at((end, row + _THICK / 2)))
        for row, end in enumerate(rows.ends)
        if math.isfinite(end) and end
    )
    yield Fill(bars, rows.color, rows.opacity)
    whiskers = list[tuple[Point, ...]]()
    for row, interval in enumerate(zip(rows.lows, rows.highs, strict=True)):
        if all(map(math.isfinite, interval)):
            (left, y), (right, _) = (frame.at((end, row)) for end in interval)
            whiskers.append(((left, y), (right, y)))
            whiskers += [((x, y - _CAP), (x, y + _CAP)) for x in (left, right)]
    yield Stroke(tuple(whiskers), width=1.5)


def _line(line: Line, frame: Frame) -> Iterator[Shape]:
    pieces = [
        tuple(frame.at(point) for point in run)
        for inside, run in groupby(line.points, key=frame.holds)
        if inside
    ]
    joined = tuple(piece for piece in pieces if len(piece) > 1)
    if line.width and joined:
        yield Stroke(joined, line.color, line.opacity, line.width, line.dashes)
    for piece in pieces:
        for x, y in piece if line.radius or len(piece) == 1 else ():
            opacity = 1 if line.width else line.opacity
            radius = line.radius or _DOT
            yield Circle(x, y, radius, line.color, line.ring, opacity)


def _tooltips(tooltips: Sequence[tuple[float, str]], frame: Frame) -> Iterator[Tooltip]:
    """Yield a strip for each x, halfway to its neighbors."""
    xs = [frame.at((x, frame.up[0]))[0] for x, _ in tooltips]
    edges = [frame.left, *((a + b) / 2 for a, b in pairwise(xs)), frame.right]
    for (left, right), (_, text) in zip(pairwise(edges), tooltips, strict=False):
        yield Tooltip(left, frame.top, right - left, frame.bottom - frame.top, text)
