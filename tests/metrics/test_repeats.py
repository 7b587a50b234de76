"""Means over seeds, and their differences, have the intervals of SciPy's t tests."""

from __future__ import annotations

import pytest
from scipy import stats

from striate.metrics.estimates import Estimate
from striate.metrics.repeats import estimate_difference, estimate_mean

ONE, OTHER = (0.71, 0.74, 0.785), (0.66, 0.655, 0.69, 0.7)


def test_the_interval_of_a_mean_is_that_of_students_t_test():
    interval = stats.ttest_1samp(ONE, 0).confidence_interval(0.95)
    assert estimate_mean(ONE).value == pytest.approx(0.745)
    assert estimate_mean(ONE).bounds == pytest.approx(tuple(interval))
    assert estimate_mean(ONE).n == 3


def test_the_interval_of_a_difference_is_that_of_welchs_t_test():
    interval = stats.ttest_ind(ONE, OTHER, equal_var=False).confidence_interval(0.95)
    found = estimate_difference(ONE, OTHER)
    assert found.value == pytest.approx(0.745 - 0.67625)
    assert found.bounds == pytest.approx(tuple(interval))
    assert found.n == 7


def test_one_measurement_has_no_interval():
    assert estimate_mean([0.7]) == Estimate(0.7, None, None, 1)
    found = estimate_difference([0.75, 0.8, 0.85], [0.5])
    assert (found.value, found.low, found.high) == (pytest.approx(0.3), None, None)


def test_equal_measurements_have_an_interval_of_width_0():
    assert estimate_mean([0.5, 0.5]) == Estimate(0.5, 0.5, 0.5, 2)
    assert estimate_difference([0.75, 0.75], [0.5, 0.5]) == Estimate(0.25, 0.25, 0.25, 4)
