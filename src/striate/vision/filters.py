"""Image gradients, and step response and derivative of signals."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import floats, like, samples
from striate.vision.convolution import convolve
from striate.vision.convolution_methods import Border
from striate.vision.kernel_parser import kernel


def gradient_magnitude(image: Any, *, border: Border = "replicate") -> Any:
    """Sobel gradient magnitude: (H, W) -> (H, W), or (H, W, C) -> (H, W, C), 0 where flat.

    The norm of Sobel x and y as computed by `convolve`, each eight times the change in brightness
    per pixel. Raises OptionError.
    """
    right, down = _slopes(image, border)
    return like(np.hypot(right, down), image)


def gradient_direction(image: Any, *, border: Border = "replicate") -> Any:
    """Sobel gradient direction, towards brighter: (H, W) -> (H, W) in radians, per channel.

    0 is right, pi / 2 down, -pi / 2 up and pi left; 0 where flat. It is arctan2(y, x) of the Sobel
    kernels with `convolve`; `correlate` does not flip and gives the opposite direction. Raises
    OptionError.
    """
    right, down = _slopes(image, border)
    return like(np.arctan2(down, right), image)


def _slopes(image: Any, border: Border) -> tuple[Any, Any]:
    pixels = floats(image, "the image")
    right, down = (convolve(pixels, kernel(name), border=border) for name in ("sobel-x", "sobel-y"))
    return right, down


def step_response(kernel: Any) -> Any:
    """Return the response of `convolve` to a step from 0 to 1: (K,) -> (K,).

    The last value, the sum of the kernel, is the steady state. Raises OptionError.
    """
    return like(np.cumsum(samples(kernel, "the kernel", 1)), kernel)


def derivative(signal: Any) -> Any:
    """Return the central difference of a signal, per sample: (N,) -> (N,).

    At the ends it is the one-sided difference. Raises OptionError.
    """
    values = samples(signal, "the signal", 1)
    if len(values) < 2:
        raise OptionError("a slope needs at least 2 samples, but the signal has 1")
    first, last = 2 * values[0] - values[1], 2 * values[-1] - values[-2]
    longer = np.concatenate([[first], values, [last]], dtype=values.dtype)
    return like(convolve(longer, [0.5, 0, -0.5], mode="valid"), signal)
