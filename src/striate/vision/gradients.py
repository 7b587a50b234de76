"""Where a picture grows brighter, and how fast: Sobel's two kernels together."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.vision.arrays import floats, like
from striate.vision.convolution import convolve
from striate.vision.convolution_settings import Border
from striate.vision.kernel_parser import kernel


def gradient_magnitude(image: Any, *, border: Border = "replicate") -> Any:
    """How steep a picture is: (H, W) -> (H, W), or (H, W, C) -> (H, W, C), 0 where it is flat.

    The length of Sobel's answers to the right and downwards, which are, as `convolve` gives them,
    eight times the change in brightness from one pixel to the next. Raises OptionError.
    """
    right, down = _slopes(image, border)
    return like(np.hypot(right, down), image)


def gradient_direction(image: Any, *, border: Border = "replicate") -> Any:
    """Where a picture grows brighter: (H, W) -> (H, W) in radians, each channel by itself.

    0 is to the right, pi / 2 downwards, -pi / 2 upwards and pi to the left; 0 where it is flat. It
    is arctan2(down, right) of Sobel's kernels as `convolve` answers them; `correlate` does not flip
    and answers with the opposite direction. Raises OptionError.
    """
    right, down = _slopes(image, border)
    return like(np.arctan2(down, right), image)


def _slopes(image: Any, border: Border) -> tuple[Any, Any]:
    picture = floats(image, "the picture")
    right, down = (
        convolve(picture, kernel(name), border=border) for name in ("sobel-x", "sobel-y")
    )
    return right, down
