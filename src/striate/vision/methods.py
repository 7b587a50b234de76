"""Three ways to correlate a plane with a kernel, and the choice between them.

Each takes (H, W) or (H, W, C) with up to four channels, and a kernel (kh, kw). The figures that the
choice rests on stand in docs/log.md and are taken by benchmarks/correlation.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from typing import Any

import cv2
import numpy as np

from striate.errors import OptionError
from striate.vision.arrays import Floats

#: pictures are cut into bands and blocks that stay in a core's cache
BAND_BYTES = 2**20
#: up to here, looking for a rank of one takes longer than it can save
FEW_TAPS = 25
#: from here on OpenCV transforms too, in blocks of its own
DIRECT_TAPS = 130
#: up to this side, two passes are quicker than a transform
SEPARABLE_SIDE = 45
#: sides of about this much share a transform's cost best between blocks and their overlap
PICTURE_REACH, SIGNAL_REACH = 600, 200_000


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


def choose(kernel: Floats, dtype: np.dtype[Any]) -> str:
    """The quickest method for the kernel: "direct", "separable" or "fft"."""
    if kernel.size <= FEW_TAPS:
        return "direct"
    if 1 < min(kernel.shape) and max(kernel.shape) <= SEPARABLE_SIDE and factors(kernel, dtype):
        return "separable"
    return "direct" if kernel.size < DIRECT_TAPS else "fft"


def factors(kernel: Floats, dtype: np.dtype[Any]) -> tuple[Floats, Floats] | None:
    """A column and a row whose product is the kernel, to the precision of `dtype`."""
    left, sizes, right = np.linalg.svd(kernel, full_matrices=False)
    if len(sizes) > 1 and sizes[1] > 4 * np.finfo(dtype).eps * sizes[0]:
        return None
    root = np.sqrt(sizes[0])
    return (left[:, 0] * root).astype(dtype), (right[0] * root).astype(dtype)


def direct(picture: Floats, kernel: Floats, field: Field) -> Floats:
    """Every tap at every position."""
    anchor = field.before[::-1]
    taps = kernel.astype(picture.dtype)
    run = partial(cv2.filter2D, ddepth=-1, kernel=taps, anchor=anchor, borderType=field.border)
    return _in_bands(picture, len(kernel), field, run)


def separable(picture: Floats, kernel: Floats, field: Field) -> Floats:
    """A row of taps, then a column: kh + kw taps a position. Raises OptionError at higher ranks."""
    parts = factors(kernel, picture.dtype)
    if parts is None:
        high, wide = kernel.shape
        raise OptionError(
            f"the kernel of {high}x{wide} is no column times a row, which method 'separable' "
            "needs; take 'auto'"
        )
    column, row = parts
    run = partial(
        cv2.sepFilter2D,
        ddepth=-1,
        kernelX=row,
        kernelY=column,
        anchor=field.before[::-1],
        borderType=field.border,
    )
    return _in_bands(picture, len(kernel), field, run)


def _in_bands(picture: Floats, taps: int, field: Field, run: Callable[[Floats], Floats]) -> Floats:
    high, wide = field.shape
    count = min(picture.nbytes // BAND_BYTES, high // taps)
    if count < 4:
        return run(picture)[:high, :wide]
    found = np.empty((*field.shape, *picture.shape[2:]), picture.dtype)

    def band(ends: tuple[int, int]) -> None:
        top, end = ends
        first = max(top - field.before[0], 0)
        part = run(picture[first : end - field.before[0] + taps - 1])
        found[top:end] = part[top - first : end - first, :wide]

    edges = [high * at // count for at in range(count + 1)]
    _shared(band, list(pairwise(edges)))
    return found


def fft(picture: Floats, kernel: Floats, field: Field) -> Floats:
    """Spectra multiplied, block by block. Takes one channel, surrounded by zeros."""
    from scipy.fft import irfft2, rfft2  # noqa: PLC0415

    reach = SIGNAL_REACH if 1 in picture.shape else PICTURE_REACH
    axes = zip(picture.shape, kernel.shape, field.before, field.shape, strict=True)
    (high, rows), (wide, columns) = (_blocks(*axis, reach) for axis in axes)
    spectrum = rfft2(kernel.astype(picture.dtype), s=(high, wide)).conj()
    found = np.empty(field.shape, picture.dtype)

    def block(spans: tuple[_Span, _Span]) -> None:
        down, across = spans
        taken = picture[down.taken, across.taken]
        values = np.zeros((high, wide), picture.dtype)
        values[down.lead :, across.lead :][: taken.shape[0], : taken.shape[1]] = taken
        answers = irfft2(rfft2(values) * spectrum, s=(high, wide))
        into = found[down.answered, across.answered]
        into[:] = answers[: into.shape[0], : into.shape[1]]

    _shared(block, list(product(rows, columns)))
    return found


def _blocks(size: int, taps: int, before: int, length: int, reach: int) -> tuple[int, list[_Span]]:
    """The side of a transform, and the blocks of one axis, at the least cost."""
    from scipy.fft import next_fast_len  # noqa: PLC0415

    after = length + taps - 1 - before - size

    def side(count: int) -> int:
        overlapping = -(-length // count) + taps - 1
        alone = size + max(before, after)  # what goes round meets the zeros of the other end
        return next_fast_len(max(taps, alone if count == 1 else overlapping), real=True)

    def cost(count: int) -> int:
        return count * side(count) * (side(count) + reach)

    count = min(range(1, 2 + 2 * length // reach), key=cost)
    spans = list[_Span]()
    for at in range(count):
        start, end = length * at // count, length * (at + 1) // count
        first = max(start - before, 0)
        taken = slice(first, min(end - before + taps - 1, size))
        spans.append(_Span(slice(start, end), taken, first - (start - before)))
    return side(count), spans


def _shared(work: Callable[[Any], None], parts: Sequence[Any]) -> None:
    """The work on every part, on the threads that OpenCV may use."""
    threads = min(cv2.getNumThreads(), len(parts))
    if threads < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, parts))
