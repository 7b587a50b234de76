"""A hidden layer with more units comes closer to a curve."""

from __future__ import annotations

import numpy as np
import pytest

from striate.plotting.shapes import ORANGE, Raster, Stroke, Text
from striate.points import draw_fits, fit_curve, forward
from striate.points.curves import measure_error

X = np.linspace(-1, 1, 101)
SINE = np.sin(2 * np.pi * X)


def test_more_units_come_closer_to_a_sine():
    errors = [
        measure_error(fit_curve(X, SINE, units, trials=2, epochs=1500), X, SINE)
        for units in (2, 8, 32)
    ]
    assert errors[0] > 0.4
    assert errors[0] / 2 > errors[1]
    assert errors[1] / 2 > errors[2]
    assert errors[2] < 0.06


def test_a_step_is_approached_but_for_its_edge():
    step = np.where(X < 0, -1.0, 1.0)
    fit = fit_curve(X, step, 8, activation="sigmoid", trials=2, epochs=1500)
    away = np.abs(X) > 0.2
    assert measure_error(fit, X[away], step[away]) < 0.1
    assert fit.widths == (1, 8, 1)


def test_the_best_of_the_trials_is_kept_and_it_is_the_same_each_time():
    one, *others = (fit_curve(X, SINE, 4, trials=n, epochs=300) for n in (1, 3, 3))
    assert measure_error(others[0], X, SINE) <= measure_error(one, X, SINE)
    assert np.array_equal(others[0].layers[0].weights, others[1].layers[0].weights)


def test_the_error_is_the_root_of_the_mean_square():
    fit = fit_curve(3 + 50 * X, SINE, 2, trials=1, epochs=1)
    outputs = forward(fit, (3 + 50 * X)[:, None])[-1][:, 0]
    expected = np.sqrt(np.mean((outputs - SINE) ** 2))
    assert measure_error(fit, 3 + 50 * X, SINE) == pytest.approx(expected)


def test_every_fit_has_a_panel_with_its_error():
    fits = {units: fit_curve(X, SINE, units, trials=1, epochs=1) for units in (1, 2, 4, 8)}
    picture = draw_fits(X, SINE, fits, "A sine")
    texts = [shape.text for shape in picture.shapes if isinstance(shape, Text)]
    assert [text for text in texts if text.endswith(("unit", "units"))] == [
        "1 unit", "2 units", "4 units", "8 units"
    ]  # fmt: skip
    errors = [f"error {measure_error(fit, X, SINE):.3f}" for fit in fits.values()]
    assert [text for text in texts if text.startswith("error ")] == errors
    lines = [s for s in picture.shapes if isinstance(s, Stroke) and s.color == ORANGE]
    assert len(lines) == 4
    assert not [shape for shape in picture.shapes if isinstance(shape, Raster)]
