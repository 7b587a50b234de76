"""Charts side by side and below each other, as one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from striate.plotting.chart import Chart
from striate.plotting.chart_layout import APART, MARGIN, ROW, SMALL, draw_chart
from striate.plotting.shapes import SOFT, Circle, Fill, Picture, Shape, Stroke, Text, text_width

_LARGE, _DOT = 18, 4  #: size of the title's letters, radius of a color's dot


def draw_grid(
    rows: Sequence[Sequence[Chart]],
    title: str,
    note: str = "",
    colors: Iterable[tuple[str, str]] = (),
) -> Picture:
    """Draw rows of charts under a title, a note, and dots with the names of colors.

    A row is as high as its highest chart.
    """
    width = max(sum(chart.width for chart in row) for row in rows)
    shapes: list[Shape] = [Text(MARGIN, 28, title, _LARGE, bold=True, anchor="start")]
    down = 28.0
    if note:
        down += ROW
        shapes.append(Text(MARGIN, down, note, anchor="start", opacity=SOFT))
    right = width
    for name, color in colors:
        wide = 3 * _DOT + text_width(name, SMALL)
        if right + wide > width - MARGIN:
            right, down = float(MARGIN), down + ROW
        shapes.append(Circle(right + _DOT, down - 4, _DOT, color))
        shapes.append(Text(right + 3 * _DOT, down, name, anchor="start", opacity=SOFT))
        right += wide + APART
    down += MARGIN
    for row in rows:
        right = 0.0
        for chart in row:
            shapes += [move_shape(shape, right, down) for shape in draw_chart(chart).shapes]
            right += chart.width
        down += max(chart.height for chart in row)
    return Picture(title, width, down + MARGIN, shapes)


def move_shape(shape: Shape, right: float, down: float) -> Shape:
    """Return a shape at another place."""
    if isinstance(shape, Stroke | Fill):
        parts = tuple(tuple((x + right, y + down) for x, y in part) for part in shape.parts)
        return replace(shape, parts=parts)
    return replace(shape, x=shape.x + right, y=shape.y + down)
