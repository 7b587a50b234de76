"""Metrics of predicted masks, pooled over images batch by batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappush, heapreplace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.full_masks import FullMask
from striate.data.listing.samples import IGNORE
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, printable
from striate.metrics import masks as metrics
from striate.metrics.estimates import Estimate, Floats, divide
from striate.tasks.confusions import Confusion, find_confusions
from striate.tasks.figures import Figure
from striate.tasks.numbers import damaged, known
from striate.tasks.results import About
from striate.tasks.segmentation.drawing import Mask
from striate.text import count_noun

MEAN_IOU = Figure("mean_iou", "mean IoU")
PIXEL_ACCURACY = Figure("pixel_accuracy", "pixel accuracy")
WEIGHTED_IOU = Figure("weighted_iou", "frequency-weighted IoU")
CHANGED_PIXELS = Figure("changed_pixels", "changed pixels", higher_is_better=False)
#: name of the constants: indices of the classes that no training mask shows; absent without any
UNSEEN = "unseen"
#: fewest images with a class for a meaningful IoU of it
FEW = 10
#: images of the lowest IoU that are kept to be shown
MOST_WORST = 12


@dataclass(frozen=True, slots=True)
class MaskScore:
    """Scores of one class."""

    name: str
    images: int  #: that have a pixel of it
    share: float  #: of the pixels that count
    iou: Estimate  #: NaN: neither there nor predicted
    recall: float | None  #: None: not there
    precision: float | None  #: None: never predicted
    confused_with: str | None  #: its most frequent wrong prediction; None: no errors
    confused_share: float  #: of its pixels


@dataclass(frozen=True, slots=True)
class WorstImage:
    """An image with a low mean IoU, and its masks."""

    row: int  #: in the evaluation
    path: str
    mean_iou: float  #: of its own classes
    predicted: Mask = field(repr=False)  #: (size, size), as the network's input
    true: Mask = field(repr=False)  #: the same


@dataclass(frozen=True, eq=False, repr=False)
class SegmentationMetrics:
    """Pixels of N images by true and predicted class, and the metrics computed from them."""

    spec: TargetSpec
    about: About
    pixels: NDArray[np.int64] = field(repr=False)  #: (N, 3, K): `areas` of each image
    confusion: NDArray[np.int64] = field(repr=False)  #: (K, K): rows are true, columns predicted
    worst: tuple[WorstImage, ...] = field(repr=False)  #: the lowest mean IoU first

    def __len__(self) -> int:
        return len(self.pixels)

    @cached_property
    def figures(self) -> metrics.MaskFigures:
        """Pixel accuracy, mean and weighted IoU, and IoU per class, with intervals over images."""
        return metrics.estimate_masks(self.pixels)

    def resample(self, counts: NDArray[np.int64]) -> Floats:
        """Return the (R,) mean IoU of images drawn `counts` (R, N) times."""
        return metrics.mean_iou(np.tensordot(counts.astype(np.float64), self.pixels, 1))

    @cached_property
    def per_class(self) -> tuple[MaskScore, ...]:
        """One score per class, in the order of the spec's names."""
        right, true, predicted = metrics.areas(self.confusion)
        recalls, precisions = divide(right, true), divide(right, predicted)
        images = (self.pixels[:, 1] > 0).sum(axis=0)
        found: list[MaskScore] = []
        for at, name in enumerate(self.spec.names):
            row = np.where(np.arange(len(right)) == at, 0, self.confusion[at])
            other = int(row.argmax())
            found.append(
                MaskScore(
                    name,
                    int(images[at]),
                    float(true[at] / true.sum()),
                    self.figures.iou[at],
                    known(float(recalls[at])),
                    known(float(precisions[at])),
                    self.spec.names[other] if row[other] else None,
                    float(row[other] / true[at]) if row[other] else 0.0,
                )
            )
        return tuple(found)

    def weakest(self) -> tuple[MaskScore, ...]:
        """Return per_class sorted by ascending IoU; classes that are nowhere last."""
        undefined = [math.isnan(row.iou.value) for row in self.per_class]
        order = np.lexsort(([row.iou.value for row in self.per_class], undefined))
        return tuple(self.per_class[at] for at in order)

    @property
    def unlearned(self) -> tuple[str, ...]:
        """Classes that no training mask shows, of those that count in the mean IoU."""
        unseen = map(int, self.spec.constants.get(UNSEEN, ()))
        rows = [self.per_class[at] for at in unseen]
        return tuple(row.name for row in rows if not math.isnan(row.iou.value))

    def top_confusions(self, most: int = 10) -> tuple[Confusion, ...]:
        """Return the (true, predicted) pairs by pixels, then by fraction."""
        return find_confusions(self.confusion, self.spec.names, most)

    @property
    def is_constant(self) -> bool:
        """Whether all pixels of `FEW` images or more, not of one class, are predicted as one."""
        true, predicted = (self.confusion.sum(axis=axis).max() for axis in (1, 0))
        return len(self) >= FEW and bool(self.confusion.sum() == predicted > true)

    @cached_property
    def constant(self) -> tuple[float, str]:
        """The mean IoU of always predicting the most frequent class, and that class."""
        true = self.confusion.sum(axis=1)
        most = int(true.argmax())
        right, predicted = np.zeros_like(true), np.zeros_like(true)
        right[most], predicted[most] = true[most], true.sum()
        value = metrics.mean_iou(np.stack([right, true, predicted]))
        return float(value), self.spec.names[most]


