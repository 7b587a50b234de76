"""The learning rate over a training: every shape, its rise, and what a plateau is."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from striate import options
from striate.optim.schedule import PLATEAU, is_plateau, learning_rate

SHAPES = get_args(options.Schedule)


def test_one_cycle_rises_and_falls_along_half_a_cosine() -> None:
    for percent in range(101):
        p = percent / 100
        if p < 0.15:
            expected = 0.3 * max(p, 1e-3) / 0.15
        else:
            fall = (p - 0.15) / (1 - 0.15)
            expected = 0.3 * (1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * fall)) / 2)
        assert learning_rate(0.3, p, "one-cycle", 0.15) == expected
        assert learning_rate(0.3, p, "cosine", 0.15) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("constant", [0.5, 0.5, 0.5, 0.5, 0.5]),
        ("step", [0.5, 0.5, 0.05, 0.005, 0.005]),
        ("cosine", [0.5, 0.427, 0.25025, 0.0736, 0.0005]),
        ("plateau", [0.005, 0.005, 0.005, 0.005, 0.005]),
    ],
)
def test_each_shape_falls_as_it_should(shape: options.Schedule, expected: list[float]) -> None:
    told = [learning_rate(0.5, p, shape, 0.0, drops=2) for p in (0, 0.25, 0.5, 0.75, 1)]
    assert told == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_rise_is_a_straight_line_to_the_peak(shape: options.Schedule) -> None:
    assert learning_rate(0.5, 0.1, shape, 0.4) == pytest.approx(0.125)
    assert learning_rate(0.5, 0.2, shape, 0.4) == pytest.approx(0.25)
    assert learning_rate(0.5, 0.4, shape, 0.4) == 0.5


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("warm_up", [0.0, 1e-6, 0.5])
def test_the_rate_is_never_zero_nor_above_the_peak(shape: options.Schedule, warm_up: float) -> None:
    rates = [learning_rate(0.5, share / 50, shape, warm_up) for share in range(51)]
    assert 0 < min(rates) <= max(rates) <= 0.5


def test_a_plateau_begins_when_neither_the_best_epoch_nor_the_last_drop_is_near() -> None:
    assert not is_plateau(PLATEAU + 2, best_epoch=3, last_drop=0)
    assert is_plateau(PLATEAU + 3, best_epoch=3, last_drop=0)
    assert not is_plateau(PLATEAU + 3, best_epoch=1, last_drop=4)
    assert is_plateau(PLATEAU + 4, best_epoch=1, last_drop=4)
