"""What a kernel does to a signal (N,), seen over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import as_given, numbers
from striate.vision.correlation import convolve


def step_response(kernel: Any) -> Any:
    """What `convolve` gives, sample by sample, once its signal has jumped from 0 to 1: (K,) -> (K,).

    The last value is what it stays at: the sum of the kernel. Raises OptionError.
    """
    return as_given(np.cumsum(_signal(kernel, "the kernel")), kernel)


def derivative(signal: Any) -> Any:
    """The slope of a signal at each sample, per sample, from its two neighbours: (N,) -> (N,).

    At the ends it is the slope to the only neighbour. Raises OptionError.
    """
    samples = _signal(signal, "the signal")
    if len(samples) < 2:
        raise OptionError("a slope needs at least 2 samples, but the signal has 1")
    first, last = 2 * samples[0] - samples[1], 2 * samples[-1] - samples[-2]
    longer = np.concatenate([[first], samples, [last]], dtype=samples.dtype)
    return as_given(convolve(longer, [0.5, 0, -0.5], mode="valid"), signal)


def _signal(values: Any, what: str) -> Any:
    samples = numbers(values, what)
    if samples.ndim != 1:
        shape = " x ".join(map(str, samples.shape))
        raise OptionError(f"{what} must be (N,), but {shape} came")
    return samples
