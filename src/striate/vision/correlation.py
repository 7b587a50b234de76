"""Correlation and convolution of signals and pictures with a kernel."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Mode = Literal["valid", "same", "full"]
Border = Literal["zero", "reflect", "replicate", "circular"]
Method = Literal["auto", "direct", "separable", "fft"]

_PADDING = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def correlate(
    image: Any,
    kernel: Any,
    *,
    mode: Mode = "same",
    border: Border = "zero",
    stride: int = 1,
    dilation: int = 1,
    method: Method = "auto",
) -> NDArray[np.floating[Any]]:
    """Slide a kernel over a signal or a picture, as network layers do: it is not flipped."""
    picture = np.asarray(image, np.float32)
    window = np.asarray(kernel, np.float32)
    high, wide = window.shape
    if mode != "valid":
        around = [(side - 1, side - 1) for side in window.shape]
        if mode == "same":
            around = [((side - 1) // 2, side // 2) for side in window.shape]
        around += [(0, 0)] * (picture.ndim - 2)
        picture = np.pad(picture, around, mode=_PADDING[border])  # pyright: ignore
    found = cv2.filter2D(picture, -1, window, anchor=(0, 0))
    return found[: picture.shape[0] - high + 1 : stride, : picture.shape[1] - wide + 1 : stride]


def convolve(
    image: Any,
    kernel: Any,
    *,
    mode: Mode = "same",
    border: Border = "zero",
    stride: int = 1,
    dilation: int = 1,
    method: Method = "auto",
) -> NDArray[np.floating[Any]]:
    """Slide the flipped kernel over a signal or a picture."""
    window = np.flip(np.asarray(kernel), (0, 1))
    return correlate(
        image, window, mode=mode, border=border, stride=stride, dilation=dilation, method=method
    )
