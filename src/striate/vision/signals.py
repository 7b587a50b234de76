"""What a kernel does to a signal (N,), seen over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import like
from striate.vision.checks import samples
from striate.vision.convolution import convolve


def step_response(kernel: Any) -> Any:
    """What `convolve` gives from where its signal jumps from 0 to 1: (K,) -> (K,).

    The last value, the sum of the kernel, is what it stays at. Raises OptionError.
    """
    return like(np.cumsum(samples(kernel, "the kernel", 1)), kernel)


def derivative(signal: Any) -> Any:
    """The slope of a signal at each sample, per sample, from its two neighbours: (N,) -> (N,).

    At the ends it is the slope to the only neighbour. Raises OptionError.
    """
    values = samples(signal, "the signal", 1)
    if len(values) < 2:
        raise OptionError("a slope needs at least 2 samples, but the signal has 1")
    first, last = 2 * values[0] - values[1], 2 * values[-1] - values[-2]
    longer = np.concatenate([[first], values, [last]], dtype=values.dtype)
    return like(convolve(longer, [0.5, 0, -0.5], mode="valid"), signal)
