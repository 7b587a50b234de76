"""Three ways to correlate a plane with a kernel, and the choice between them.

Each takes (H, W) or (H, W, C) with up to four channels, and a kernel (kh, kw). The figures that the
choice rests on stand in docs/log.md and are taken by benchmarks/correlation.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, cast

import cv2
import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import Floats
from striate.vision.correlation.settings import Method

#: up to here, looking for a rank of one takes longer than it can save
FEW_TAPS = 25
#: from here on OpenCV transforms too, in blocks of its own
DIRECT_TAPS = 130
#: up to this side, two passes are quicker than a transform
SEPARABLE_SIDE = 45
#: a block of a picture stays in a core's cache; one of a signal is as many values
PICTURE_BLOCK, SIGNAL_BLOCK = 512, 2**18
#: fewer blocks are done sooner than threads start
THREADED_BLOCKS = 8


@dataclass(frozen=True)
class Field:
    """Which positions are answered: out[i, j] has its first tap at (i, j) - before."""

    before: tuple[int, int]
    shape: tuple[int, int]
    border: int  # what surrounds the picture, as OpenCV names it


@dataclass(frozen=True)
class _Span:
    """A block along one axis: positions answered, values taken, and zeros in front of these."""

    answered: slice
    taken: slice
    lead: int


def choose(kernel: Floats) -> Method:
    """The quickest method for the kernel: "direct", "separable" or "fft"."""
    if kernel.size <= FEW_TAPS:
        return "direct"
    if min(kernel.shape) > 1 and max(kernel.shape) <= SEPARABLE_SIDE and factors(kernel):
        return "separable"
    return "direct" if kernel.size < DIRECT_TAPS else "fft"


def factors(kernel: Floats) -> tuple[Floats, Floats] | None:
    """A column and a row whose product is the kernel, to the precision of its dtype."""
    few = 4 * np.finfo(kernel.dtype).eps
    (a, b), (c, d) = kernel[[0, -1]][:, [0, -1]].tolist()
    if abs(a * d - b * c) > few * np.vdot(kernel, kernel):
        return None  # no such determinant exceeds the product of the two largest singular values
    left, sizes, right = np.linalg.svd(kernel.astype(np.float64), full_matrices=False)
    if len(sizes) > 1 and sizes[1] > few * sizes[0]:
        return None
    root = np.sqrt(sizes[0])
    return (left[:, 0] * root).astype(kernel.dtype), (right[0] * root).astype(kernel.dtype)


def direct(picture: Floats, kernel: Floats, field: Field) -> Floats:
    """Every tap at every position."""
    anchor = field.before[::-1]
    found = cv2.filter2D(picture, -1, kernel, anchor=anchor, borderType=field.border)
    return cast("Floats", found[: field.shape[0], : field.shape[1]])


def separable(picture: Floats, kernel: Floats, field: Field) -> Floats:
    """A row of taps, then a column: kh + kw taps a position. Raises OptionError at higher ranks."""
    parts = factors(kernel)
    if parts is None:
        high, wide = kernel.shape
        raise OptionError(
            f"the kernel of {high}x{wide} is no column times a row, which method 'separable' "
            "needs; take 'auto'"
        )
    column, row = parts
    anchor = field.before[::-1]
    found = cv2.sepFilter2D(picture, -1, row, column, anchor=anchor, borderType=field.border)
    return cast("Floats", found[: field.shape[0], : field.shape[1]])


def fft(picture: Floats, kernel: Floats, field: Field) -> Floats:
    """Spectra multiplied, block by block. Takes one channel, surrounded by zeros."""
    from scipy.fft import irfft2, rfft2

    block_side = SIGNAL_BLOCK if 1 in picture.shape else PICTURE_BLOCK
    axes = zip(picture.shape, kernel.shape, field.before, field.shape, strict=True)
    (high, rows), (wide, columns) = (_blocks(*axis, block_side) for axis in axes)
    spectrum = np.asarray(rfft2(kernel, s=(high, wide))).conj()
    found = np.empty(field.shape, picture.dtype)

    def block(spans: tuple[_Span, _Span]) -> None:
        down, across = spans
        taken = picture[down.taken, across.taken]
        values = np.zeros((high, wide), picture.dtype)
        values[down.lead :, across.lead :][: taken.shape[0], : taken.shape[1]] = taken
        with np.errstate(invalid="ignore", over="ignore"):  # the answers are looked at
            answers = np.asarray(irfft2(rfft2(values) * spectrum, s=(high, wide)))
        into = found[down.answered, across.answered]
        into[:] = answers[: into.shape[0], : into.shape[1]]

    _shared(block, list(product(rows, columns)))
    return found


def _blocks(size: int, taps: int, before: int, length: int, most: int) -> tuple[int, list[_Span]]:
    """The side of a transform, up to `most` or four kernels, and the blocks of one axis."""
    from scipy.fft import next_fast_len

    side = size + max(before, length + taps - 1 - before - size)  # both ends share their zeros
    count = 1
    if side > max(most, 4 * taps):
        count = -(-length // (max(most, 4 * taps) - taps + 1))
        side = -(-length // count) + taps - 1
    spans = list[_Span]()
    for at in range(count):
        start, end = length * at // count, length * (at + 1) // count
        first = max(start - before, 0)
        taken = slice(first, min(end - before + taps - 1, size))
        spans.append(_Span(slice(start, end), taken, first - (start - before)))
    return cast("int", next_fast_len(max(taps, side), real=True)), spans


def _shared(work: Callable[[Any], None], parts: Sequence[Any]) -> None:
    """The work on every part, on the threads that OpenCV may use."""
    if len(parts) < THREADED_BLOCKS or cv2.getNumThreads() < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(cv2.getNumThreads()) as pool:
        list(pool.map(work, parts))