def collect(
    batches: Iterable[tuple[NDArray[Any], Sequence[FullMask]]], spec: TargetSpec, about: About
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[WorstImage, ...]]:
    """Count the pixels of predicted masks (N, size, size) and true ones, in the size of the images.

    One image is compared at a time. Returns areas (N, 3, K) of each image, the confusion (K, K) of
    all, and the worst images. Raises ModelError for predictions that are not finite, DataError
    where every pixel is ignored.
    """
    classes = len(spec.names)
    total = np.zeros((classes, classes), np.int64)
    rows: list[NDArray[np.int64]] = []
    worst: list[tuple[float, int, Mask, Mask]] = []
    for predicted, true in batches:
        for one, other in zip(predicted, true, strict=True):
            _check_finite(one, about, len(rows))
            answered, expected = other.compare(one)
            matrix = metrics.confusion(expected, answered, classes, IGNORE)
            total += matrix
            rows.append(metrics.areas(matrix))
            _keep(worst, float(metrics.mean_iou(rows[-1])), len(rows) - 1, one, other.seen)
    if not total.any():
        raise DataError(
            f"{count_noun(len(rows), 'image')} of {printable(about.model)}: every pixel of their "
            "masks is ignored, so there is nothing to compare"
        )
    images = (
        WorstImage(-row, about.paths[-row], -value, one, other)
        for value, row, one, other in sorted(worst, key=lambda each: each[:2], reverse=True)
    )
    return np.stack(rows), total, tuple(images)


def _keep(
    worst: list[tuple[float, int, Mask, Mask]], value: float, row: int, one: Mask, other: Mask
) -> None:
    """Keep the masks of an image if it is among the worst: a heap, the best of them first."""
    if not value < 1:  # without a pixel that counts, or without an error
        return
    if len(worst) < MOST_WORST:
        heappush(worst, (-value, -row, one.copy(), other.copy()))
    elif (-value, -row) > worst[0][:2]:
        heapreplace(worst, (-value, -row, one.copy(), other.copy()))


def _check_finite(predicted: Mask, about: About, row: int) -> None:
    if (predicted == IGNORE).any():
        pixels = count_noun(int((predicted == IGNORE).sum()), "pixel")
        path = printable(about.paths[row])
        raise damaged(about.model, f"its answers for {pixels} of {path} are not finite")
