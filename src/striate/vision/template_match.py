"""Template matching: correlation scores at every position, and their peaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, unknown
from striate.vision.arrays import Floats, floats, like, whole
from striate.vision.convolution import correlate

Measure = Literal["normalized", "plain"]

#: relative deviation below which a window is flat: of its own values, or of the 99th percentile of
#: the image's absolute deviation from its median
FLAT = 1e-6
_SAMPLED = 300  #: most rows and columns sampled for median and deviation
_TOGETHER = 4096  # candidates checked per batch


@dataclass(frozen=True, eq=False)
class Matches:
    """Boxes found in an image, by descending score."""

    positions: NDArray[np.int64]  #: (M, 2): row and column of the top left pixel of each box
    scores: Floats  #: (M,)
    size: tuple[int, int]  #: height and width of every box, in pixels

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def centers(self) -> NDArray[np.float64]:
        """(M, 2): row and column of the center of each box."""
        return self.positions + (np.array(self.size) - 1) / 2


def find(
    template: Any,
    image: Any,
    *,
    method: Measure = "normalized",
    threshold: float | None = None,
    most: int | None = None,
    apart: float = 0.5,
) -> Matches:
    """Find the best matches of a template in an image, by descending score.

    Scores are those of `match_scores`; lower scores than `threshold` are dropped (default: 0.5 for
    normalized correlation, half the highest score for plain). `most` and `apart` are those of
    `find_peaks`. Raises OptionError as `match_scores` and `find_peaks` do.

    >>> find([[0, 9], [9, 0]], [[5, 5, 5, 5], [5, 1, 7, 5], [5, 7, 1, 5]]).positions
    array([[1, 1]])
    """
    found = match_scores(template, image, method=method)
    if threshold is None:
        threshold = 0.5 if method == "normalized" else float(found.max()) / 2
    high, wide = np.shape(template)[:2]
    return find_peaks(found, (high, wide), threshold=threshold, most=most, apart=apart)


def match_scores(template: Any, image: Any, *, method: Measure = "normalized") -> Floats:
    """(h, w) in (H, W), or (h, w, C) in (H, W, C) -> scores (H - h + 1, W - w + 1).

    The score at [r, c] is that of the box whose top left pixel is [r, c]. "plain": the sum of
    products, which grows with brightness. "normalized": zero-mean normalized cross-correlation,
    with means per channel, from -1 to 1 (Lewis, "Fast normalized cross-correlation", Vision
    Interface 1995); it ignores brightness and contrast, and is 0 where the box is flat. Returns
    float32 if both are bool, integers of 8 or 16 bits, float16 or float32, else float64; a tensor
    if the image is one.

    Raises OptionError for a template that is larger than the image, has other channels, or is
    flat (normalized), and for non-finite values.
    """
    if method not in get_args(Measure):
        raise unknown("method", method, get_args(Measure))
    pattern, pixels = _image(template, "the template"), _image(image, "the image")
    _fit(pattern, pixels)
    kind = np.result_type(pattern, pixels)
    pattern, pixels = pattern.astype(np.float64), pixels.astype(np.float64)
    if method == "plain":
        found = correlate(pixels, pattern, mode="valid")
    else:
        found = _normalized(pattern, pixels)
    return like(found.astype(kind), image)


def find_peaks(
    scores: Any,
    size: tuple[int, int],
    *,
    threshold: float,
    most: int | None = None,
    apart: float = 0.5,
    stride: int = 1,
) -> Matches:
    """Find the peaks of a score map (rows, columns), as boxes of `size` pixels, highest first.

    A peak reaches the threshold and none of its eight neighbors is higher. A peak is dropped when
    a higher one lies nearer than `apart` times the box's height and nearer than `apart` times its
    width (greedy non-maximum suppression): at 1 no two boxes overlap, at 0 every peak is kept. At
    most `most` peaks are kept. Positions of the map are `stride` pixels apart. Raises OptionError
    for invalid limits.
    """
    _limits(threshold, most, apart)
    values = floats(scores, "the map of scores")
    if values.ndim != 2:
        raise OptionError(f"a map of scores must be (rows, columns), but {values.shape} came")
    highest = cv2.dilate(values, np.ones((3, 3), np.uint8))
    places = np.argwhere((values >= threshold) & (values == highest))
    order = np.argsort(-values[tuple(places.T)], kind="stable")
    down, across = (math.ceil(apart * side / stride) for side in size)
    kept = _apart(places[order], values.shape, (down, across), most)
    return Matches(kept * stride, values[tuple(kept.T)], size)


def _normalized(pattern: Floats, image: Floats) -> Floats:
    high, wide = pattern.shape[:2]
    if (np.ptp(pattern, axis=(0, 1)) == 0).all():
        raise OptionError(
            f"a template with detail was expected, but all {high} x {wide} pixels of this one have "
            'the same value, which looks like every flat place; use another, or method="plain"'
        )
    (pattern, _), (image, usual) = _scaled(pattern), _scaled(image)
    pattern -= pattern.mean(axis=(0, 1))
    products = correlate(image, pattern, mode="valid")
    squares = _sums(image**2, high, wide)
    energy = squares - _sums(image, high, wide) ** 2 / (high * wide)
    if energy.ndim == 3:
        energy, squares = energy.sum(axis=2), squares.sum(axis=2)
    flat = energy <= (squares + high * wide * usual**2) * FLAT**2
    lengths = np.sqrt(np.where(flat, 1, energy)) * np.linalg.norm(pattern)
    return np.where(flat, 0.0, np.clip(products / lengths, -1, 1))


def _scaled(values: Floats) -> tuple[Floats, float]:
    """Center values on the median and scale by a power of two to at most 1; 99th percentile.

    Exact for integers, so that their flat windows have a variance of exactly 0.
    """
    every = tuple(slice(None, None, -(-side // _SAMPLED)) for side in values.shape[:2])
    halves = values / 2 - np.median(values[every] / 2)
    _, exponent = np.frexp(np.abs(halves).max())
    scaled = np.ldexp(halves, -exponent)
    return scaled, float(np.quantile(np.abs(scaled[every]), 0.99))


def _sums(values: Floats, high: int, wide: int) -> Floats:
    """Return the sum of each window by its top left pixel, by pairwise summation."""
    for axis, side in enumerate((high, wide)):
        values = np.moveaxis(_runs(np.moveaxis(values, axis, 0), side), 0, axis)
    return values


def _runs(values: Floats, side: int) -> Floats:
    """Return the sums of `side` consecutive rows, from sums of 1, 2, 4, 8 ... rows."""
    count, start = len(values) - side + 1, 0
    found = np.zeros((count, *values.shape[1:]))
    for bit in range(side.bit_length()):
        if side >> bit & 1:
            found += values[start : start + count]
            start += 1 << bit
        values = values[: -(1 << bit)] + values[1 << bit :]
    return found


def _apart(
    places: NDArray[np.int64],
    shape: tuple[int, ...],
    reach: tuple[int, int],
    most: int | None,
) -> NDArray[np.int64]:
    """Non-maximum suppression: keep places (M, 2), best first, that are not near a kept one."""
    down, across = reach
    near = np.zeros(shape, np.bool_)
    kept = list[tuple[int, int]]()
    for start in range(0, len(places), _TOGETHER):
        some = places[start : start + _TOGETHER]
        for row, column in some[~near[tuple(some.T)]].tolist():
            if len(kept) == most:
                break
            if not near[row, column]:
                kept.append((row, column))
                rows = slice(max(0, row - down + 1), row + down)
                near[rows, max(0, column - across + 1) : column + across] = True
    return np.array(kept, np.int64).reshape(-1, 2)


def _limits(threshold: float, most: int | None, apart: float) -> None:
    if not math.isfinite(threshold):
        raise OptionError(f"threshold must be a finite number, but {threshold} came")
    if most is not None:
        whole("most", most)
    if not 0 <= apart < math.inf:
        raise OptionError(f"apart must be 0 or more, a share of the box, but {apart} came")


def _image(values: Any, what: str) -> Floats:
    """Convert to floats and check for (H, W) or (H, W, C)."""
    array = floats(values, what)
    if array.ndim not in (2, 3):
        raise OptionError(f"{what} must be (H, W) or (H, W, C), but {array.shape} came")
    return array


def _fit(pattern: NDArray[Any], image: NDArray[Any]) -> None:
    if pattern.shape[2:] != image.shape[2:]:
        raise OptionError(
            f"template and image must have the same channels, but the template is "
            f"{pattern.shape} and the image {image.shape}"
        )
    (high, wide), (rows, columns) = pattern.shape[:2], image.shape[:2]
    if high > rows or wide > columns:
        raise OptionError(
            f"the template is {high} x {wide} pixels, more than the image's {rows} x {columns}; "
            "did they change places?"
        )
