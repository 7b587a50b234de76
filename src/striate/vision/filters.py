"""Gradients of images, and what a filter does to a signal."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import floats, like, samples
from striate.vision.convolution import convolve
from striate.vision.convolution_methods import Border
from striate.vision.kernel_parser import kernel


def gradient_magnitude(image: Any, *, border: Border = "replicate") -> Any:
    """How steep an image is: (H, W) -> (H, W), or (H, W, C) -> (H, W, C), 0 where it is flat.

    The length of Sobel's answers to the right and downwards, which are, as `convolve` gives them,
    eight times the change in brightness from one pixel to the next. Raises OptionError.
    """
    right, down = _slopes(image, border)
    return like(np.hypot(right, down), image)


def gradient_direction(image: Any, *, border: Border = "replicate") -> Any:
    """Where an image grows brighter: (H, W) -> (H, W) in radians, each channel by itself.

    0 is to the right, pi / 2 downwards, -pi / 2 upwards and pi to the left; 0 where it is flat. It
    is arctan2(down, right) of Sobel's kernels as `convolve` answers them; `correlate` does not flip
    and answers with the opposite direction. Raises OptionError.
    """
    right, down = _slopes(image, border)
    return like(np.arctan2(down, right), image)


def _slopes(image: Any, border: Border) -> tuple[Any, Any]:
    pixels = floats(image, "the image")
    right, down = (convolve(pixels, kernel(name), border=border) for name in ("sobel-x", "sobel-y"))
    return right, down


def step_response(kernel: Any) -> Any:
    """What `convolve` gives from where its signal jumps from 0 to 1: (K,) -> (K,).

    The last value, the sum of the kernel, is what it stays at. Raises OptionError.
    """
    return like(np.cumsum(samples(kernel, "the kernel", 1)), kernel)


def derivative(signal: Any) -> Any:
    """The slope of a signal at each sample, per sample, from its two neighbors: (N,) -> (N,).

    At the ends it is the slope to the only neighbor. Raises OptionError.
    """
    values = samples(signal, "the signal", 1)
    if len(values) < 2:
        raise OptionError("a slope needs at least 2 samples, but the signal has 1")
    first, last = 2 * values[0] - values[1], 2 * values[-1] - values[-2]
    longer = np.concatenate([[first], values, [last]], dtype=values.dtype)
    return like(convolve(longer, [0.5, 0, -0.5], mode="valid"), signal)
