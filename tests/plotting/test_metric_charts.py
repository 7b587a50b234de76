"""Charts of predictions show the figures that stand beside them."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from striate.metrics import binary
from striate.plotting.chart import Chart, Line, Rows
from striate.plotting.chart_layout import draw_chart
from striate.plotting.metric_charts import (
    MOST_DOTS,
    Mark,
    make_class_chart,
    make_precision_recall_chart,
    make_residual_chart,
    make_roc_chart,
    make_scatter_chart,
)
from striate.plotting.shapes import ORANGE, Circle, Fill, Stroke, Text, text_width
from striate.plotting.svg import to_svg
from tests.metrics.peers import scored
from tests.plotting.test_chart import grid, shapes

NAMES = ("sky", "road", "void", "pole")
VALUES = (0.8, 0.9, math.nan, 0.2)
INTERVALS = ((0.7, 0.85), (0.88, 0.92), None, None)


def roc(images=500, mark=None) -> Chart:
    curve = binary.roc_curve(binary.sweep(*scored(0, images)))
    return make_roc_chart(*curve, "area 0.76", mark)


def recall(mark=None) -> Chart:
    counts = binary.sweep(*scored(0, 500))
    return make_precision_recall_chart(*binary.precision_recall_curve(counts), 0.3, "AP", mark)


def numbers(images=50) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    true = draw.normal(20, 10, images)
    return true + draw.normal(2, 3, images), true


def scatter() -> Chart:
    return make_scatter_chart(*numbers(), "age (years)")


def residuals() -> Chart:
    return make_residual_chart(*numbers(), "age (years)")


def classes() -> Chart:
    return make_class_chart("IoU", NAMES, VALUES, INTERVALS)


def area(points) -> float:
    x, y = np.array(points).T
    return float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum())


@pytest.mark.parametrize("make", [roc, recall, scatter, residuals, classes])
def test_a_chart_is_well_formed_and_nothing_leaves_it(make):
    picture = draw_chart(make())
    ET.fromstring(to_svg(picture))
    for text in shapes(picture, Text):
        wide = text_width(text.text, text.size)
        left = text.x - {"start": 0, "middle": wide / 2, "end": wide}[text.anchor]
        assert left >= 0
        assert left + wide <= picture.width
        assert text.y + text.size / 4 <= picture.height, "below the line of a g"
    for shape in shapes(picture, Stroke) + shapes(picture, Fill):
        for x, y in (point for part in shape.parts for point in part):
            assert 0 <= x <= picture.width
            assert 0 <= y <= picture.height


def test_a_percent_sign_is_as_wide_as_fonts_draw_it():
    assert text_width("100 %", 12) == pytest.approx(38.05, abs=0.2), "DejaVu Sans, among the widest"


def test_the_area_below_a_drawn_curve_is_the_figure():
    counts = binary.sweep(*scored(0, 500))
    assert area(roc().series[1].points) == pytest.approx(binary.area_under_roc(counts), abs=2e-3)
    average = binary.average_precision(counts)
    assert area(recall().series[1].points) == pytest.approx(average, abs=2e-3)


def test_a_curve_of_many_images_has_no_more_points_than_are_seen():
    few, many = (chart.series[1].points for chart in (roc(500), roc(100_000)))
    assert len(many) < 1500
    assert many[0] == few[0] == (0, 0)
    assert many[-1] == few[-1] == (1, 1)
    exact = np.column_stack(binary.roc_curve(binary.sweep(*scored(0, 100_000))))
    apart = np.abs(exact[::50, None] - np.array(many)).max(axis=2).min(axis=1)
    assert apart.max() < 1 / 360, "a pixel"


def test_without_skill_half_the_pairs_are_in_order_and_precision_is_the_share_of_positives():
    assert roc().series[0].points == ((0, 0), (1, 1))
    assert recall().series[0].points == ((0, 0.3), (1, 0.3))


@pytest.mark.parametrize("make", [roc, recall])
def test_the_chosen_threshold_is_a_dot_on_the_curve_and_in_the_legend(make):
    picture = draw_chart(make(mark=Mark(0.25, 0.5, "threshold 0.4")))
    left, right, top, bottom = grid(picture)
    _, dot = shapes(picture, Circle)
    assert dot.color == ORANGE
    at = left + (right - left) / 4, (top + bottom) / 2
    assert (dot.x, dot.y) == pytest.approx(at)
    assert "threshold 0.4" in [text.text for text in shapes(picture, Text)]
    assert not shapes(draw_chart(make()), Circle)


def test_an_undefined_curve_leaves_the_chart_empty():
    counts = binary.sweep(np.array([0.1, 0.9]), np.array([1, 1]))
    assert make_roc_chart(*binary.roc_curve(counts)).series[1].points == ()
    draw_chart(make_roc_chart(*binary.roc_curve(counts)))


def test_predictions_that_are_right_lie_on_the_diagonal():
    _, true = numbers()
    picture = draw_chart(make_scatter_chart(true, true, "age"))
    left, right, top, bottom = grid(picture)
    (diagonal,) = (each for each in shapes(picture, Stroke) if len(each.parts[0]) == 2 and
                   each.parts[0] == ((left, bottom), (right, top)))  # fmt: skip
    assert diagonal.dashes
    dots = shapes(picture, Circle)
    assert len(dots) == 50
    for dot in dots:
        assert (dot.x - left) / (right - left) == pytest.approx((bottom - dot.y) / (bottom - top))


def test_residuals_are_predicted_minus_true():
    predicted, true = numbers()
    np.testing.assert_array_equal(scatter().series[0].points, np.column_stack([true, predicted]))
    line, zero = residuals().series
    np.testing.assert_allclose(line.points, np.column_stack([predicted, predicted - true]))
    assert [y for _, y in zero.points] == [0, 0]


@pytest.mark.parametrize("make", [make_scatter_chart, make_residual_chart])
def test_a_missing_target_has_no_dot(make):
    predicted, true = numbers()
    true[3] = math.nan
    assert len(make(predicted, true, "age").series[0].points) == 49
    nothing = make(predicted, np.full(50, math.nan), "age")
    assert nothing.series[0].points == ()
    draw_chart(nothing)


@pytest.mark.parametrize("make", [make_scatter_chart, make_residual_chart])
def test_of_many_images_a_part_is_drawn_and_the_axis_says_so(make):
    predicted, true = numbers(MOST_DOTS + 501)
    true[3] = math.nan
    chart = make(predicted, true, "age")
    assert len(set(chart.series[0].points)) == MOST_DOTS
    assert chart.x.label.endswith(" (1,000 of 1,500 images, at random)")
    assert "images" not in make(*numbers(), "age").x.label


def test_dots_that_lie_on_each_other_show_how_many_they_are():
    text = to_svg(draw_chart(scatter()))
    assert text.count('fill-opacity="0.5"') == 50


def test_classes_stand_from_the_best_down_and_undefined_ones_last():
    chart = classes()
    assert chart.y.names == ("road", "sky", "pole", "void")
    (rows,) = chart.series
    assert rows.ends[:3] == (0.9, 0.8, 0.2)
    assert rows.lows[:2] == (0.88, 0.7)
    assert np.isnan([rows.ends[3], rows.lows[2], rows.highs[3]]).all()


def test_bars_and_whiskers_are_as_long_as_the_shares():
    picture = draw_chart(classes())
    names = [text for text in shapes(picture, Text) if text.text in NAMES]
    assert [text.text for text in names] == ["road", "sky", "pole", "void"]
    left, right, _, _ = grid(picture)
    (bars,) = shapes(picture, Fill)
    ends = [(part[1][0] - left) / (right - left) for part in bars.parts]
    assert ends == pytest.approx([0.9, 0.8, 0.2])
    for part, name in zip(bars.parts, names, strict=False):
        assert part[0][1] < name.y - 4 < part[2][1]
        assert name.x < left
    lines, *_, whiskers = (each.parts for each in shapes(picture, Stroke))
    assert all(start[0] == end[0] for start, end in lines), "no line crosses a name's row"
    assert len(whiskers) == 2 * 3, "of each a line and its two ends"
    for (start, end), interval in zip(whiskers[::3], ((0.88, 0.92), (0.7, 0.85)), strict=True):
        assert [(x - left) / (right - left) for x, _ in (start, end)] == pytest.approx(interval)


def test_a_chart_of_many_classes_is_higher_and_long_names_are_cut():
    names = [f"class {at}" for at in range(80)] + ["n" * 60]
    chart = make_class_chart("AP", names, [0.5] * 81, [None] * 81)
    rows = [text.y for text in shapes(draw_chart(chart), Text) if text.text.startswith("class")]
    assert np.diff(rows) == pytest.approx([20] * 79, abs=0.5)
    assert chart.y.names[-1] == "n" * 27 + "…"


def test_rows_may_stand_in_the_legend_and_set_the_limits_of_their_axis():
    rows = Rows((3.0, math.nan), (2.0, math.nan), (7.5, math.nan), "error")
    picture = draw_chart(Chart((rows, Line(((1, 0), (1, 1)))), y=classes().y))
    texts = [text.text for text in shapes(picture, Text)]
    assert "error" in texts
    sample, bar = shapes(picture, Fill)
    assert sample.parts[0][2][1] < bar.parts[0][0][1]
    assert texts[-5:] == ["0", "2", "4", "6", "8"]
