import math

import pytest

from striate.evaluation import curves
from striate.evaluation.curves import kept_epoch, make_charts, make_ticks
from tests.training.trainings import epoch


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.07, 2.3, [0, 0.5, 1, 1.5, 2, 2.5]),
        (0.29, 0.985, [0.2, 0.4, 0.6, 0.8, 1]),
        (0.972, 0.9765, [0.972, 0.973, 0.974, 0.975, 0.976, 0.977]),
        (0.6, 0.6, [0, 0.2, 0.4, 0.6]),
        (0.0, 0.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1e-5, 0.003, [0, 0.001, 0.002, 0.003]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(low, high, expected):
    assert make_ticks(low, high) == expected


def test_an_accuracy_axis_never_passes_100_percent():
    for low in (0.0, 0.13, 0.52, 0.9, 0.994, 1.0):
        assert make_ticks(low, 1.0)[-1] == 1.0


def test_the_epoch_kept_is_the_last_that_was_the_best_so_far():
    rows = [epoch(1, best=True), epoch(2, best=True), epoch(3)]
    assert kept_epoch(rows) == rows[1]
    assert kept_epoch([epoch(4)]) is None
    for chart in make_charts(rows):
        assert chart.kept is not None
        assert chart.kept[0] == (curves.LEFT + curves.RIGHT) / 2


def test_a_loss_that_is_not_finite_is_a_gap():
    losses = [2.0, 1.5, math.nan, 1.0, math.inf, 0.5, 0.4]
    rows = [epoch(at + 1, train_loss=loss) for at, loss in enumerate(losses)]
    line = make_charts(rows)[0].lines[0]
    assert line.label == "train"
    assert [len(piece.split()) for piece in line.pieces] == [2, 2]
    assert len(line.dots) == 5
    assert make_charts(rows)[0].strips[2].text == "epoch 3: train –, validation 0.9"


def test_without_any_finite_value_the_chart_is_empty():
    rows = [epoch(at, train_loss=math.nan, validation_loss=math.nan, best=True) for at in (1, 2)]
    chart = make_charts(rows)[0]
    assert [line.pieces for line in chart.lines] == [(), ()]
    assert chart.kept == (curves.RIGHT, None)


def test_a_single_epoch_is_a_dot_in_the_middle():
    loss, accuracy, rate = make_charts([epoch(1, train_loss=2.0, validation_loss=3.0)])
    assert [line.dots for line in loss.lines] == [((195.0, 180.0),), ((195.0, 16.0),)]
    assert [tick.label for tick in loss.y_ticks] == ["2", "2.2", "2.4", "2.6", "2.8", "3"]
    shares = ["50 %", "52 %", "54 %", "56 %", "58 %", "60 %"]
    assert [tick.label for tick in accuracy.y_ticks] == shares
    assert rate.strips[0].text == "epoch 1: rate 0.01"
    assert [tick.label for tick in rate.x_ticks] == ["1"]


def test_a_long_training_has_no_dots_and_few_ticks():
    rows = [epoch(at) for at in range(1, 251)]
    loss = make_charts(rows)[0]
    assert all(line.dots == () for line in loss.lines)
    assert loss.strips == ()
    assert [tick.label for tick in loss.x_ticks] == ["50", "100", "150", "200", "250"]


def test_no_epochs_no_charts():
    assert make_charts([]) == ()
