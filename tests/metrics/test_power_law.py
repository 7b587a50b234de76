"""Power laws: what least squares finds, with a floor that is never below 0."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from striate.metrics.power_law import EXPONENTS, fit_power_laws

SIZES = np.array([50, 100, 200, 400, 800])
EVEN = np.ones(5)


def law(n: np.ndarray | float, floor: float, scale: float, exponent: float) -> np.ndarray:
    return floor + scale * n**-exponent


@pytest.mark.parametrize(
    ("floor", "scale", "at"), [(0.05, 0.9, 30), (0.0, 2.0, 41), (0.2, 3.0, 55)]
)
def test_a_law_is_found_from_its_own_values(floor: float, scale: float, at: int):
    exponent = EXPONENTS[at]
    found = fit_power_laws(SIZES, law(SIZES, floor, scale, exponent)[None], EVEN)
    assert (found.floor[0], found.scale[0]) == pytest.approx((floor, scale), abs=1e-9)
    assert found.exponent[0] == exponent
    assert found.at(1600)[0] == pytest.approx(law(1600, floor, scale, exponent))


def test_a_noisy_law_is_the_one_that_scipy_finds():
    errors = law(SIZES, 0.1, 1.5, 0.6) + np.random.default_rng(0).normal(0, 0.002, 5)
    weights = np.array([1.0, 2, 4, 8, 3])
    found = fit_power_laws(SIZES, errors[None], weights, np.linspace(0.3, 0.9, 6001))
    wanted, _ = curve_fit(law, SIZES, errors, (0.1, 1, 0.5), sigma=weights**-0.5, xtol=1e-12)
    assert (found.floor[0], found.scale[0], found.exponent[0]) == pytest.approx(wanted, rel=1e-3)


def test_the_floor_is_never_below_0():
    falling = np.array([0.9, 0.88, 0.8, 0.6, 0.2])
    found = fit_power_laws(SIZES, falling[None], EVEN)
    assert found.floor[0] == 0
    assert found.scale[0] > 0


def test_an_error_that_rises_goes_on_rising():
    found = fit_power_laws(SIZES, np.array([[0.1, 0.11, 0.12, 0.13, 0.14]]), EVEN)
    assert found.at(1600)[0] > found.at(800)[0] > 0.13


def test_each_row_may_have_an_exponent_of_its_own():
    rows = np.stack([law(SIZES, 0.1, 1, 0.5), law(SIZES, 0.1, 1, 0.9)])
    found = fit_power_laws(SIZES, rows, EVEN, np.array([[0.5], [0.9]]))
    assert found.exponent.tolist() == [0.5, 0.9]
    np.testing.assert_allclose(found.floor, 0.1)
    np.testing.assert_allclose(found.scale, 1)
