"""Correlation and convolution of signals and images with a kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any, NamedTuple, cast

import cv2
import numpy as np

from striate.errors import OptionError
from striate.vision import convolution_methods
from striate.vision.arrays import Floats, floats, like, numbers, whole
from striate.vision.convolution_methods import AROUND, Border, Method, Mode, Window, check_name

_BORDERS = {
    "zero": cv2.BORDER_CONSTANT,
    "reflect": cv2.BORDER_REFLECT_101,
    "replicate": cv2.BORDER_REPLICATE,
    "circular": cv2.BORDER_WRAP,
}
_KERNELS = {1: "(K,)", 2: "(kh, kw)", 3: "(kh, kw) or (kh, kw, C)"}
MOST_TAPS = 2**26
_METHODS = {
    "direct": convolution_methods.correlate_direct,
    "separable": convolution_methods.correlate_separable,
    "fft": convolution_methods.correlate_fft,
}
_METHOD_NAMES = ("auto", *_METHODS)


def correlate(
    image: Any,
    kernel: Any,
    *,
    mode: Mode = "same",
    border: Border = "zero",
    stride: int = 1,
    dilation: int = 1,
    method: Method = "auto",
) -> Any:
    """Cross-correlate a signal or an image with a kernel, as network layers do: not flipped.

    A signal (N,) takes a kernel (K,). An image (H, W) or (H, W, C) takes (kh, kw), applied per
    channel, or (kh, kw, C), which sums over the channels and gives (H', W'). A tensor returns a
    tensor on its device, without gradient.

    `mode`: "valid" gives N - K + 1 positions, "full" N + K - 1, and "same" N, the middle of "full"
    (as in SciPy, except that its correlate2d starts one position later for even sides). `border`:
    how the image is extended; "reflect" does not repeat the edge. `stride` keeps every stride-th
    position from the first; `dilation` is the distance between taps.

    Returns float32 for booleans, integers of up to 16 bits, float16 and float32, and float64 for
    everything else. `method`: "direct", "separable" (kernels of rank one only), "fft", or "auto"
    for the fastest. With every method, an output depends on its own window only: its error is at
    most 1e-5 (float32) or 1e-12 (float64) of the largest value in the window times the sum of the
    absolute taps, and a non-finite value affects only the outputs whose window contains it.
    Raises OptionError.

    >>> correlate([1, 1, 1, 0, 0], [1, 0, 1], mode="valid")
    array([2., 1., 1.])
    """
    return _slid(image, kernel, _asked(mode, border, method, stride, dilation))


def convolve(
    image: Any,
    kernel: Any,
    *,
    mode: Mode = "same",
    border: Border = "zero",
    stride: int = 1,
    dilation: int = 1,
    method: Method = "auto",
) -> Any:
    """Convolve a signal or an image with a kernel: `correlate` with the kernel flipped."""
    return _slid(image, kernel, _asked(mode, border, method, stride, dilation), flip=True)


class _Asked(NamedTuple):
    mode: Mode
    border: Border
    method: Method
    stride: int
    dilation: int


def _asked(*options: Any) -> _Asked:
    """Validate the options; valid ones are cached."""
    try:
        return _remembered(*options)
    except TypeError:  # unhashable, cannot be cached
        return _remembered.__wrapped__(*options)


@lru_cache(typed=True)
def _remembered(mode: Mode, border: Border, method: Method, stride: int, dilation: int) -> _Asked:
    check_name("mode", mode, AROUND)
    check_name("border", border, _BORDERS)
    check_name("method", method, _METHOD_NAMES)
    return _Asked(mode, border, method, whole("stride", stride), whole("dilation", dilation))


def _slid(image: Any, kernel: Any, asked: _Asked, *, flip: bool = False) -> Any:
    pixels = numbers(image, "the image")
    taps = floats(kernel, "the kernel", pixels.dtype)
    _check_axes(pixels, taps)
    _check_sides(pixels, taps, asked)
    signal = pixels.ndim == 1
    if signal:
        pixels, taps = pixels[None], taps[None]
    taps = _spread(taps[::-1, ::-1] if flip else taps, asked.dilation)
    found = _answered(pixels, taps, asked)
    if asked.stride > 1 or not found.flags.c_contiguous:
        found = np.ascontiguousarray(found[:: asked.stride, :: asked.stride])
    return like(found[0] if signal else found, image)


def _answered(image: Floats, taps: Floats, asked: _Asked) -> Floats:
    """(H, W) or (H, W, C) -> (H', W') or (H', W', C), per channel where a method requires it."""
    if taps.ndim == 3:
        channels = range(taps.shape[2])
        return reduce(
            np.add, (_answered(_channel(image, c), taps[..., c], asked) for c in channels)
        )
    method = convolution_methods.choose_method(taps) if asked.method == "auto" else asked.method
    if image.ndim == 3 and (method == "fft" or not 2 <= image.shape[2] <= 4):
        channels = range(image.shape[2])
        return np.stack([_answered(_channel(image, c), taps, asked) for c in channels], axis=-1)
    return _METHODS[method](*_laid(image, taps, asked, bare=method == "fft"))


def _channel(image: Floats, at: int) -> Floats:
    return np.ascontiguousarray(image[..., at])


def _laid(
    image: Floats, taps: Floats, asked: _Asked, *, bare: bool
) -> tuple[Floats, Floats, Window]:
    """Return image, kernel and window; the image is padded if the method cannot do so.

    A `bare` method supports zero borders only, the others every OpenCV border.
    """
    border = _BORDERS[asked.border]
    high, wide = taps.shape
    (top, bottom), (left, right) = AROUND[asked.mode](high), AROUND[asked.mode](wide)
    shape = (
        image.shape[0] - high + 1 + top + bottom,
        image.shape[1] - wide + 1 + left + right,
    )
    if asked.border != "zero" if bare else asked.border == "circular" or asked.mode == "full":
        padded = cv2.copyMakeBorder(image, top, bottom, left, right, border)
        return cast("Floats", padded), taps, Window((0, 0), shape, cv2.BORDER_CONSTANT)
    return image, taps, Window((top, left), shape, border)


def _spread(taps: Floats, dilation: int) -> Floats:
    if dilation == 1:
        return taps
    high, wide = ((side - 1) * dilation + 1 for side in taps.shape[:2])
    spread = np.zeros((high, wide, *taps.shape[2:]), taps.dtype)
    spread[::dilation, ::dilation] = taps
    return spread


def _check_axes(image: Floats, taps: Floats) -> None:
    if image.ndim not in _KERNELS:
        raise OptionError(
            "a signal (N,) or one image (H, W) or (H, W, C) was expected, but an array of shape "
            f"{image.shape} came"
        )
    fits = taps.ndim == 3 and taps.shape[2:] == image.shape[2:]
    if taps.ndim != min(image.ndim, 2) and not fits:
        raise OptionError(
            f"for an array of shape {image.shape} the kernel must be {_KERNELS[image.ndim]}, "
            f"but its shape is {taps.shape}"
        )


def _check_sides(image: Floats, taps: Floats, asked: _Asked) -> None:
    axes = min(image.ndim, 2)
    span = [(side - 1) * asked.dilation + 1 for side in taps.shape[:axes]]
    if math.prod(span) > MOST_TAPS:
        raise OptionError(
            f"the kernel spans {_spans(span, taps, asked)}, more than {MOST_TAPS:,} taps"
        )
    if asked.mode == "valid" and any(
        most < side for side, most in zip(span, image.shape, strict=False)
    ):
        raise OptionError(
            "mode 'valid' needs as much room as the kernel, which spans "
            f"{_spans(span, taps, asked)}, but the size is {_by(image.shape[:axes])}; "
            "take 'same' or 'full'"
        )


def _spans(span: Sequence[int], taps: Floats, asked: _Asked) -> str:
    if asked.dilation == 1:
        return _by(span)
    return f"{_by(span)} ({_by(taps.shape[: len(span)])} at dilation {asked.dilation})"


def _by(sides: Sequence[int]) -> str:
    return "x".join(map(str, sides))
