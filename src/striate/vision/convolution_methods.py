"""Correlation of a plane with a kernel: modes, borders, three methods and their choice.

Each method takes (H, W) or (H, W, C) with up to four channels, and a kernel (kh, kw). The
thresholds come from benchmarks/correlation.py; the measurements are in docs/log.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, unknown
from striate.vision.arrays import Floats

Mode = Literal["valid", "same", "full"]
Border = Literal["zero", "reflect", "replicate", "circular"]
Method = Literal["auto", "direct", "separable", "fft"]

#: mode -> padding before and after, as a function of the taps along an axis
AROUND: dict[str, Callable[[int], tuple[int, int]]] = {
    "valid": lambda _: (0, 0),
    "same": lambda taps: (taps // 2, (taps - 1) // 2),
    "full": lambda taps: (taps - 1, taps - 1),
}


#: kernel size up to which testing for rank one costs more than it saves
FEW_TAPS = 25
#: kernel size from which an FFT is faster
DIRECT_TAPS = {np.dtype(np.float32): 200, np.dtype(np.float64): 110}
#: above, OpenCV uses a DFT, and one bright pixel degrades the precision of the whole image
_CALL_TAPS = {np.dtype(np.float32): 129, np.dtype(np.float64): 49}
#: windows whose values are all below this share of a block's maximum get their own FFT
_FAINT = {np.dtype(np.float32): 2.0**-24, np.dtype(np.float64): 2.0**-8}
#: kernel side up to which two 1-D passes are faster than an FFT
SEPARABLE_SIDE = 45
_MODERATE = 400  #: exponent: products of such values, and sums of 2^26 of them, cannot overflow
#: FFT block sides: an image block fits a core's cache
IMAGE_BLOCK, SIGNAL_BLOCK = 512, 2**16
#: fewest blocks for which threads pay off
THREADED_BLOCKS = 8


@dataclass(frozen=True)
class Window:
    """Output positions: out[i, j] has its first tap at (i, j) - before."""

    before: tuple[int, int]
    shape: tuple[int, int]
    border: int  # OpenCV border type


@dataclass(frozen=True)
class _Span:
    """A block along one axis: output slice, input slice, and leading zeros."""

    answered: slice
    taken: slice
    lead: int


def check_name(kind: str, name: object, names: Collection[str]) -> None:
    """Raise OptionError with the closest match for a name that is not in `names`."""
    if not isinstance(name, str) or name not in names:
        raise unknown(kind, str(name), names)


def choose_method(kernel: Floats) -> Method:
    """Return the fastest method for the kernel: "direct", "separable" or "fft"."""
    if kernel.size <= FEW_TAPS:
        return "direct"
    if min(kernel.shape) > 1 and max(kernel.shape) <= SEPARABLE_SIDE and separate(kernel):
        return "separable"
    return "direct" if kernel.size < DIRECT_TAPS[kernel.dtype] else "fft"


def separate(kernel: Floats) -> tuple[Floats, Floats] | None:
    """Factor a kernel into column and row, to the precision of its dtype; None above rank one."""
    few = 4 * np.finfo(kernel.dtype).eps
    (a, b), (c, d) = kernel[[0, -1]][:, [0, -1]].tolist()
    if abs(a * d - b * c) > few * np.vdot(kernel, kernel):
        return None  # no such determinant exceeds the product of the two largest singular values
    left, sizes, right = np.linalg.svd(kernel.astype(np.float64), full_matrices=False)
    if len(sizes) > 1 and sizes[1] > few * sizes[0]:
        return None
    root = np.sqrt(sizes[0])
    return (left[:, 0] * root).astype(kernel.dtype), (right[0] * root).astype(kernel.dtype)


def correlate_direct(image: Floats, kernel: Floats, window: Window) -> Floats:
    """Correlate directly, split into OpenCV calls small enough to avoid its DFT."""
    most = _CALL_TAPS[image.dtype]
    if kernel.size <= most:
        return _call(image, kernel, window)
    (high, wide), (top, left) = kernel.shape, window.before
    bottom = max(0, window.shape[0] + high - 1 - image.shape[0] - top)
    right = max(0, window.shape[1] + wide - 1 - image.shape[1] - left)
    padded = cv2.copyMakeBorder(image, top, bottom, left, right, window.border)
    across = min(wide, most)
    down = most // across
    found = np.zeros((*window.shape, *image.shape[2:]), image.dtype)
    for row, column in product(range(0, high, down), range(0, wide, across)):
        taps = kernel[row : row + down, column : column + across]
        if taps.any():
            inner = Window((0, 0), window.shape, cv2.BORDER_CONSTANT)
            found += _call(padded[row:, column:], taps, inner)
    return found


def _call(image: Any, kernel: Floats, window: Window) -> Floats:
    anchor = window.before[::-1]
    found = cv2.filter2D(image, -1, kernel, anchor=anchor, borderType=window.border)
    return cast("Floats", found[: window.shape[0], : window.shape[1]])


def correlate_separable(image: Floats, kernel: Floats, window: Window) -> Floats:
    """Correlate with a row, then a column: kh + kw taps. Raises OptionError above rank one."""
    parts = separate(kernel)
    if parts is None:
        high, wide = kernel.shape
        raise OptionError(
            f"the kernel of {high}x{wide} is no column times a row, which method 'separable' "
            "needs; take 'auto'"
        )
    column, row = parts
    anchor = window.before[::-1]
    found = cv2.sepFilter2D(image, -1, row, column, anchor=anchor, borderType=window.border)
    return cast("Floats", found[: window.shape[0], : window.shape[1]])


def correlate_fft(image: Floats, kernel: Floats, window: Window) -> Floats:
    """Correlate by block-wise FFT in float64, for one channel with a zero border."""
    from scipy.fft import rfft2

    block_side = SIGNAL_BLOCK if 1 in image.shape else IMAGE_BLOCK
    axes = zip(image.shape, kernel.shape, window.before, window.shape, strict=True)
    (high, rows), (wide, columns) = (_blocks(*axis, block_side) for axis in axes)
    taps, exponent = _scaled(kernel.astype(np.float64))
    spectrum = np.asarray(rfft2(taps, s=(high, wide))).conj()
    found = np.empty(window.shape, image.dtype)

    def block(spans: tuple[_Span, _Span]) -> None:
        down, across = spans
        taken = image[down.taken, across.taken]
        values = np.zeros((high, wide))
        values[down.lead :, across.lead :][: taken.shape[0], : taken.shape[1]] = taken
        into = found[down.answered, across.answered]
        if not np.isfinite(values).all():  # an FFT would spread them over the block
            inner = Window((0, 0), into.shape, cv2.BORDER_CONSTANT)
            into[:] = correlate_direct(values.astype(image.dtype), kernel, inner)
            return
        answers = _multiplied(values, spectrum, kernel.shape, into.shape, _FAINT[image.dtype])
        with np.errstate(over="ignore"):  # results beyond the dtype's range become infinite
            into[:] = _raised(answers, exponent)

    _shared(block, list(product(rows, columns)))
    return found


def _multiplied(
    values: Floats,
    spectrum: NDArray[np.complex128],
    window: tuple[int, int],
    shape: tuple[int, ...],
    faint: float,
) -> Floats:
    """Return the first `shape` outputs of a block.

    An FFT's error is uniform, 1e-15 of the block's maximum, so positions whose windows hold only
    much smaller values are computed by an FFT of these values alone.
    """
    from scipy.fft import irfft2, rfft2

    scaled, exponent = _scaled(values)
    product = np.asarray(rfft2(scaled)) * spectrum
    answers = np.asarray(irfft2(product, s=values.shape))
    answers = _raised(answers[: shape[0], : shape[1]], exponent)
    sizes = np.abs(values)
    bright = sizes >= faint * sizes.max()
    dark = ~_seen(bright, window, shape)
    if dark.any():
        rest = np.zeros_like(answers)
        if (dark & _seen(sizes > 0, window, shape)).any():
            rest = _multiplied(np.where(bright, 0, values), spectrum, window, shape, faint)
        answers = np.where(dark, rest, answers)
    return answers


def _seen(
    mask: NDArray[np.bool_], window: tuple[int, int], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Whether the window starting at each position contains a True; counted in integers."""
    found = cv2.boxFilter(
        mask.view(np.uint8), cv2.CV_32S, window[::-1],
        anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    return np.asarray(found)[: shape[0], : shape[1]] > 0


def _scaled(values: Floats) -> tuple[Floats, int]:
    """Scale values so that products fit float64; return them and the exponent divided out."""
    exponent = int(np.frexp(max(values.max(), -values.min()))[1])
    if abs(exponent) < _MODERATE:
        return values, 0
    return np.ldexp(values, -exponent), exponent


def _raised(values: Floats, exponent: int) -> Floats:
    return np.ldexp(values, exponent) if exponent else values


def _blocks(size: int, taps: int, before: int, length: int, most: int) -> tuple[int, list[_Span]]:
    """Return the FFT side, up to `most` or four kernels, and the blocks of one axis."""
    from scipy.fft import next_fast_len

    side = size + max(before, length + taps - 1 - before - size)  # both ends share the zero padding
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
    """Run the work on every part, on as many threads as OpenCV may use."""
    if len(parts) < THREADED_BLOCKS or cv2.getNumThreads() < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(cv2.getNumThreads()) as pool:
        list(pool.map(work, parts))
