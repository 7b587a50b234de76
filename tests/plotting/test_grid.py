"""Charts in a grid keep their shapes, apart from each other."""

from __future__ import annotations

from striate.plotting.chart import Axis, Chart, Line
from striate.plotting.chart_layout import draw_chart
from striate.plotting.grid import draw_grid
from striate.plotting.shapes import BLUE, GREEN, Circle, Picture, Stroke, Text

LINE = Line(((0, 0), (1, 2), (2, 1)))
WIDE, HIGH = Chart((LINE,), "wide", width=300, height=150), Chart((LINE,), width=200, height=240)


def line(picture: Picture) -> list[Stroke]:
    return [shape for shape in picture.shapes if isinstance(shape, Stroke) and shape.width == 2]


def test_charts_are_moved_as_they_are_into_rows():
    picture = draw_grid([[WIDE, HIGH], [HIGH]], "Title", "a note")
    assert picture.width == 500
    first = draw_chart(WIDE)
    (one, two, three), (alone,), (tall,) = line(picture), line(first), line(draw_chart(HIGH))
    down = one.parts[0][0][1] - alone.parts[0][0][1]
    assert down > 40
    for shape, own, right, below in (
        (one, alone, 0, 0),
        (two, tall, 300, 0),
        (three, tall, 0, 240),
    ):
        moved = [(x + right, y + down + below) for x, y in own.parts[0]]
        assert list(shape.parts[0]) == moved
    assert picture.height > down + 480
    texts = [shape.text for shape in picture.shapes if isinstance(shape, Text)]
    assert texts[:3] == ["Title", "a note", "wide"]


def test_colors_are_named_under_the_note_in_as_many_rows_as_they_need():
    chart = Chart((Line(((0, 0), (1, 1)), width=0, radius=3),), x=Axis("x"), width=300)
    names = [(f"a name of a class {number}", (BLUE, GREEN)[number % 2]) for number in range(4)]
    picture = draw_grid([[chart]], "Title", "a note", names)
    keys = [shape for shape in picture.shapes if isinstance(shape, Circle)][:4]
    assert [key.color for key in keys] == [BLUE, GREEN, BLUE, GREEN]
    assert len({key.y for key in keys}) == 4
    short = [(name[-1], color) for name, color in names]
    circles = [s for s in draw_grid([[chart]], "Title", "", short).shapes if isinstance(s, Circle)]
    assert len({key.y for key in circles[:4]}) == 1
    xs = [key.x for key in circles[:4]]
    assert xs == sorted(set(xs))
    lowest = max(key.y for key in keys)
    assert line_top(picture) > lowest


def line_top(picture: Picture) -> float:
    return min(y for s in picture.shapes if isinstance(s, Stroke) for p in s.parts for _, y in p)
