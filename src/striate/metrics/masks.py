"""Masks: how right the classes of pixels are, from the confusion of each image.

A class counts in the mean IoU if a pixel of the whole split has or is given it, as in torchmetrics'
and scikit-learn's Jaccard index; that of a class that is neither is 0 / 0, and 0 or 1 in its place
would reward or punish a network for a class it never met. Pixels of all images are pooled before
dividing, as PASCAL VOC does: a mean of the images' own IoUs would weigh small objects by chance.

Images are the unit of the intervals, since neighboring pixels are wrong together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError
from striate.metrics.bootstrap import bootstrap
from striate.metrics.estimates import Estimate, Floats, divide, mean_defined

Mask = NDArray[np.uint8]
Matrix = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MaskFigures:
    pixel_accuracy: Estimate
    mean_iou: Estimate  #: over the classes that are there or predicted
    weighted_iou: Estimate  #: mean of the classes' IoU, each weighted with its share of pixels
    iou: tuple[Estimate, ...]  #: of each class; NaN if neither there nor predicted


def confusion(true: Mask, predicted: Mask, classes: int, ignore: int | None = None) -> Matrix:
    """Return pixels (K, K) of two masks (H, W): rows are true, columns predicted.

    Pixels whose true value is `ignore` are left out. Raises OptionError for masks of different
    sizes and for values that are no class.
    """
    if true.shape != predicted.shape:
        raise OptionError(
            f"a predicted mask must be as large as the true one, {_size(true)}, "
            f"but is {_size(predicted)} pixels"
        )
    if predicted.size and (value := int(predicted.max())) >= classes:
        raise OptionError(f"a predicted mask must have values below {classes}, but has {value}")
    rows = np.full(256, classes + 1, np.intp)
    rows[:classes] = np.arange(classes)
    if ignore is not None:
        rows[ignore] = classes
    # a table spares a copy without the ignored pixels: they have a row of their own
    places = (rows * classes)[true] + predicted
    counts = np.bincount(places.ravel(), minlength=(classes + 2) * classes)
    counts = counts.reshape(classes + 2, classes)
    if counts[-1].any():
        allowed = "" if ignore is None else f" or {ignore} (ignored)"
        strange = int(true[rows[true] > classes][0])
        raise OptionError(
            f"a true mask must have values below {classes}{allowed}, but has {strange}"
        )
    return counts[:classes]


def areas(matrix: NDArray[np.integer[Any]]) -> Matrix:
    """Return pixels (..., 3, K) from (..., K, K): right, true and predicted of each class.

    All figures follow from these, so that 3 K numbers of an image are kept and not K x K.
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.stack([right, matrix.sum(axis=-1), matrix.sum(axis=-2)], axis=-2, dtype=np.int64)


def pixel_accuracy(pixels: NDArray[Any]) -> Floats:
    """Return the share of pixels that are right from `areas` (..., 3, K); NaN without pixels."""
    right, true, _ = _apart(pixels)
    return divide(right.sum(axis=-1), true.sum(axis=-1))


def iou(pixels: NDArray[Any]) -> Floats:
    """Return (..., K) intersection over union from `areas`; NaN where the union is empty."""
    right, true, predicted = _apart(pixels)
    return divide(right, true + predicted - right)


def mean_iou(pixels: NDArray[Any]) -> Floats:
    """Return the mean IoU of the classes whose union is not empty."""
    return mean_defined(iou(pixels))


def weighted_iou(pixels: NDArray[Any]) -> Floats:
    """Return the mean IoU, each class weighted with its true pixels."""
    _, true, _ = _apart(pixels)
    return divide((np.nan_to_num(iou(pixels)) * true).sum(axis=-1), true.sum(axis=-1))


def estimate_masks(pixels: NDArray[Any], *, resamples: int = 1000, seed: int = 0) -> MaskFigures:
    """Estimate the figures of masks from (N, 3, K) `areas`, by the bootstrap over images."""
    classes = pixels.shape[-1]

    def figures(sums: Floats) -> Floats:
        summed = sums.reshape(-1, 3, classes)
        means = pixel_accuracy(summed), mean_iou(summed), weighted_iou(summed)
        return np.column_stack([*means, iou(summed)])

    rows = pixels.reshape(len(pixels), 3 * classes)
    accuracy, mean, weighted, *each = bootstrap(rows, figures, resamples=resamples, seed=seed)
    return MaskFigures(accuracy, mean, weighted, tuple(each))


def _apart(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return pixels[..., 0, :], pixels[..., 1, :], pixels[..., 2, :]


def _size(mask: Mask) -> str:
    return "x".join(map(str, mask.shape))
