"""Pictures compared with what they should be: PSNR and SSIM, equal to scikit-image's.

PSNR is the squared error on a logarithmic scale, in decibels: 10 log10(peak^2 / MSE). SSIM compares
mean, spread and pattern in windows of 7x7 pixels: Wang, Bovik, Sheikh, Simoncelli 2004, Image
quality assessment, https://doi.org/10.1109/TIP.2003.819861, with scikit-image's defaults: windows
weigh all pixels the same, variances are those of a sample, and the rim that no window fits is left
out.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.metrics.estimates import Floats

#: side in pixels of the windows of SSIM
WINDOW = 7
#: PSNR of what differs by rounding to 8 bits alone, whose squared error is 1/12
ROUNDED = 10 * float(np.log10(255**2 * 12))
_K1, _K2 = 0.01, 0.03  #: of the paper, section 3.B


def psnr(
    answer: NDArray[Any], truth: NDArray[Any], peak: float = 255, *, most: float = np.inf
) -> float:
    """Return the peak signal-to-noise ratio of two pictures (H, W, ...) in dB, at most `most`.

    Infinite for equal ones. Raises OptionError for pictures of different shapes.
    """
    _check_shapes(answer, truth)
    error = float(np.square(answer.astype(np.float64) - truth).mean())
    return min(most, 10 * float(np.log10(peak**2 / error))) if error else most


def ssim(answer: NDArray[Any], truth: NDArray[Any], peak: float = 255) -> float:
    """Return the mean structural similarity of two pictures (H, W, C), -1 to 1; a mean over C.

    NaN for pictures with a side below 7 pixels. Raises OptionError for different shapes.
    """
    _check_shapes(answer, truth)
    if min(truth.shape[:2]) < WINDOW:
        return float("nan")
    x, y = (np.atleast_3d(each).astype(np.float64) for each in (answer, truth))
    pixels = WINDOW**2
    to_sample = pixels / (pixels - 1)
    mean_x, mean_y = _average(x), _average(y)
    var_x = to_sample * (_average(x * x) - mean_x**2)
    var_y = to_sample * (_average(y * y) - mean_y**2)
    both = to_sample * (_average(x * y) - mean_x * mean_y)
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    return float((above / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean())


def _average(values: Floats) -> Floats:
    """Return the means of all windows within (H, W, C): (H - 6, W - 6, C)."""
    rim = WINDOW // 2
    means = np.atleast_3d(cv2.boxFilter(values, cv2.CV_64F, (WINDOW, WINDOW)))
    if means.shape != values.shape:  # OpenCV drops a channel of one
        means = means.reshape(values.shape)
    return np.asarray(means[rim:-rim, rim:-rim], np.float64)


def _check_shapes(answer: NDArray[Any], truth: NDArray[Any]) -> None:
    if answer.shape != truth.shape:
        shown = ["x".join(map(str, each.shape)) for each in (truth, answer)]
        raise OptionError(
            f"a picture must be as large as what it is compared with, {shown[0]}, but is {shown[1]}"
        )
