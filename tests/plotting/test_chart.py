"""Charts put values where they belong; SVG and PNG show the same."""

from __future__ import annotations

import io
import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from striate.plotting.chart import Axis, Bars, Cells, Chart, Line, Name, Rule
from striate.plotting.chart_layout import draw_chart
from striate.plotting.color import choose_scale, colorize
from striate.plotting.ink import encode
from striate.plotting.png import dash, to_png
from striate.plotting.shapes import (
    GREEN,
    ORANGE,
    PEN,
    SOFT,
    Circle,
    Fill,
    Picture,
    Raster,
    Stroke,
    Text,
    Tooltip,
    rgb,
    text_width,
)
from striate.plotting.svg import to_svg
from striate.plotting.ticks import make_log_ticks, make_ticks
from striate.text import format_amount

DIAGONAL = Line(((0, 0), (1, 1)), "chance", PEN, width=1, dashes=(4, 3), opacity=SOFT)
UNIT = (0.0, 1.0)


def roc() -> Chart:
    """The curve of scores that separate two normal distributions."""
    false = [at / 50 for at in range(51)]
    true = [share**0.25 for share in false]
    return Chart(
        (DIAGONAL, Line(tuple(zip(false, true, strict=True)), "cat, area 0.80")),
        "ROC",
        Axis("false positive rate", UNIT),
        Axis("true positive rate", UNIT),
        height=320,
    )


def reliability() -> Chart:
    edges = tuple(at / 10 for at in range(11))
    right = (0.12, 0.14, 0.2, 0.31, 0.38, 0.52, 0.6, 0.66, 0.78, 0.93)
    low, high = tuple(p - 0.05 for p in right), tuple(p + 0.05 for p in right)
    bars, interval = Bars(edges, right, label="right"), Bars(edges, high, low, "95 %", PEN, 0.35)
    return Chart(
        (bars, interval, DIAGONAL), "Reliability", Axis("confidence", UNIT), Axis("", UNIT)
    )


def histogram() -> Chart:
    counts, edges = np.histogram(np.random.default_rng(0).normal(20, 5, 1000), 24)
    bars = Bars(tuple(edges.tolist()), tuple(counts.tolist()), color=GREEN)
    return Chart((bars,), "Widths", Axis("pixels"), Axis("images"))


def residuals() -> Chart:
    rng = np.random.default_rng(1)
    truth = rng.uniform(1e-3, 10, 80)
    points = tuple(zip(truth.tolist(), rng.normal(0, 1, 80).tolist(), strict=True))
    zero = Line(((1e-3, 0), (10, 0)), color=PEN, width=1)
    dots = Line(points, "validation", ORANGE, width=0, radius=2.5)
    return Chart((zero, dots), "Residuals", Axis("value", (1e-3, 10), log=True), Axis("error"))


def heat_map() -> Chart:
    values = np.add.outer(np.arange(6), -np.arange(8)).astype(float)
    png = encode(Image.fromarray(colorize(values, choose_scale(values))), "png")
    return Chart((Cells(png, 8, 6),), "Cells", Axis("column", (0, 8)), Axis("row", (6, 0)))


def shapes(picture: Picture, kind: type) -> list:
    return [shape for shape in picture.shapes if isinstance(shape, kind)]


