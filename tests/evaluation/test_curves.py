import math

import pytest

from striate.evaluation.curves import kept_epoch, make_charts
from striate.plotting.chart import Chart, Line, Rule
from striate.plotting.chart_layout import draw_chart
from striate.plotting.shapes import Circle, Picture, Stroke, Text
from striate.tasks.classification.task import ACCURACY
from tests.training.trainings import epoch


def texts(picture: Picture) -> list[str]:
    return [shape.text for shape in picture.shapes if isinstance(shape, Text)]


def pieces(picture: Picture) -> list[list[int]]:
    """How many points each piece of each curve has."""
    strokes = [shape for shape in picture.shapes if isinstance(shape, Stroke) and shape.width == 2]
    samples = 2  # of the legend
    return [[len(part) for part in stroke.parts] for stroke in strokes[samples:]]


def curves(chart: Chart) -> list[Line]:
    return [series for series in chart.series if isinstance(series, Line) and series.radius != 4.5]


def rules(chart: Chart) -> list[Rule]:
    return [series for series in chart.series if isinstance(series, Rule)]


def test_the_epoch_kept_is_the_last_that_was_the_best_so_far():
    rows = [epoch(1, best=True), epoch(2, best=True), epoch(3)]
    assert kept_epoch(rows) == rows[1]
    assert kept_epoch([epoch(4)]) is None
    for chart in make_charts(rows, ACCURACY):
        (rule,) = rules(chart)
        assert (rule.x, rule.label) == (2, "epoch 2, kept")
        picture = draw_chart(chart)
        (large,) = [s for s in picture.shapes if isinstance(s, Circle) and s.radius == 4.5]
        *_, dotted = [s for s in picture.shapes if isinstance(s, Stroke) and s.dashes == (2, 3)]
        assert [x for x, _ in dotted.parts[0]] == [large.x, large.x]


def test_a_loss_that_is_not_finite_is_a_gap():
    losses = [2.0, 1.5, math.nan, 1.0, math.inf, 0.5, 0.4]
    rows = [epoch(at + 1, train_loss=loss) for at, loss in enumerate(losses)]
    chart = make_charts(rows, ACCURACY)[0]
    assert [line.label for line in curves(chart)] == ["training", "validation"]
    picture = draw_chart(chart)
    assert pieces(picture) == [[2, 2], [7]]
    dots = [shape for shape in picture.shapes if isinstance(shape, Circle)]
    assert sum(dot.color == "ink" for dot in dots) == 5
    assert chart.tooltips[2] == (3, "epoch 3: training –, validation 0.9")


def test_without_any_finite_value_the_chart_is_empty():
    rows = [epoch(at, train_loss=math.nan, validation_loss=math.nan, best=True) for at in (1, 2)]
    chart = make_charts(rows, ACCURACY)[0]
    assert not [shape for shape in draw_chart(chart).shapes if isinstance(shape, Circle)]
    assert [rule.x for rule in rules(chart)] == [2]


def test_a_single_epoch_is_a_dot_in_the_middle():
    loss, accuracy, rate = make_charts([epoch(1, train_loss=2.0, validation_loss=3.0)], ACCURACY)
    picture = draw_chart(loss)
    dots = [shape for shape in picture.shapes if isinstance(shape, Circle)]
    grid = next(shape for shape in picture.shapes if isinstance(shape, Stroke) and shape.width == 1)
    (left, bottom), (right, _) = grid.parts[0]
    assert [dot.x for dot in dots] == pytest.approx([(left + right) / 2] * 2)
    assert [dot.y for dot in dots] == pytest.approx([bottom, grid.parts[-1][0][1]])
    assert texts(picture)[3:9] == ["2", "2.2", "2.4", "2.6", "2.8", "3"]
    shares = ["50 %", "52 %", "54 %", "56 %", "58 %", "60 %"]
    assert texts(draw_chart(accuracy))[3:9] == shares
    assert rate.tooltips == ((1, "epoch 1: rate 0.01"),)
    assert "1" in texts(draw_chart(rate))


def test_a_long_training_has_no_dots_and_few_ticks():
    rows = [epoch(at) for at in range(1, 251)]
    loss = make_charts(rows, ACCURACY)[0]
    picture = draw_chart(loss)
    assert not [shape for shape in picture.shapes if isinstance(shape, Circle)]
    assert loss.tooltips == ()
    assert texts(picture)[-5:] == ["50", "100", "150", "200", "250"]


def test_no_epochs_no_charts():
    assert make_charts([], ACCURACY) == ()


def test_a_loss_far_beyond_the_rest_makes_the_axis_logarithmic_and_its_labels_short():
    losses = [2192.0, 1.4, 1.2, 1.1, 1.0]
    rows = [epoch(at, train_loss=1.0, validation_loss=loss) for at, loss in enumerate(losses, 1)]
    chart = make_charts(rows, ACCURACY)[0]
    assert (chart.title, chart.y.log) == ("Loss (log scale)", True)
    picture = draw_chart(chart)
    assert {"1", "10", "100", "1k"} <= set(texts(picture))
    assert chart.tooltips[0] == (1, "epoch 1: training 1, validation 2,192")
    usual = make_charts([epoch(at, train_loss=2.3 / at**2) for at in range(1, 9)], ACCURACY)[0]
    assert (usual.title, usual.y.log) == ("Loss", False)
