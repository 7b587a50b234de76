"""Hierarchical grouping of the regions of an image: the two that are most alike become one.

Uijlings et al.: Selective search for object recognition, IJCV 2013, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.vision.arrays import Floats

Labels = NDArray[np.int64]
Pixels = NDArray[np.uint8]

_COLORS, _DIRECTIONS, _STRENGTHS = 25, 8, 10  #: bins of a histogram
_STRONGEST = 256.0  #: of a gradient, per pixel; bins of strength are even in its square root


@dataclass(frozen=True)
class Regions:
    """R regions of an image; grouping changes them in place."""

    boxes: NDArray[np.int64]  #: (R, 4), right and bottom exclusive
    sizes: Floats  #: (R,), shares of the pixels of the image
    looks: Floats  #: (R, F), shares of a region in each bin of its histograms
    near: NDArray[np.bool_]  #: (R, R), whether two touch


def measure_regions(labels: Labels, looks: Floats) -> Regions:
    """Measure the regions of an image of their numbers (H, W), which look as `looks` (R, F)."""
    count, places = labels.max() + 1, np.indices(labels.shape)[::-1]
    boxes = np.zeros((count, 4), np.int64)
    for axis, values in enumerate(places):
        boxes[:, axis] = labels.size
        np.minimum.at(boxes[:, axis], labels, values)
        np.maximum.at(boxes[:, axis + 2], labels, values + 1)
    near = np.zeros((count, count), np.bool_)
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        near[one, other] = near[other, one] = True
    np.fill_diagonal(near, val=False)
    return Regions(boxes, np.bincount(labels.ravel()) / labels.size, looks.copy(), near)


def group_regions(regions: Regions, area: int) -> NDArray[np.int64]:
    """Return the boxes (2R - 1, 4) of R regions, then of each that two are merged to.

    Two that touch are alike as far as their histograms overlap, both are small, and together they
    fill their box; `area`: of the image in pixels.
    """
    boxes, near, count = regions.boxes, regions.near, len(regions.sizes)
    alike = np.full((count, count), -np.inf)
    for one in range(count):
        alike[one, near[one]] = _compare(regions, one, near[one], area)
    made = list(boxes.copy())
    for _ in range(count - 1):
        one, other = divmod(int(alike.argmax()), count)
        _join(regions, one, other)
        alike[other] = alike[:, other] = alike[one] = -np.inf
        alike[one, near[one]] = alike[near[one], one] = _compare(regions, one, near[one], area)
        made.append(boxes[one].copy())
    return np.array(made)


def _compare(regions: Regions, one: int, others: NDArray[np.bool_], area: int) -> Floats:
    """Return how much alike a region is to others, (O,)."""
    shared = np.minimum(regions.looks[one], regions.looks[others]).sum(axis=1)
    sizes = regions.sizes[one] + regions.sizes[others]
    first = np.minimum(regions.boxes[one, :2], regions.boxes[others, :2])
    last = np.maximum(regions.boxes[one, 2:], regions.boxes[others, 2:])
    unfilled = (last - first).prod(axis=1) / area - sizes
    return shared + (1 - sizes) + (1 - unfilled)


def _join(regions: Regions, one: int, other: int) -> None:
    """Let a region take another's pixels and neighbors."""
    boxes, sizes, looks, near = regions.boxes, regions.sizes, regions.looks, regions.near
    boxes[one, :2] = np.minimum(boxes[one, :2], boxes[other, :2])
    boxes[one, 2:] = np.maximum(boxes[one, 2:], boxes[other, 2:])
    total = sizes[one] + sizes[other]
    looks[one] = (looks[one] * sizes[one] + looks[other] * sizes[other]) / total
    sizes[one] = total
    near[one] |= near[other]
    near[:, one] |= near[:, other]
    near[one, one] = False
    near[other] = near[:, other] = False


def describe_colors(pixels: Pixels, labels: Labels) -> Floats:
    """(H, W, C), (H, W) -> histograms of each region's values, (R, 25 C), with the sum 1."""
    return _count(pixels.astype(np.int64) * _COLORS // 256, labels, _COLORS)


def describe_gradients(pixels: Pixels, labels: Labels) -> Floats:
    """(H, W, C), (H, W) -> histograms of each region's gradients, (R, 80 C), with the sum 1."""
    right, down = (
        cv2.Sobel(pixels, cv2.CV_64F, dx, 1 - dx, scale=1 / 8).reshape(pixels.shape)
        for dx in (1, 0)
    )
    turns = (np.arctan2(down, right) / (2 * np.pi)) % 1
    strengths = np.sqrt(np.hypot(right, down) / _STRONGEST)
    bins = _bins(turns, _DIRECTIONS) * _STRENGTHS + _bins(strengths, _STRENGTHS)
    return _count(bins, labels, _DIRECTIONS * _STRENGTHS)


def _bins(shares: Floats, count: int) -> NDArray[np.int64]:
    return (shares * count).astype(np.int64).clip(0, count - 1)


def _count(bins: NDArray[np.int64], labels: Labels, count: int) -> Floats:
    """Return the share of each region in each of `count` bins of C channels, (R, count C)."""
    channels, regions = bins.shape[2], int(labels.max()) + 1
    places = (labels[..., None] * channels + np.arange(channels)) * count + bins
    counted = np.bincount(places.ravel(), minlength=regions * channels * count)
    counted = counted.reshape(regions, channels * count)
    return counted / counted.sum(axis=1, keepdims=True)
