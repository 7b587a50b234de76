"""Downsampling and upsampling of signals and images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from striate.errors import OptionError, unknown
from striate.vision.arrays import Floats, like, samples, whole
from striate.vision.convolution import correlate
from striate.vision.kernel_parser import kernel

Fill = Literal["zero", "nearest", "linear", "cubic"]

_MOST_FILTERED = 250  # largest factor: the low-pass filter then has 1001 taps
_MOST_SAMPLES = 2**28


def downsample(x: Any, n: int, *, antialias: bool = False) -> Any:
    """Keep every n-th sample from the first: (N,) -> (ceil(N / n),), along both axes of an image.

    Periods below 2 n samples alias. `antialias` filters them first with a Gaussian of sigma n / 2,
    border replicated, which keeps 29 percent of the amplitude at a period of 2 n samples and about
    1 percent at n. Raises OptionError.
    """
    values = samples(x)
    step = whole("n", n)
    if antialias and step > 1:
        values = _smoothed(values, step)
    every = (slice(None, None, step),) * min(values.ndim, 2)
    return like(values[every].copy(), x)


def upsample(x: Any, n: int, fill: Fill = "zero") -> Any:
    """Put n - 1 samples after each: (N,) -> (n N,), along both axes of an image.

    They are 0, the sample before ("nearest", as in torch), or interpolated linearly or cubically
    (Keys 1981, "Cubic convolution interpolation for digital image processing", a = -1/2). Sample
    k of x is sample k n of the result for every fill; x is extended by its last sample. Raises
    OptionError.
    """
    values = samples(x)
    times = whole("n", n)
    if fill not in _FILLS:
        raise unknown("fill", str(fill), _FILLS)
    axes = min(values.ndim, 2)
    if values.size * times**axes > _MOST_SAMPLES:
        shape = " x ".join(f"{side:,}" for side in values.shape)
        raise OptionError(
            f"{shape} values, {times:,} times as many along {axes} of the axes, are more than "
            f"{_MOST_SAMPLES:,}; use a smaller n"
        )
    for axis in range(axes):
        values = _filled(values, axis, times, fill)
    return like(values, x)


def _smoothed(values: Floats, n: int) -> Floats:
    if n > _MOST_FILTERED:
        raise OptionError(
            f"n must be {_MOST_FILTERED} at most with antialias, but {n:,} came; downsample twice"
        )
    bell = kernel("gaussian", size=4 * n + 1, sigma=n / 2, axes=1)
    if values.ndim == 1:
        return correlate(values, bell, border="replicate")
    down = correlate(values, bell[:, None], border="replicate")
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


#: fill -> (offset of the first weighted sample, weights as a function of the position)
_FILLS: dict[str, tuple[int, Callable[[Floats], list[Floats]]]] = {
    "zero": (0, _zero),
    "nearest": (0, _nearest),
    "linear": (0, _linear),
    "cubic": (-1, _cubic),
}


def _filled(values: Floats, axis: int, n: int, fill: Fill) -> Floats:
    first, weights = _FILLS[fill]
    lines = np.moveaxis(values, axis, -1)
    length = lines.shape[-1]
    filled = np.zeros((*lines.shape, n), lines.dtype)
    for at, weight in enumerate(weights(np.arange(n) / n), first):
        there = np.clip(np.arange(length) + at, 0, length - 1)
        filled += lines[..., there, None] * weight.astype(lines.dtype)
    return np.moveaxis(filled.reshape(*lines.shape[:-1], length * n), -1, axis)
