"""Results of semantic segmentation: what is printed of them, and what their report shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.full_masks import FullMask
from striate.data.listing.target_spec import TargetSpec
from striate.metrics.masks import mean_iou
from striate.tasks.figures import Score
from striate.tasks.overview import Overview, Printed, score_rows, tell_more
from striate.tasks.results import About, Baseline, Told
from striate.tasks.sections import Remark, Section, same_answer
from striate.tasks.segmentation.metrics import (
    FEW,
    MEAN_IOU,
    PIXEL_ACCURACY,
    WEIGHTED_IOU,
    MaskScore,
    SegmentationMetrics,
    collect,
)
from striate.tasks.segmentation.remarks import make_remarks, tell_inaccurate, tell_unlearned
from striate.tasks.segmentation.sections import make_sections
from striate.text import MISSING, format_percent, shorten

#: most classes printed


class SegmentationResults(Printed, SegmentationMetrics):
    """Predicted and true masks of N images, compared: figures, and the sections of their report."""

    def scores(self) -> tuple[Score, ...]:
        """Return mean IoU, pixel accuracy and frequency-weighted IoU."""
        found = self.figures
        named = (
            (MEAN_IOU, found.mean_iou),
            (PIXEL_ACCURACY, found.pixel_accuracy),
            (WEIGHTED_IOU, found.weighted_iou),
        )
        return tuple(Score(at, e.value, e.low, e.high, len(self)) for at, e in named)

    @property
    def image_errors(self) -> NDArray[np.float64]:
        """(N,): 1 less the mean IoU of each image's own classes; NaN where all is ignored."""
        return 1 - mean_iou(self.pixels)

    def tell(self, row: int) -> Told:
        """Return the mean IoU of an image; no words say what is true."""
        value = 1 - float(self.image_errors[row])
        return Told("", f"{MEAN_IOU.title} {MEAN_IOU.show(value)}")

    def baseline(self) -> Baseline:
        """Return the mean IoU of always predicting the most frequent class."""
        value, name = self.constant
        return Baseline(value, "always predicting the most frequent class", name)

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust the mean IoU, and what stands out among the classes."""
        return make_remarks(self)

    def sections(self) -> Iterator[Section]:
        """Yield the metrics, the confusion of pixels, the classes, and the worst images."""
        return make_sections(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the masks of single images; None for undefined metrics."""
        return {
            **self.about.to_json(MEAN_IOU),
            "class_names": list(self.spec.names),
            "mean_iou": self.figures.mean_iou.to_json(),
            "pixel_accuracy": self.figures.pixel_accuracy.to_json(),
            "weighted_iou": self.figures.weighted_iou.to_json(),
            "baseline": {"mean_iou": self.constant[0], "class": self.constant[1]},
            "confusion": self.confusion.tolist(),
            "per_class": [_class_json(row) for row in self.per_class],
            "worst": [
                {"row": image.row, "path": image.path, "mean_iou": image.mean_iou}
                for image in self.worst
            ],
        }

    def _overview(self, most: int) -> Overview:
        rows, notes = self._class_rows(most), self._notes(most)
        return Overview(self.about, str(self.spec), self._numbers(), rows, notes, left=(0, 6))

    def _numbers(self) -> list[tuple[str, str, str]]:
        value, name = self.constant
        return [
            *score_rows(self.scores()),
            ("mean IoU to beat", MEAN_IOU.show(value), f"(always “{shorten(name, 24)}”)"),
        ]

    def _class_rows(self, most: int) -> list[tuple[str, ...]]:
        head = ("class", "images", "pixels", "IoU", "recall", "precision", "most confused with")
        return [head, *map(_class_row, self.weakest()[:most])]

    def _notes(self, most: int) -> list[str]:
        about = self.about
        known = about.caution(MEAN_IOU)
        lines = [known, tell_unlearned(self), tell_inaccurate(self)]
        lines += [same_answer(len(self))] * self.is_constant
        if any(row.images < FEW for row in self.weakest()[:most]):
            lines.append(f"* in fewer than {FEW} images: too few to rely on")
        lines += tell_more("weakest", "class", len(self.spec.names), most)
        return [line for line in lines if line]


def make_results(
    batches: Iterable[tuple[NDArray[Any], Sequence[FullMask]]], spec: TargetSpec, about: About
) -> SegmentationResults:
    """Compare batches of predicted masks (N, size, size) with the true ones of their images.

    Raises ModelError for predictions that are not finite, DataError where every pixel is ignored.
    """
    return SegmentationResults(spec, about, *collect(batches, spec, about))


def _class_row(row: MaskScore) -> tuple[str, ...]:
    few = "*" if row.images < FEW else ""
    shares = (row.share, row.iou.value, row.recall, row.precision)
    taken = (
        f"{shorten(row.confused_with, 16)} ({format_percent(row.confused_share, 0)})"
        if row.confused_with is not None
        else MISSING
    )
    return shorten(row.name, 18), f"{few}{row.images:,}", *map(format_percent, shares), taken


def _class_json(row: MaskScore) -> dict[str, Any]:
    return {
        "name": row.name,
        "images": row.images,
        "share": row.share,
        "iou": row.iou.to_json(),
        "recall": row.recall,
        "precision": row.precision,
        "confused_with": row.confused_with,
        "confused_share": row.confused_share,
    }
