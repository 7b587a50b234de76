"""Where objects may be, without a network: superpixels are grouped, and each group gives a box.

Uijlings, van de Sande, Gevers, Smeulders: Selective search for object recognition, IJCV 2013;
https://doi.org/10.1007/s11263-013-0620-5
Not as in the paper: two color spaces of five, and Sobel gradients in place of Gaussian derivatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.vision.arrays import floats, whole
from striate.vision.grouping import (
    Pixels,
    describe_colors,
    describe_gradients,
    group_regions,
    measure_regions,
)
from striate.vision.superpixels import find_superpixels

_LONGEST = 320  #: pixels of the longer side that is looked at
_SCALES, _SMALLEST = (50.0, 200.0), 50  #: of superpixels, and their least pixels
_SPACES = (cv2.COLOR_RGB2LAB, cv2.COLOR_RGB2HSV_FULL)


def propose_regions(image: Any, count: int = 2000) -> NDArray[np.float64]:
    """(H, W) or (H, W, 3) from 0 to 255 -> boxes [x0, y0, x1, y1] of pixel edges, (n, 4).

    At most `count` boxes, those that are likelier to hold a whole object first. Superpixels of two
    scales, in two color spaces, are grouped step by step until all of the image is one region, once
    by colors and gradients and once by gradients alone; each region on the way gives a box. A
    larger image is first reduced to a longer side of 320 pixels. Takes two seconds or three. Raises
    OptionError.
    """
    pixels, most = floats(image, "the image"), whole("count", count)
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (1,), (3,)):
        raise OptionError(
            f"the image must have the shape (H, W) or (H, W, 3), but {pixels.shape} came"
        )
    height, width = pixels.shape[:2]
    shrink = min(1.0, _LONGEST / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).clip(0, 255).astype(np.uint8)
    groupings = [
        boxes for view in _views(small) for scale in _SCALES for boxes in _group(view, scale)
    ]
    return _rank(groupings)[:most] * np.array((width / size[0], height / size[1]) * 2, np.float64)


def _views(pixels: Pixels) -> Iterator[Pixels]:
    """Yield an image in each color space, (H, W, C)."""
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        yield pixels.reshape(*pixels.shape[:2], 1)
        return
    for space in _SPACES:
        yield np.asarray(cv2.cvtColor(pixels, space), np.uint8)


def _group(pixels: Pixels, scale: float) -> Iterator[NDArray[np.int64]]:
    """Yield the boxes of regions in the order of their making, with colors and without."""
    labels = find_superpixels(pixels, scale=scale, smallest=_SMALLEST)
    colors, gradients = describe_colors(pixels, labels), describe_gradients(pixels, labels)
    for looks in (np.concatenate((colors, gradients), axis=1), gradients):
        yield group_regions(measure_regions(labels, looks), labels.size)


def _rank(groupings: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return each box once: late ones first, but shuffled, so that small ones get their turn."""
    random = np.random.default_rng(0)
    ranks = [np.arange(len(boxes), 0, -1) * random.random(len(boxes)) for boxes in groupings]
    every = np.concatenate(groupings)[np.concatenate(ranks).argsort(kind="stable")]
    first = np.unique(every, axis=0, return_index=True)[1]
    return every[np.sort(first)]
