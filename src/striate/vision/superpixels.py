"""Superpixels: regions of an image whose pixels differ little, found by merging a graph of pixels.

Felzenszwalb, Huttenlocher: Efficient graph-based image segmentation, IJCV 2004;
https://doi.org/10.1023/B:VISI.0000022288.19776.77
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.vision.arrays import Floats, floats, whole

_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  #: from a pixel to four of its eight neighbors


def find_superpixels(
    image: Any, *, scale: float = 100.0, sigma: float = 0.8, smallest: int = 20
) -> NDArray[np.int64]:
    """(H, W) or (H, W, C) -> numbers of regions, (H, W), from 0, row by row.

    Two regions become one if the least difference between their pixels is no larger than the
    largest that either needed inside, plus `scale` over its pixels: a larger scale makes larger
    regions. Differences are Euclidean, in the units of the image after a Gaussian blur of `sigma`
    pixels. Regions of fewer than `smallest` pixels are merged into what they differ least from.
    Takes about a second for 300,000 pixels. Raises OptionError.
    """
    from scipy.ndimage import gaussian_filter

    pixels = floats(image, "the image")
    if pixels.ndim not in (2, 3):
        raise OptionError(
            f"the image must have the shape (H, W) or (H, W, C), but {pixels.shape} came"
        )
    for name, value in {"scale": scale, "sigma": sigma}.items():
        if not 0 <= value < np.inf:
            raise OptionError(f"{name} must be 0 or more, but {value} came")
    height, width = pixels.shape[:2]
    smooth = gaussian_filter(pixels.reshape(height, width, -1), (sigma, sigma, 0))
    first, second, costs = _edges(smooth)
    order = costs.argsort(kind="stable")
    sorted_edges = first[order].tolist(), second[order].tolist(), costs[order].tolist()
    least = whole("smallest", smallest)
    roots = _merge(height * width, *sorted_edges, scale=scale, smallest=least)
    return np.unique(roots, return_inverse=True)[1].reshape(height, width)


def _edges(pixels: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return the pairs of neighbors of an image (H, W, C), and how much they differ: (E,) each."""
    height, width = pixels.shape[:2]
    numbers = np.arange(height * width).reshape(height, width)
    pairs = list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]]()
    for down, across in _STEPS:
        here = slice(0, height - down), slice(max(0, -across), width - max(0, across))
        there = slice(down, height), slice(max(0, across), width + min(0, across))
        costs = np.sqrt(((pixels[here] - pixels[there]) ** 2).sum(axis=2))
        pairs.append((numbers[here].ravel(), numbers[there].ravel(), costs.ravel()))
    first, second, costs = zip(*pairs, strict=True)
    return np.concatenate(first), np.concatenate(second), np.concatenate(costs)


def _merge(
    count: int,
    first: list[int],
    second: list[int],
    costs: list[float],
    *,
    scale: float,
    smallest: int,
) -> list[int]:
    """Merge pixels along edges in order of cost; return a pixel of the region of each pixel."""
    parents, sizes = list(range(count)), [1] * count
    limits = [scale] * count  # of a root: up to which cost its region takes another

    def find(pixel: int) -> int:
        while (parent := parents[pixel]) != pixel:
            parents[pixel] = pixel = parents[parent]
        return pixel

    left = list[tuple[int, int]]()
    for one, other, cost in zip(first, second, costs, strict=True):
        one, other = find(one), find(other)
        if one == other:
            continue
        if cost <= limits[one] and cost <= limits[other]:
            parents[other] = one
            sizes[one] += sizes[other]
            limits[one] = cost + scale / sizes[one]
        else:
            left.append((one, other))
    for one, other in left:
        one, other = find(one), find(other)
        if one != other and min(sizes[one], sizes[other]) < smallest:
            parents[other] = one
            sizes[one] += sizes[other]
    return [find(pixel) for pixel in range(count)]
