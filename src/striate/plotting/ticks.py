"""Round numbers along an axis, linear or logarithmic."""

from __future__ import annotations

import math

_MOST = 7  #: labels of a logarithmic axis


def make_ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return three to seven round ticks, 1, 2 or 5 times a power of ten apart, around low and high.

    A single value gets an axis from 0. With `whole`, up to nine whole numbers.
    """
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    reach = (high - low) or 1.0
    high = low + reach
    steps = 7 if whole else 5
    power = 10.0 ** math.floor(math.log10(reach / steps))
    step = next(power * n for n in (1, 2, 5, 10) if power * n * steps >= reach * 0.999)
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{step * at:.10g}") for at in range(first, last + 1)]


def make_log_ticks(low: float, high: float) -> list[float]:
    """Return up to seven powers of ten from low to high, both above 0.

    Where fewer than two lie between, 2 and 5 times a power of ten are ticks too.
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 1:
        every = [float(f"{n}e{power}") for power in range(first - 1, last + 1) for n in (1, 2, 5)]
        return [tick for tick in every if low * 0.999999 <= tick <= high * 1.000001]
    apart = -(-(last - first + 1) // _MOST)
    return [float(f"1e{power}") for power in range(first, last + 1, apart)]


def format_tick(value: float) -> str:
    """2500.0 -> "2.5k"; 3e6 -> "3M"; 0.0625 -> "0.0625"."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if unit <= abs(value) < 1e9:
            return f"{value / unit:.5g}{letter}"
    return f"{value:.3g}"


def ticks_within(low: float, high: float, *, log: bool, whole: bool) -> list[float]:
    """Return the ticks of an axis whose limits are given."""
    if log:
        return make_log_ticks(low, high)
    slack = (high - low) * 1e-9
    ticks = make_ticks(low, high, whole=whole)
    return [tick for tick in ticks if low - slack <= tick <= high + slack]
