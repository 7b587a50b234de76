"""Comparisons of two models on the same images."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from striate.metrics.bootstrap import draw, summarize
from striate.metrics.estimates import Estimate, Floats

Correct = NDArray[np.bool_]
Counts = NDArray[np.int64]
#: (R, N) times that each of N images was drawn -> (R,) values of a figure, NaN where undefined
Resample = Callable[[Counts], Floats]


def mcnemar(correct_a: Correct, correct_b: Correct) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    `correct_a` and `correct_b` are (N,) booleans: whether each of two classifiers answers an image
    correctly, both in the same order. Images that both answer correctly, or neither, tell nothing
    of which is the better. If the two are equally good, each of the others is as likely one's as
    the other's: a binomial distribution with a share of a half. Without such images the p-value is
    1. Raises ValueError if the lengths differ.

    McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12 (1947).
    """
    only_a, only_b = count_alone(correct_a, correct_b)
    return _two_sided(min(only_a, only_b), only_a + only_b)


def count_alone(correct_a: Correct, correct_b: Correct) -> tuple[int, int]:
    """Count the images that only the first, and only the second, answers correctly.

    Arrays are those of `mcnemar`. Raises ValueError if the lengths differ.
    """
    a, b = np.asarray(correct_a, np.bool_), np.asarray(correct_b, np.bool_)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"expected two arrays (N,) of one length, not {a.shape} and {b.shape}")
    return int((a & ~b).sum()), int((b & ~a).sum())


def bootstrap_difference(
    one: Resample, other: Resample, n: int, *, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """Estimate the figure of the first of two models less that of the second, on the same N images.

    Each resample draws the same images for both, so that what makes an image hard for either does
    not widen the percentile interval. Resamples in which a figure is undefined are left out of it.
    One image tells nothing of the spread, and has no interval.

    Efron and Tibshirani, "An introduction to the bootstrap" (1993), chapters 8 and 13.
    """
    whole = np.ones((1, n), np.int64)
    (value,) = one(whole) - other(whole)
    if n < 2:
        return Estimate(float(value), None, None, n)
    drawn = [one(counts) - other(counts) for counts in draw(n, resamples, seed)]
    return summarize(float(value), np.concatenate(drawn), n)


def _two_sided(hits: int, n: int) -> float:
    """Return twice the probability of at most `hits` heads in `n` throws of a coin, 1 at most."""
    below = np.arange(hits, 0, -1)
    # quotients of neighboring binomial coefficients, from that of `hits` down to that of 0
    tail = 1 + float(np.cumprod(below / (n - below + 1)).sum())
    return min(1.0, 2 * tail * (math.comb(n, hits) / 2**n))
