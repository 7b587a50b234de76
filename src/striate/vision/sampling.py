"""Fewer samples, and more of them, along the axes of a signal or a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, unknown
from striate.vision.arrays import as_given, numbers, whole
from striate.vision.correlation import correlate
from striate.vision.kernels import kernel

Fill = Literal["zero", "nearest", "linear", "cubic"]
Floats = NDArray[np.floating[Any]]

_MOST_FILTERED = 250  # times: the low-pass filter then has 1001 taps
_MOST_SAMPLES = 2**28


def downsample(x: Any, n: int, *, antialias: bool = False) -> Any:
    """Keep every n-th sample from the first: (N,) -> (ceil(N / n),), along both axes of a picture.

    What swings faster than once in 2 n samples then looks like something slower. `antialias` takes
    it out before: by a Gaussian of sigma n / 2, with the border repeated, which leaves 29 percent
    of a wave of 2 n samples and about 1 of one of n. Raises OptionError.
    """
    samples = numbers(x)
    step = whole("n", n)
    if antialias and step > 1:
        samples = _smoothed(samples, step)
    every = (slice(None, None, step),) * min(samples.ndim, 2)
    return as_given(samples[every].copy(), x)


def upsample(x: Any, n: int, fill: Fill = "zero") -> Any:
    """Put n - 1 samples after each: (N,) -> (n N,), along both axes of a picture.

    They are 0; or the sample before ("nearest": as torch's); or on the line to the next one; or on
    the cubic curve through the two on either side, whose slopes at both are the neighbours'
    (Keys 1981, "Cubic convolution interpolation for digital image processing", a = -1/2). Sample
    k of x is sample k n of the answer, whatever the fill; beyond the last, x is taken to stay as
    it is. Raises OptionError.
    """
    samples = numbers(x)
    times = whole("n", n)
    if fill not in _FILLS:
        raise unknown("fill", str(fill), _FILLS)
    axes = min(samples.ndim, 2)
    if samples.size * times**axes > _MOST_SAMPLES:
        shape = " x ".join(f"{side:,}" for side in samples.shape)
        raise OptionError(
            f"{shape} samples, {times:,} times as many along {axes} of the axes, are more than "
            f"{_MOST_SAMPLES:,}; use a smaller n"
        )
    for axis in range(axes):
        samples = _filled(samples, axis, times, fill)
    return as_given(samples, x)


def _smoothed(samples: Floats, n: int) -> Floats:
    if n > _MOST_FILTERED:
        raise OptionError(
            f"n must be {_MOST_FILTERED} at most with antialias, but {n:,} came; downsample twice"
        )
    bell = kernel("gaussian", size=4 * n + 1, sigma=n / 2, axes=1)
    if samples.ndim == 1:
        return correlate(samples, bell, border="replicate")
    down = correlate(samples, bell[:, None], border="replicate")
    return correlate(down, bell[None, :], border="replicate")


def _zero(t: Floats) -> list[Floats]:
    return [1.0 * (t == 0)]


def _nearest(t: Floats) -> list[Floats]:
    return [np.ones_like(t)]


def _linear(t: Floats) -> list[Floats]:
    return [1 - t, t]


def _cubic(t: Floats) -> list[Floats]:
    return [
        (-t + 2 * t**2 - t**3) / 2,
        (2 - 5 * t**2 + 3 * t**3) / 2,
        (t + 4 * t**2 - 3 * t**3) / 2,
        (t**3 - t**2) / 2,
    ]


#: which sample the first weight is for, counted from the one before; weights at shares of the way
_FILLS: dict[str, tuple[int, Callable[[Floats], list[Floats]]]] = {
    "zero": (0, _zero),
    "nearest": (0, _nearest),
    "linear": (0, _linear),
    "cubic": (-1, _cubic),
}


def _filled(samples: Floats, axis: int, n: int, fill: Fill) -> Floats:
    first, weights = _FILLS[fill]
    lines = np.moveaxis(samples, axis, -1)
    length = lines.shape[-1]
    filled = np.zeros((*lines.shape, n), lines.dtype)
    for at, weight in enumerate(weights(np.arange(n) / n), first):
        there = np.clip(np.arange(length) + at, 0, length - 1)
        filled += lines[..., there, None] * weight.astype(lines.dtype)
    return np.moveaxis(filled.reshape(*lines.shape[:-1], length * n), -1, axis)
