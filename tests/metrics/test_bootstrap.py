"""Resampled images give intervals, whatever their number."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from striate.metrics.bootstrap import bootstrap, draw
from striate.metrics.estimates import Estimate, divide
from tests.metrics.peers import coverage


def ratio(sums):
    return divide(sums[:, :1], sums[:, 1:])


def pairs(seed, n=60):
    """Rows (weight x value, weight): the ratio of their sums is near 3."""
    generator = np.random.default_rng(seed)
    weights = generator.integers(1, 6, n)
    return np.column_stack([weights * generator.gamma(3, 1, n), weights])


def test_the_interval_is_that_of_scipy():
    rows = pairs(0)
    (found,) = bootstrap(rows, ratio, resamples=20_000)
    expected = stats.bootstrap(
        (rows[:, 0], rows[:, 1]),
        lambda above, below, axis: above.sum(axis) / below.sum(axis),
        paired=True, vectorized=True, n_resamples=20_000, method="percentile", rng=1,
    ).confidence_interval  # fmt: skip
    assert found.value == pytest.approx(rows[:, 0].sum() / rows[:, 1].sum())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.01)
    assert found.n == 60


def test_the_interval_covers_the_truth_as_often_as_it_says():
    def estimate(seed):
        return bootstrap(pairs(seed), ratio, resamples=300, seed=seed)[0]

    assert 0.9 <= coverage(estimate, 3.0) <= 0.99


def test_the_same_seed_gives_the_same_interval_and_another_another():
    rows = pairs(0)
    assert bootstrap(rows, ratio) == bootstrap(rows, ratio)
    assert bootstrap(rows, ratio) != bootstrap(rows, ratio, seed=1)


def test_each_resample_draws_as_many_images_as_there_are():
    counts = np.concatenate(list(draw(1000, 1500, seed=0)))
    assert counts.shape == (1500, 1000)
    assert set(counts.sum(axis=1)) == {1000}
    assert np.mean(counts == 0) == pytest.approx(math.exp(-1), abs=0.002)


def test_one_image_has_a_value_but_no_interval_and_none_has_neither():
    assert bootstrap(np.array([[3, 4]]), ratio) == [Estimate(0.75, None, None, 1)]
    (none,) = bootstrap(np.zeros((0, 2)), ratio)
    assert math.isnan(none.value)
    assert (none.low, none.high, none.n) == (None, None, 0)


def test_resamples_in_which_a_figure_is_undefined_are_left_out():
    rows = np.array([[1, 2], [0, 0], [0, 0]])
    assert bootstrap(rows, ratio) == [Estimate(0.5, 0.5, 0.5, 3)]


def test_an_undefined_figure_has_no_interval():
    (found,) = bootstrap(np.zeros((5, 2)), ratio)
    assert math.isnan(found.value)
    assert (found.low, found.high, found.n) == (None, None, 5)


def test_a_hundred_thousand_images_need_no_more_memory_than_their_sums():
    rows = np.ones((100_000, 2))
    tracemalloc.start()
    (found,) = bootstrap(rows, ratio, resamples=30)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == Estimate(1, 1, 1, 100_000)
    assert peak < 50e6
