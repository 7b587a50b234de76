"""Errors of numbers, missing and constant targets included."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import binom, foldnorm, norm
from sklearn import metrics as reference

from striate.metrics.estimates import Estimate
from striate.metrics.values import estimate_errors, estimate_median
from tests.metrics.peers import coverage

NAMES = ("mae", "rmse", "r2", "bias", "median")


def measured(seed, images=200, columns=3):
    """Targets far from 0, and predictions with a bias."""
    draw = np.random.default_rng(seed)
    targets = draw.normal(1000, 5, (images, columns))
    return targets + draw.normal(0.5, 2, (images, columns)), targets


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_every_error_agrees_with_scikit_learn(seed, missing):
    predictions, targets = measured(seed)
    targets[np.random.default_rng(seed).random(targets.shape) < missing] = math.nan
    found = estimate_errors(predictions, targets, resamples=2)
    for column, errors in enumerate(found.columns):
        known = ~np.isnan(targets[:, column])
        true, predicted = targets[known, column], predictions[known, column]
        expected = (
            reference.mean_absolute_error(true, predicted),
            reference.root_mean_squared_error(true, predicted),
            reference.r2_score(true, predicted),
            (predicted - true).mean(),
            reference.median_absolute_error(true, predicted),
        )
        estimates = [getattr(errors, name) for name in NAMES]
        assert [each.value for each in estimates] == pytest.approx(expected, abs=1e-9)
        assert {each.n for each in estimates} == {known.sum()}
    mean = np.mean([errors.r2.value for errors in found.columns])
    assert (found.mean_r2.value, found.mean_r2.n) == (
        pytest.approx(mean), (~np.isnan(targets)).any(axis=1).sum(),
    )  # fmt: skip


def test_errors_by_hand():
    found = estimate_errors(np.array([[3.0], [1], [9]]), np.array([[1.0], [3], [math.nan]]))
    errors = found.columns[0]
    assert [getattr(errors, name).value for name in NAMES] == [2, 2, -3, 0, 2]
    assert found.mean_r2.value == -3


def test_a_column_without_targets_is_undefined():
    predictions, targets = measured(0)
    targets[:, 1] = math.nan
    found = estimate_errors(predictions, targets, resamples=20)
    for name in NAMES:
        estimate = getattr(found.columns[1], name)
        assert math.isnan(estimate.value)
        assert (estimate.low, estimate.high, estimate.n) == (None, None, 0)
    kept = [0, 2]
    rest = estimate_errors(predictions[:, kept], targets[:, kept], resamples=20)
    for ours, others in (
        (found.mean_r2, rest.mean_r2),
        (found.columns[0].r2, rest.columns[0].r2),
        (found.columns[2].bias, rest.columns[1].bias),
    ):
        assert astuple(ours) == pytest.approx(astuple(others), rel=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3])
def test_equal_targets_have_no_r2(value):
    predictions, targets = measured(0, columns=1)
    found = estimate_errors(predictions, np.full_like(targets, value))
    for estimate in (found.columns[0].r2, found.mean_r2):
        assert math.isnan(estimate.value)
        assert (estimate.low, estimate.high) == (None, None)
    assert found.columns[0].mae.low < found.columns[0].mae.value < found.columns[0].mae.high


def test_resamples_of_equal_targets_are_left_out():
    targets = np.array([[0.3], [0.3], [0.7]])  # a resample in 27 has 0.7 alone
    found = estimate_errors(targets + np.array([[0.1], [-0.1], [0.1]]), targets).columns[0].r2
    assert (found.value, found.low, found.high) == pytest.approx([1 - 0.03 / 0.32 * 3] * 3)


def test_a_single_target_has_errors_without_an_interval():
    targets = np.array([[1.0, 2.0], [2.0, math.nan], [4.0, math.nan]])
    found = estimate_errors(targets + 1, targets).columns[1]
    assert (found.mae, found.bias) == (Estimate(1, None, None, 1),) * 2
    assert math.isnan(found.r2.value)


@pytest.mark.parametrize("n", [6, 25, 200, 5000])
def test_the_interval_of_a_median_lies_between_the_values_that_a_binomial_says(n):
    values = np.random.default_rng(0).permutation(n) + 1.0
    found = estimate_median(values)
    below = int(binom.ppf(0.025, n, 0.5))  # values outside on each side: one fewer is too many
    assert found == Estimate((n + 1) / 2, below, n + 1 - below, n)


def test_five_values_or_fewer_have_a_median_without_an_interval():
    assert estimate_median(np.array([3.0, 1, 2, 5, 4])) == Estimate(3, None, None, 5)
    none = estimate_median(np.zeros(0))
    assert math.isnan(none.value)
    assert (none.low, none.high, none.n) == (None, None, 0)


def test_float32_predictions_lose_nothing():
    predictions, targets = (each.astype(np.float32) for each in measured(0, columns=1))
    found = estimate_errors(predictions, targets, resamples=2)
    expected = reference.r2_score(targets.astype(float), predictions.astype(float))
    assert found.columns[0].r2.value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mae", 2 * math.sqrt(2 / math.pi) * math.exp(-1 / 32) + 0.5 * (1 - 2 * norm.cdf(-0.25))),
        ("rmse", math.sqrt(4.25)),
        ("r2", 1 - 4.25 / 25),
        ("bias", 0.5),
        ("median", foldnorm.ppf(0.5, 0.25, scale=2)),
    ],
)
def test_the_intervals_cover_the_truth_as_often_as_they_say(name, known):
    def estimate(seed):
        found = estimate_errors(*measured(seed, 100, 1), resamples=200)
        return getattr(found.columns[0], name)

    assert 0.9 <= coverage(estimate, known) <= 0.99
