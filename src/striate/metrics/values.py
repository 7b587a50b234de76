"""Numbers: how far predictions are from targets, column by column.

Predictions and targets are (N, V); a target that is NaN is missing and left out of its column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from striate.metrics.bootstrap import bootstrap
from striate.metrics.estimates import Estimate, Floats, Scores, divide, mean_defined

#: spread of targets, as a share of their squares, below which they are equal
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True)
class ColumnErrors:
    """Errors of one column, in its unit; NaN without targets."""

    mae: Estimate  #: mean absolute error
    rmse: Estimate  #: root of the mean squared error
    r2: Estimate  #: 1 - squared errors / squared distances from the mean; NaN: constant targets
    bias: Estimate  #: mean of prediction - target
    median: Estimate  #: median absolute error


@dataclass(frozen=True, slots=True)
class ValueErrors:
    mean_r2: Estimate  #: over the columns that have one
    columns: tuple[ColumnErrors, ...]


def estimate_errors(
    predictions: Scores, targets: Scores, *, resamples: int = 1000, seed: int = 0
) -> ValueErrors:
    """Estimate the errors of (N, V) predictions by the bootstrap over images.

    R2 is below 0 where the mean of the targets would have been the better answer.
    """
    targets = np.asarray(targets, np.float64)
    known = ~np.isnan(targets)
    errors = np.where(known, predictions - targets, 0.0)
    around = np.where(known, targets - _means(targets, known), 0.0)
    parts = [known, np.abs(errors), errors, errors**2, around, around**2]
    sums = np.concatenate(parts, axis=1, dtype=np.float64)
    mean, *each = bootstrap(sums, _figures, resamples=resamples, seed=seed)
    mean = replace(mean, n=int(known.any(axis=1).sum()))
    columns = list[ColumnErrors]()
    for column, rows in enumerate(known.T):
        n = int(rows.sum())
        own = each[column :: len(known.T)]
        mae, rmse, r2, bias = (_of_images(estimate, n) for estimate in own)
        median = estimate_median(parts[1][rows, column])
        columns.append(ColumnErrors(mae, rmse, r2, bias, median))
    return ValueErrors(mean, tuple(columns))


def estimate_median(values: Scores) -> Estimate:
    """Estimate the median of (N,) values; the interval lies between two of them.

    How many values lie below the true median is a toss of N coins, whatever their distribution
    (Thompson, Annals of Mathematical Statistics 7 (1936)): the interval is from the k-th smallest
    to the k-th largest, k as large as 95 % allow. Fewer than 6 values allow none.
    """
    n, ordered = len(values), np.sort(values)
    if not n:
        return Estimate(math.nan, None, None, 0)
    value = float(np.median(ordered))
    steps = np.log(np.arange(n, 0, -1)) - np.log(np.arange(1, n + 1))
    tosses = np.exp(np.cumsum(np.append(0.0, steps)) - n * math.log(2))
    k = int(np.searchsorted(np.cumsum(tosses), 0.025, "right"))
    if not k:
        return Estimate(value, None, None, n)
    return Estimate(value, float(ordered[k - 1]), float(ordered[-k]), n)


def _means(targets: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the mean of each column, to measure from: squares of large numbers would round."""
    columns = zip(targets.T, known.T, strict=True)
    return np.array([np.mean(column[rows]) if rows.any() else 0.0 for column, rows in columns])


def _figures(sums: Floats) -> Floats:
    """Return (R, 1 + 4 V): mean R2, then MAE, RMSE, R2 and bias of all columns."""
    n, absolute, signed, squared, around, around_squared = np.split(sums, 6, axis=1)
    spread = around_squared - divide(around**2, n)
    # what is left of equal targets is rounding
    r2 = 1 - divide(squared, np.where(spread > _ROUNDING * around_squared, spread, 0.0))
    rmse = np.sqrt(divide(squared, n))
    return np.column_stack([mean_defined(r2), divide(absolute, n), rmse, r2, divide(signed, n)])


def _of_images(estimate: Estimate, n: int) -> Estimate:
    """Count only the images that have a target: one of them alone has no interval."""
    if n < 2:
        return Estimate(estimate.value, None, None, n)
    return replace(estimate, n=n)