def grid(picture: Picture) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the plot area."""
    lines = next(each for each in shapes(picture, Stroke) if len(each.parts) > 1).parts
    xs, ys = zip(*(point for line in lines for point in line), strict=True)
    return min(xs), max(xs), min(ys), max(ys)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.07, 2.3, [0, 0.5, 1, 1.5, 2, 2.5]),
        (0.29, 0.985, [0.2, 0.4, 0.6, 0.8, 1]),
        (0.972, 0.9765, [0.972, 0.973, 0.974, 0.975, 0.976, 0.977]),
        (0.6, 0.6, [0, 0.2, 0.4, 0.6]),
        (0.0, 0.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1e-5, 0.003, [0, 0.001, 0.002, 0.003]),
        (-3.0, -3.0, [-3, -2, -1, 0]),
        (-2.4, 1.9, [-3, -2, -1, 0, 1, 2]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(low, high, expected):
    assert make_ticks(low, high) == expected


def test_an_axis_of_shares_never_passes_100_percent():
    for low in (0.0, 0.13, 0.52, 0.9, 0.994, 1.0):
        assert make_ticks(low, 1.0)[-1] == 1.0


def test_ticks_of_counts_are_whole():
    assert make_ticks(1, 3) == [1, 1.5, 2, 2.5, 3]
    assert make_ticks(1, 3, whole=True) == [1, 2, 3]
    assert make_ticks(1, 35, whole=True) == [0, 5, 10, 15, 20, 25, 30, 35]


def test_ticks_of_a_logarithmic_axis_are_powers_of_ten_or_lie_between_them():
    assert make_log_ticks(1e-5, 2.0) == [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]
    assert make_log_ticks(3e-4, 2e-3) == [5e-4, 1e-3, 2e-3]
    assert make_log_ticks(1e-12, 1e6) == [1e-12, 1e-9, 1e-6, 1e-3, 1, 1e3, 1e6]


@pytest.mark.parametrize("make", [roc, reliability, histogram, residuals, heat_map])
def test_a_chart_is_well_formed_and_nothing_leaves_it(make):
    picture = draw_chart(make())
    root = ET.fromstring(to_svg(picture))
    assert root.get("viewBox") == f"0 0 {picture.width:.0f} {picture.height:.0f}"
    for text in shapes(picture, Text):
        wide = text_width(text.text, text.size)
        left = text.x - {"start": 0, "middle": wide / 2, "end": wide}[text.anchor]
        assert left >= 0
        assert left + wide <= picture.width
        assert text.size <= text.y <= picture.height
    for shape in shapes(picture, Stroke) + shapes(picture, Fill):
        for x, y in (point for part in shape.parts for point in part):
            assert 0 <= x <= picture.width
            assert 0 <= y <= picture.height
    assert Image.open(io.BytesIO(to_png(picture))).size == (
        2 * picture.width,
        2 * picture.height,
    )
    assert to_svg(picture) == to_svg(draw_chart(make()))
    assert to_png(picture) == to_png(draw_chart(make()))


def test_a_roc_curve_runs_from_corner_to_corner_above_its_diagonal():
    picture = draw_chart(roc())
    left, right, top, bottom = grid(picture)
    diagonal, curve = shapes(picture, Stroke)[-2:]
    assert diagonal.dashes == (4, 3)
    assert diagonal.parts == (((left, bottom), (right, top)),)
    (points,) = curve.parts
    assert (points[0], points[-1]) == ((left, bottom), (right, top))
    for x, y in points[1:-1]:
        assert y < bottom - (x - left) / (right - left) * (bottom - top)


def test_bars_of_a_reliability_diagram_stand_on_zero_and_intervals_hang_free():
    picture = draw_chart(reliability())
    *_, top, bottom = grid(picture)
    *_, bars, intervals = shapes(picture, Fill)
    assert {part[2][1] for part in bars.parts} == {bottom}
    assert bars.parts[5][0][1] == pytest.approx(bottom - 0.52 * (bottom - top))
    heights = [part[2][1] - part[0][1] for part in intervals.parts]
    assert heights == pytest.approx([0.1 * (bottom - top)] * 10)
    assert len({part[1][0] - part[0][0] for part in bars.parts}) <= 10


def test_a_histogram_has_a_bar_for_each_bin_that_is_not_empty():
    chart = histogram()
    (bars,) = shapes(draw_chart(chart), Fill)
    assert len(bars.parts) == sum(count > 0 for count in chart.series[0].tops)


def test_a_scatter_plot_is_dots_alone_with_a_dot_in_the_legend():
    picture = draw_chart(residuals())
    dots = shapes(picture, Circle)
    assert len(dots) == 1 + 80
    assert {(dot.color, dot.radius) for dot in dots} == {(ORANGE, 2.5)}
    assert not [each for each in shapes(picture, Stroke) if each.color == ORANGE]


def test_a_decade_is_as_wide_as_another():
    picture = draw_chart(residuals())
    decades = ("0.001", "0.01", "0.1", "1", "10")
    xs = [text.x for text in shapes(picture, Text) if text.text in decades]
    apart = [other - one for one, other in zip(xs[-5:], xs[-4:], strict=False)]
    assert apart == pytest.approx([apart[0]] * 4)


def test_a_heat_map_fills_its_axes_with_row_0_on_top():
    picture = draw_chart(heat_map())
    left, right, top, bottom = grid(picture)
    (raster,) = shapes(picture, Raster)
    assert (raster.x, raster.y) == (left, top)
    assert (raster.width, raster.height) == pytest.approx((right - left, bottom - top))
    image = np.asarray(Image.open(io.BytesIO(to_png(picture))).convert("RGB")).astype(int)
    first, last = (
        image[round(2 * y), round(2 * x)] for x, y in ((right - 5, top + 5), (left + 5, bottom - 5))
    )
    assert first[2] > first[0], "column 7, row 0: -7, blue"
    assert last[0] > last[2], "column 0, row 5: 5, red"


def test_a_point_outside_or_not_finite_is_a_gap_and_a_point_alone_a_dot():
    values = (1.0, 2.0, math.nan, 1.5, 9.0, 1.0, 1.2)
    line = Line(tuple(enumerate(values)))
    picture = draw_chart(Chart((line,), y=Axis(limits=(0, 2))))
    assert [len(part) for part in shapes(picture, Stroke)[-1].parts] == [2, 2]
    assert len(shapes(picture, Circle)) == 1


def test_a_chart_without_a_value_has_axes():
    picture = draw_chart(Chart((Line(((1, math.nan),)),)))
    ticks = ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert [text.text for text in shapes(picture, Text)][:6] == ticks


@pytest.mark.parametrize("log", [False, True])
def test_limits_that_are_one_value_are_in_the_middle(log: bool):
    picture = draw_chart(Chart((Line(((3, 1),)),), x=Axis(limits=(3, 3), log=log)))
    grid = next(each for each in shapes(picture, Stroke))
    (left, _), (right, _) = grid.parts[0]
    (dot,) = shapes(picture, Circle)
    assert dot.x == pytest.approx((left + right) / 2)


def test_a_rule_crosses_the_chart_and_stands_in_the_legend():
    picture = draw_chart(Chart((Line(((0, 0), (4, 1))), Rule(1, "here", ORANGE))))
    left, right, top, bottom = grid(picture)
    sample, rule = (each for each in shapes(picture, Stroke) if each.color == ORANGE)
    at = left + (right - left) / 4
    assert rule.parts == (((at, top), (at, bottom)),)
    assert sample.parts[0][0][1] == sample.parts[0][1][1] < top
    assert "here" in [text.text for text in shapes(picture, Text)]


def test_a_legend_that_is_too_long_has_a_second_row():
    names = ("one of them", "another of them", "and the third of them")
    lines = tuple(Line(((0, 0), (1, 1)), name) for name in names)
    rows = {text.text: text.y for text in shapes(draw_chart(Chart(lines)), Text)}
    assert rows[names[0]] == rows[names[1]] == rows[names[2]] - 20


def test_tooltips_share_the_chart_out():
    tooltips = ((0, "a"), (1, "b"), (3, "c"))
    picture = draw_chart(Chart((Line(((0, 0), (3, 1))),), tooltips=tooltips))
    left, right, *_ = grid(picture)
    strips = shapes(picture, Tooltip)
    assert [strip.text for strip in strips] == ["a", "b", "c"]
    ends = [(strip.x - left, strip.x + strip.width - left) for strip in strips]
    sixth = (right - left) / 6
    assert np.allclose(ends, [(0, sixth), (sixth, 4 * sixth), (4 * sixth, 6 * sixth)])
    assert to_svg(picture).count("<title>") == 1 + 3


def test_texts_are_escaped():
    chart = Chart((Line(((0, 0),), "<b>"),), "a&b", name='"><script>')
    for inline in (False, True):
        text = to_svg(draw_chart(chart), inline=inline)
        assert "<script" not in text
        assert "<b>" not in text
        assert "a&amp;b" in text


def test_an_inline_chart_takes_the_colors_of_its_page():
    text = to_svg(draw_chart(roc()), inline=True)
    assert "<style" not in text
    assert "xmlns" not in text
    assert set(re.findall(r"#\w{6}", text)) == {"#3b7ddd"}
    assert text.count("currentColor") > 10


def test_dashes_are_as_long_as_asked_around_corners():
    points = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0))
    assert list(dash(points, ())) == [points]
    assert list(dash(points, (8, 4))) == [
        [(0.0, 0.0), (8.0, 0.0)],
        [(10.0, 2.0), (10.0, 10.0)],
    ]
    assert list(dash(points, (12, 100))) == [[(0.0, 0.0), (10.0, 0.0), (10.0, 2.0)]]


def test_pixels_have_the_colors_of_the_shapes():
    bar = Fill((((0, 0), (10, 0), (10, 10), (0, 10)),), ORANGE, 0.5)
    line = Stroke((((0, 20), (30, 20)),), GREEN, width=4)
    picture = Picture("", 40, 40, [bar, line, Circle(30, 5, 4, PEN)])
    image = Image.open(io.BytesIO(to_png(picture)))
    half = [round((255 + each) / 2) for each in rgb(ORANGE)]
    assert np.abs(np.subtract(image.getpixel((10, 10)), half)).max() <= 1
    assert image.getpixel((30, 40)) == rgb(GREEN)
    assert image.getpixel((60, 10)) == rgb(PEN)
    assert image.getpixel((70, 70)) == (255, 255, 255)


def test_a_heat_map_with_limits_lies_between_them():
    png = encode(Image.new("L", (4, 4)), "png")
    cells = Cells(png, 4, 4, across=(-1, 1), up=(2, 3))
    picture = draw_chart(Chart((cells,), x=Axis(limits=(-3, 1)), y=Axis(limits=(1, 4))))
    left, right, top, bottom = grid(picture)
    (raster,) = shapes(picture, Raster)
    assert (raster.x, raster.width) == pytest.approx(((left + right) / 2, (right - left) / 2))
    assert (raster.y, raster.height) == pytest.approx(
        (top + (bottom - top) / 3, (bottom - top) / 3)
    )


def test_empty_dots_are_circles_in_the_chart_and_in_its_legend():
    line = Line(((0, 0), (1, 1)), "new", ORANGE, width=0, radius=3, ring=1.5)
    dots = shapes(draw_chart(Chart((line,))), Circle)
    assert [(dot.radius, dot.width, dot.color) for dot in dots] == [(3, 1.5, ORANGE)] * 3


@pytest.mark.parametrize(
    ("values", "show", "expected"),
    [
        ((11.81, 11.82), format_amount, ["11.81", "11.812", "11.814", "11.816", "11.818", "11.82"]),
        ((1.01812, 1.01817), format_amount,
         ["1.01812", "1.01813", "1.01814", "1.01815", "1.01816", "1.01817"]),
        ((12_345.1, 12_345.3), format_amount,
         ["12,345.1", "12,345.15", "12,345.2", "12,345.25", "12,345.3"]),
        ((0.558, 0.562), lambda share: f"{share:.0%}".replace("%", " %"),
         ["55.8 %", "55.9 %", "56 %", "56.1 %", "56.2 %"]),
        ((1, 3), format_amount, ["1", "1.5", "2", "2.5", "3"]),
    ],
)  # fmt: skip
def test_ticks_have_the_digits_that_tell_them_apart(values, show, expected):
    drawn = draw_chart(Chart((Line(tuple((x, 0.5) for x in values)),), x=Axis(show=show)))
    texts = [shape for shape in drawn.shapes if isinstance(shape, Text)]
    assert [text.text for text in texts if text.anchor == "middle"] == expected


def test_a_name_stands_beside_its_point_where_there_is_room():
    points = ((1.0, 1.0), (9.0, 1.0))
    chart = Chart((Line(points), Name(points[0], "left"), Name(points[1], "right")))
    texts = {s.text: s for s in draw_chart(chart).shapes if isinstance(s, Text)}
    assert [texts[name].anchor for name in ("left", "right")] == ["start", "end"]
