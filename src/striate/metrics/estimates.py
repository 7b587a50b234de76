"""Figures with their 95 % intervals.

An undefined figure (a recall without positives) is NaN without an interval, never 0 and never an
error. A share estimated with a standard error gets its interval on the logit scale, which stays
within 0 and 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scores = NDArray[np.floating[Any]]
#: 0 or 1 for each score, as booleans or integers
Truth = NDArray[np.integer[Any]] | NDArray[np.bool_]

#: half-width of a 95 % interval of the normal distribution, in standard deviations
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float  #: NaN: undefined
    low: float | None  #: None: no interval
    high: float | None
    n: int  #: images it is estimated from

    @property
    def bounds(self) -> tuple[float, float]:
        """Low and high end of the interval; without one any value may be true: (-inf, inf)."""
        low, high = self.low, self.high
        return -math.inf if low is None else low, math.inf if high is None else high

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, None for an undefined value."""
        value = None if math.isnan(self.value) else self.value
        return {"value": value, "low": self.low, "high": self.high, "images": self.n}


def from_hits(hits: float, n: int) -> Estimate:
    """Return the share of hits among n independent trials with its Wilson interval.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    It has a positive width at 0 and n hits too; `hits` need not be whole.
    """
    if n == 0:
        return Estimate(math.nan, None, None, 0)
    share, weight = hits / n, Z95**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * share * (1 - share) + weight**2 / 4) / (1 + weight)
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == n else middle + half
    return Estimate(share, low, high, n)


def from_error(share: float, error: float, n: int, trials: int) -> Estimate:
    """Return a share with a standard error, its interval taken on the logit scale.

    Where the error is 0, as at a share of 0 or 1, or unknown (NaN), the interval is Wilson's of
    `trials` independent trials: that all of them went well does not prove that all will.
    """
    if math.isnan(share):
        return Estimate(math.nan, None, None, n)
    spread = share * (1 - share)
    if spread <= 0 or not error > 0:
        trial = from_hits(share * trials, trials)
        return Estimate(share, trial.low, trial.high, n)
    logit, reach = math.log(share / (1 - share)), Z95 * error / spread
    low, high = (
        1 / (1 + math.exp(-min(max(at, -700), 700))) for at in (logit - reach, logit + reach)
    )
    return Estimate(share, low, high, n)


def divide(above: NDArray[Any], below: NDArray[Any]) -> Floats:
    """Return the quotients of two arrays, NaN where the divisor is not above 0."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


def mean_defined(values: Floats) -> Floats:
    """Return the mean of the last axis over what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))
