"""The state of a training sums up its steps and knows its best epoch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from striate.input_description import from_json
from striate.tasks.classification.task import ACCURACY
from striate.tasks.figures import Figure
from striate.training.checkpoint import TrainState

ERROR = Figure("mae", "MAE", higher_is_better=False, form="number")


def state(loss: float = 0.5, **best: float) -> TrainState:
    return TrainState(epoch=3, best_epoch=2, best=best, best_loss=loss)


@pytest.mark.parametrize("figure", [ACCURACY, ERROR])
def test_the_first_epoch_is_the_best_so_far(figure: Figure):
    assert TrainState().improves(figure, {figure.name: 1e9}, math.inf)
    assert TrainState().improves(figure, {}, math.inf)


@pytest.mark.parametrize(
    ("value", "loss", "better"),
    [
        (0.81, 9.0, True),
        (0.79, 0.1, False),
        (0.8, 0.49, True),
        (0.8, 0.5, False),
        (0.8, 0.6, False),
    ],
)
def test_the_highest_accuracy_is_the_best_and_of_equal_ones_the_least_loss(
    value: float, loss: float, better: bool
):
    assert state(accuracy=0.8).improves(ACCURACY, {"accuracy": value}, loss) == better


@pytest.mark.parametrize(
    ("value", "loss", "better"),
    [(2.9, 9.0, True), (3.1, 0.1, False), (3.0, 0.49, True), (3.0, 0.5, False), (3.0, 0.6, False)],
)
def test_the_least_error_is_the_best_and_of_equal_ones_the_least_loss(
    value: float, loss: float, better: bool
):
    assert state(mae=3.0).improves(ERROR, {"mae": value}, loss) == better


@pytest.mark.parametrize("figure", [ACCURACY, ERROR])
def test_an_undefined_figure_beats_none_and_is_beaten_by_any(figure: Figure):
    defined, undefined = state(**{figure.name: 0.0}), state()
    assert not defined.improves(figure, {}, loss=0.1)
    assert undefined.improves(figure, {figure.name: 0.0}, loss=9.0)


def test_between_undefined_figures_the_loss_decides():
    assert state().improves(ERROR, {}, loss=0.4)
    assert not state().improves(ERROR, {"another": 1.0}, loss=0.5)


def test_other_figures_decide_nothing():
    assert not state(accuracy=0.8).improves(ACCURACY, {"accuracy": 0.8, "mae": -1.0}, loss=0.5)


def test_sums_of_any_length_add_up_and_are_exact_after_a_checkpoint():
    found = state()
    steps = [
        {"correct": np.array([2**53]), "error": np.array([0.1, 1.0])},
        {"correct": np.array([1]), "error": np.array([0.2, 2.0])},
    ]
    found.add(steps[0])
    found = from_json(TrainState, {"sums": found.sums})
    found.add(steps[1])
    assert found.sums == {"correct": [2**53 + 1], "error": [0.1 + 0.2, 3.0]}
    assert {name: array.dtype for name, array in found.arrays().items()} == {
        "correct": np.float64,
        "error": np.float64,
    }


def test_the_next_epoch_begins_with_no_sums():
    found = state(accuracy=0.8)
    found.add({"correct": np.array([5])})
    found.next_epoch()
    assert (found.epoch, found.sums, found.best) == (4, {}, {"accuracy": 0.8})
