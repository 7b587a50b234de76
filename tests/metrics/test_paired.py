"""Two models are told apart by the images that they answer differently."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from striate.metrics.estimates import Estimate
from striate.metrics.paired import bootstrap_difference, count_alone, mcnemar


def answers(both: int, only_a: int, only_b: int, neither: int = 0):
    """Return which images a and b answer correctly, in a shuffled order they share."""
    a = np.repeat([True, True, False, False], (both, only_a, only_b, neither))
    b = np.repeat([True, False, True, False], (both, only_a, only_b, neither))
    order = np.random.default_rng(0).permutation(len(a))
    return a[order], b[order]


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 1), (1, 0), (5, 5), (6, 5), (2, 11), (40, 0), (900, 1100), (0, 1200)]
)
def test_the_p_value_is_that_of_a_binomial_test_of_what_only_one_gets_right(only_a, only_b):
    expected = binomtest(only_a, only_a + only_b, 0.5).pvalue
    found = mcnemar(*answers(30, only_a, only_b, 7))
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_the_p_value_is_that_of_statsmodels():
    # Agresti, Categorical Data Analysis (2002), table 10.1: approval of a prime minister; from
    # statsmodels 0.15, contingency_tables.mcnemar of [[794, 86], [150, 570]] with exact=True
    assert mcnemar(*answers(794, 86, 150, 570)) == pytest.approx(3.7159361395713866e-05, rel=1e-12)


def test_images_that_only_one_gets_right_are_counted_for_each():
    assert count_alone(*answers(10, 3, 12, 2)) == (3, 12)


def test_what_both_get_right_or_neither_changes_nothing():
    assert mcnemar(*answers(0, 3, 9)) == mcnemar(*answers(500, 3, 9, 80))


def test_classifiers_that_never_differ_are_not_told_apart():
    assert mcnemar(*answers(20, 0, 0, 4)) == 1
    assert mcnemar(np.zeros(0, bool), np.zeros(0, bool)) == 1


def test_it_does_not_matter_which_comes_first():
    a, b = answers(10, 3, 12, 2)
    assert mcnemar(a, b) == mcnemar(b, a) < 0.05


def test_answers_to_other_images_are_refused():
    with pytest.raises(ValueError, match=r"of one length, not \(3,\) and \(2,\)"):
        mcnemar(np.ones(3, bool), np.ones(2, bool))


def mean_of(values):
    """What a resample makes of the mean of N values."""
    return lambda counts: counts @ values / counts.sum(axis=1)


def test_the_difference_of_means_has_the_interval_of_scipy():
    generator = np.random.default_rng(1)
    one = generator.gamma(3, 1, 60)
    other = one + generator.normal(0.2, 0.5, 60)
    found = bootstrap_difference(mean_of(one), mean_of(other), 60, resamples=20_000)
    expected = bootstrap(
        (one - other,), np.mean, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    assert found.value == pytest.approx(one.mean() - other.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.005)
    assert found.n == 60


def test_the_same_images_are_drawn_for_both_models():
    hard = np.random.default_rng(2).gamma(1, 9, 40)
    found = bootstrap_difference(mean_of(hard + 0.5), mean_of(hard), 40)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_one_image_gives_no_interval_of_the_difference():
    found = bootstrap_difference(mean_of(np.array([3.0])), mean_of(np.array([1.0])), 1)
    assert found == Estimate(2.0, None, None, 1)


def test_resamples_of_an_undefined_figure_are_left_out():
    def only_with_the_first(counts):
        return np.where(counts[:, 0] > 0, 1.0, np.nan)

    found = bootstrap_difference(only_with_the_first, mean_of(np.zeros(8)), 8)
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
