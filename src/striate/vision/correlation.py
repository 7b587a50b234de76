"""Correlation and convolution of signals and pictures with a kernel."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np

from striate.errors import OptionError, unknown
from striate.vision import methods
from striate.vision.arrays import Floats, floats, like
from striate.vision.methods import Field

Mode = Literal["valid", "same", "full"]
Border = Literal["zero", "reflect", "replicate", "circular"]
Method = Literal["auto", "direct", "separable", "fft"]

_BORDERS = {
    "zero": cv2.BORDER_CONSTANT,
    "reflect": cv2.BORDER_REFLECT_101,
    "replicate": cv2.BORDER_REPLICATE,
    "circular": cv2.BORDER_WRAP,
}
_AROUND = {
    "valid": lambda side: (0, 0),
    "same": lambda side: (side // 2, (side - 1) // 2),
    "full": lambda side: (side - 1, side - 1),
}
_KERNELS = {1: "(K,)", 2: "(kh, kw)", 3: "(kh, kw) or (kh, kw, C)"}
MOST_TAPS = 2**26
_METHODS = {"direct": methods.direct, "separable": methods.separable, "fft": methods.fft}


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
    """Slide a kernel over a signal or a picture, as network layers do: it is not flipped.

    A signal (N,) takes a kernel (K,). A picture (H, W) or (H, W, C) takes (kh, kw), for each channel
    alone, or (kh, kw, C), which sums over the channels and gives (H', W'). A tensor comes back as
    one, on its device and without gradient.

    `mode`: "valid" gives N - K + 1 positions, "same" N (the middle of "full", as in SciPy), "full"
    N + K - 1. `border`: what is taken to surround the picture; "reflect" does not repeat the edge.
    `stride` keeps every so-many-th position from the first; `dilation` sets the taps so far apart.

    Gives float32 for booleans, integers of up to 16 bits, float16 and float32, calculated as such,
    and float64 for everything else. `method`: "direct", "separable" (kernels of rank one only),
    "fft", or "auto" for the quickest. Raises OptionError.

    >>> correlate([1, 1, 1, 0, 0], [1, 0, 1], mode="valid")
    array([2., 1., 1.])
    """
    asked = _asked(mode, border, method)
    stride, dilation = _count("stride", stride), _count("dilation", dilation)
    picture, taps = floats(image, "the picture"), floats(kernel, "the kernel", np.float64)
    _check_axes(picture, taps)
    signal = picture.ndim == 1
    if signal:
        picture, taps = picture[None], taps[None]
    _check_sides(picture, taps, dilation, mode)
    found = _answered(picture, _spread(taps, dilation), asked)
    if stride > 1 or not found.flags.c_contiguous:
        found = np.ascontiguousarray(found[::stride, ::stride])
    return like(found[0] if signal else found, image)


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
    """Slide the flipped kernel over a signal or a picture: everything else as in `correlate`."""
    taps = floats(kernel, "the kernel", np.float64)
    flipped = np.flip(taps, tuple(range(taps.ndim))[:2])
    return correlate(
        image, flipped, mode=mode, border=border, stride=stride, dilation=dilation, method=method
    )


@dataclass(frozen=True)
class _Asked:
    mode: Mode
    border: Border
    method: Method


def _answered(picture: Floats, taps: Floats, asked: _Asked) -> Floats:
    """(H, W) or (H, W, C) -> (H', W') or (H', W', C), channels apart where a method needs that."""
    if taps.ndim == 3:
        channels = range(taps.shape[2])
        return sum(_answered(_channel(picture, c), taps[..., c], asked) for c in channels)
    if asked.method == "auto":
        asked = replace(asked, method=methods.choose(taps, picture.dtype))
    if picture.ndim == 3 and (asked.method == "fft" or not 2 <= picture.shape[2] <= 4):
        channels = range(picture.shape[2])
        return np.stack([_answered(_channel(picture, c), taps, asked) for c in channels], axis=-1)
    return _METHODS[asked.method](*_laid(picture, taps, asked))


def _channel(picture: Floats, at: int) -> Floats:
    return np.ascontiguousarray(picture[..., at])


def _laid(picture: Floats, taps: Floats, asked: _Asked) -> tuple[Floats, Floats, Field]:
    """The kernel's field on the picture, which is padded if the method cannot do without."""
    border = _BORDERS[asked.border]
    (top, bottom), (left, right) = (_AROUND[asked.mode](side) for side in taps.shape)
    high, wide = (size - side + 1 for size, side in zip(picture.shape, taps.shape, strict=False))
    shape = (high + top + bottom, wide + left + right)
    fft, bare = asked.method == "fft", asked.border == "zero"
    if asked.border == "circular" or (fft and not bare) or (asked.mode == "full" and not fft):
        picture = cv2.copyMakeBorder(picture, top, bottom, left, right, border)
        return picture, taps, Field((0, 0), shape, cv2.BORDER_CONSTANT)
    return picture, taps, Field((top, left), shape, border)


def _spread(taps: Floats, dilation: int) -> Floats:
    if dilation == 1:
        return taps
    high, wide = _span(taps, dilation)
    spread = np.zeros((high, wide, *taps.shape[2:]), taps.dtype)
    spread[::dilation, ::dilation] = taps
    return spread


def _span(taps: Floats, dilation: int) -> tuple[int, int]:
    high, wide = ((side - 1) * dilation + 1 for side in taps.shape[:2])
    return high, wide


def _asked(mode: Mode, border: Border, method: Method) -> _Asked:
    for kind, name, names in (
        ("mode", mode, _AROUND),
        ("border", border, _BORDERS),
        ("method", method, ("auto", *_METHODS)),
    ):
        if name not in tuple(names):
            raise unknown(kind, str(name), names)
    return _Asked(mode, border, method)


def _count(name: str, given: int) -> int:
    if isinstance(given, bool) or not hasattr(given, "__index__") or operator.index(given) < 1:
        raise OptionError(f"{name} must be a whole number of at least 1, but {given!r} came")
    return operator.index(given)


def _check_axes(picture: Floats, taps: Floats) -> None:
    if picture.ndim not in _KERNELS:
        raise OptionError(
            "a signal (N,) or one picture (H, W) or (H, W, C) was expected, but an array of shape "
            f"{picture.shape} came"
        )
    fits = taps.ndim == 3 and taps.shape[2:] == picture.shape[2:]
    if taps.ndim != min(picture.ndim, 2) and not fits:
        raise OptionError(
            f"for an array of shape {picture.shape} the kernel must be {_KERNELS[picture.ndim]}, "
            f"but its shape is {taps.shape}"
        )


def _check_sides(picture: Floats, taps: Floats, dilation: int, mode: Mode) -> None:
    high, wide = _span(taps, dilation)
    spread = f" ({taps.shape[0]}x{taps.shape[1]} at dilation {dilation})" if dilation > 1 else ""
    if high * wide > MOST_TAPS:
        raise OptionError(f"the kernel spans {high}x{wide}{spread}, more than {MOST_TAPS:,} taps")
    if mode == "valid" and (high > picture.shape[0] or wide > picture.shape[1]):
        raise OptionError(
            f"mode 'valid' needs a picture as large as the kernel, which spans {high}x{wide}"
            f"{spread}, but {picture.shape[0]}x{picture.shape[1]} came; take 'same' or 'full'"
        )
