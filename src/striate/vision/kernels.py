"""Named kernels. All have default arguments; image rows increase downwards.

Sign convention: gradient kernels start with their positive weights, so that `convolve`, which
flips them, returns the gradient. `correlate`, `striate filter` and network layers do not flip and
return its negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, printable
from striate.vision.arrays import whole

Kernel = NDArray[np.float64]

LARGEST_SIDE = 1001  #: taps
_NARROWEST = 0.1  # sigma or wavelength in pixels; narrower ones fall between the taps
_WIDEST = 1e6


def identity() -> Kernel:
    """Identity: the image unchanged."""
    return _table("0 0 0; 0 1 0; 0 0 0")


def box(size: int = 3, *, axes: int = 2) -> Kernel:
    """Mean of (size, size) pixels; with axes=1, of (size,) samples."""
    shape = (_side(size),) * _axes(axes)
    return np.full(shape, 1 / math.prod(shape))


def gaussian(size: int = 3, sigma: float | None = None, *, axes: int = 2) -> Kernel:
    """Gaussian (size, size) that sums to 1; `sigma` is its standard deviation in pixels.

    The default sigma halves the weight at (size + 1) / 4 pixels from the center, so that
    gaussian(3) is 1 2 1 / 2 4 2 / 1 2 1 over 16. With axes=1 it is (size,), for signals.
    """
    half_at = (_side(size) + 1) / 4
    bell = _bell(size, half_at / math.sqrt(2 * math.log(2)) if sigma is None else sigma)
    return bell if _axes(axes) == 1 else np.outer(bell, bell)


def sharpen() -> Kernel:
    """The image minus its Laplacian."""
    return _table("0 -1 0; -1 5 -1; 0 -1 0")


def edge_diagonal() -> Kernel:
    """Mixed second derivative (x and y): responds to corners and diagonal edges."""
    return _table("1 0 -1; 0 0 0; -1 0 1")


def edge_all() -> Kernel:
    """Pixel minus its eight neighbors: responds to edges of every direction."""
    return _table("-1 -1 -1; -1 8 -1; -1 -1 -1")


def sobel_x() -> Kernel:
    """Sobel x: 8 times the gradient to the right, smoothed vertically; negated by `correlate`."""
    return _table("1 0 -1; 2 0 -2; 1 0 -1")


def sobel_y() -> Kernel:
    """Sobel y: 8 times the downward gradient, smoothed horizontally; negated by `correlate`."""
    return sobel_x().T.copy()


def prewitt_x() -> Kernel:
    """Prewitt x: 6 times the gradient to the right, averaged vertically; negated by `correlate`."""
    return _table("1 0 -1; 1 0 -1; 1 0 -1")


def prewitt_y() -> Kernel:
    """Prewitt y: 6 times the downward gradient, averaged horizontally; negated by `correlate`."""
    return prewitt_x().T.copy()


def laplacian() -> Kernel:
    """Laplacian: four neighbors minus four times the pixel."""
    return _table("0 1 0; 1 -4 1; 0 1 0")


def log(size: int = 9, sigma: float = 1.4) -> Kernel:
    """Laplacian of a Gaussian that sums to 1, (size, size), shifted to sum to 0.

    Marr and Hildreth 1980, "Theory of edge detection", with a negative center as in `laplacian`.
    """
    bell = _bell(size, sigma)
    square = _offsets(size) ** 2
    beyond = square[:, None] + square - 2 * sigma**2
    curved = beyond / sigma**4 * np.outer(bell, bell)
    return curved - curved.mean()


def emboss() -> Kernel:
    """Emboss, lit from the upper left with `correlate`."""
    return _table("-2 -1 0; -1 1 1; 0 1 2")


def gabor(
    size: int = 21,
    angle: float = 0,
    wavelength: float = 8,
    phase: float = 0,
    sigma: float = 4,
) -> Kernel:
    """Gabor filter (size, size): exp(-r^2 / 2 sigma^2) cos(2 pi u / wavelength + p).

    u runs along `angle`: 0 degrees is right, 90 down. The phase p is in degrees as well,
    wavelength and sigma are in pixels (Daugman 1985, "Uncertainty relation for resolution in
    space, spatial frequency, and orientation").
    """
    offsets = _offsets(size)
    down, right = np.meshgrid(offsets, offsets, indexing="ij")
    turn = math.radians(_number("angle", angle))
    along = right * math.cos(turn) + down * math.sin(turn)
    wave = 2 * math.pi * along / _width("wavelength", wavelength)
    spread = _width("sigma", sigma)
    bell = np.exp(-((right / spread) ** 2 + (down / spread) ** 2) / 2)
    return bell * np.cos(wave + math.radians(_number("phase", phase)))


#: name -> kernel function, as accepted by `kernel`
KERNELS: dict[str, Callable[..., Kernel]] = {
    make.__name__.replace("_", "-"): make
    for make in (
        *(identity, box, gaussian, sharpen, edge_diagonal, edge_all, sobel_x, sobel_y),
        *(prewitt_x, prewitt_y, laplacian, log, emboss, gabor),
    )
}


def _table(text: str) -> Kernel:
    return np.array([row.split() for row in text.split(";")], np.float64)


def _offsets(size: int) -> Kernel:
    """Return the taps' offsets from the center, which lies between two taps for even sizes."""
    side = _side(size)
    return np.arange(side, dtype=np.float64) - (side - 1) / 2


def _bell(size: int, sigma: float) -> Kernel:
    height = np.exp(-((_offsets(size) / _width("sigma", sigma)) ** 2) / 2)
    return height / height.sum()


def _side(size: int) -> int:
    return whole("size", size, LARGEST_SIDE)


def _axes(axes: int) -> int:
    return whole("axes", axes, 2)


def _width(name: str, value: float) -> float:
    if not _NARROWEST <= _number(name, value) <= _WIDEST:
        raise _refused(name, f"{_NARROWEST} to {_WIDEST:,.0f} pixels", value)
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise _refused(name, "a number", value)
    if not abs(value) <= _WIDEST:  # also rejects NaN
        raise _refused(name, f"a number up to {_WIDEST:,.0f}", value)
    return float(value)


def _refused(name: str, expected: str, value: object) -> OptionError:
    return OptionError(f"{name} must be {expected}, but {printable(repr(value), 100)} came")
