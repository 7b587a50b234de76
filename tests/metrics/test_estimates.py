"""Shares keep within 0 and 1, and certainty is never claimed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from striate.metrics.estimates import Estimate, divide, from_error, from_hits, mean_defined


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (7, 7), (3, 7), (734, 750), (1, 20_000)])
def test_the_interval_of_hits_is_that_of_wilson(hits, n):
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    found = from_hits(hits, n)
    assert (found.value, found.n) == (hits / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_without_trials_nothing_is_known():
    found = from_hits(0, 0)
    assert math.isnan(found.value)
    assert (found.low, found.high, found.n) == (None, None, 0)
    assert found.bounds == (-math.inf, math.inf)
    assert from_hits(7, 7).bounds == (pytest.approx(0.645670, abs=1e-6), 1)


def test_a_share_with_an_error_has_its_interval_on_the_logit_scale():
    found = from_error(0.9, 0.05, 40, 10)
    logits = [math.log(end / (1 - end)) for end in (found.low, found.value, found.high)]
    reach = 1.959963984540054 * 0.05 / 0.09
    assert logits == pytest.approx([logits[1] - reach, logits[1], logits[1] + reach])
    assert found.n == 40


def test_a_large_error_leaves_anything_possible():
    found = from_error(1e-9, 0.5, 40, 10)
    assert (found.low, found.high) == pytest.approx((0, 1), abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 1.0, 0.75])
def test_a_share_without_a_spread_has_the_interval_of_its_trials(share):
    expected = from_hits(20 * share, 20)
    for error in (0.0, math.nan):
        found = from_error(share, error, 100, 20)
        assert found == Estimate(share, expected.low, expected.high, 100)


def test_an_undefined_share_has_no_interval():
    found = from_error(math.nan, 0.1, 5, 0)
    assert math.isnan(found.value)
    assert (found.low, found.high, found.n) == (None, None, 5)


def test_division_by_nothing_is_undefined_and_left_out_of_means():
    quotients = divide(np.array([[1, 0, 3], [0, 0, 0]]), np.array([[2, 0, 4], [0, 0, 0]]))
    np.testing.assert_array_equal(quotients, [[0.5, math.nan, 0.75], [math.nan] * 3])
    np.testing.assert_array_equal(mean_defined(quotients), [0.625, math.nan])
