"""Figures of repeated trainings: their mean and the difference of two means, with intervals.

Student, "The probable error of a mean", Biometrika 6 (1908); Welch, "The generalization of
'Student's' problem when several different population variances are involved", Biometrika 34
(1947). Few seeds make wide intervals: that of three is 2.5 standard deviations to either side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

from scipy.special import stdtrit

from striate.metrics.estimates import Estimate


def estimate_mean(values: Sequence[float]) -> Estimate:
    """Estimate the mean of repeated measurements with Student's interval; one alone has none."""
    mean, n = fmean(values), len(values)
    if n < 2:
        return Estimate(mean, None, None, n)
    return _around(mean, variance(values, mean) / n, n - 1, n)


def estimate_difference(values: Sequence[float], others: Sequence[float]) -> Estimate:
    """Estimate the mean of `values` minus that of `others` with Welch's interval.

    The two are independent of each other; with fewer than two of either there is no interval.
    """
    difference, n = fmean(values) - fmean(others), len(values) + len(others)
    if min(len(values), len(others)) < 2:
        return Estimate(difference, None, None, n)
    parts = [(variance(each) / len(each), len(each) - 1) for each in (values, others)]
    squared = sum(part for part, _ in parts)
    below = sum(part**2 / freedom for part, freedom in parts)
    return _around(difference, squared, squared**2 / below if below else 1.0, n)


def _around(value: float, squared_error: float, freedom: float, n: int) -> Estimate:
    reach = float(stdtrit(freedom, 0.975)) * math.sqrt(squared_error)
    return Estimate(value, value - reach, value + reach, n)
