"""Results of detection: what is printed of them, and what their report shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import TargetSpec
from striate.metrics.boxes import SIZES
from striate.metrics.estimates import Floats
from striate.tasks.detection.metrics import AP, AP50, FEW, ClassScore, DetectionMetrics
from striate.tasks.detection.remarks import CONSTANT, make_remarks
from striate.tasks.detection.sections import make_sections
from striate.tasks.figures import Figure, Score
from striate.tasks.numbers import check_finite
from striate.tasks.overview import Overview, Printed, score_rows, tell_more
from striate.tasks.results import About, Baseline, Told
from striate.tasks.sections import Remark, Section
from striate.text import format_percent, shorten

AP75 = Figure("ap75", "AP at 0.75")


class DetectionResults(Printed, DetectionMetrics):
    """Boxes found in N images and their true ones, compared: figures, and their report."""

    def scores(self) -> tuple[Score, ...]:
        """Return AP at an overlap of 0.5, over 0.5 to 0.95, and at 0.75."""
        found = self.figures
        named = (AP50, found.ap50), (AP, found.ap), (AP75, found.ap75)
        return tuple(Score(at, e.value, e.low, e.high, len(self)) for at, e in named)

    def tell(self, row: int) -> Told:
        """Return how many boxes are true of an image, and what became of the answered ones."""
        errors = self.errors
        hits, missed = int(errors.hits[row]), int(errors.missed[row])
        false = int(errors.false[row])
        return Told(f"{hits + missed:,} boxes", f"{hits:,} found, {false:,} wrong")

    def baseline(self) -> Baseline:
        """Return the AP at 0.5 of the best constant answer."""
        return Baseline(self.constant, CONSTANT)

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust the AP, and which errors are most frequent."""
        return make_remarks(self)

    def sections(self) -> Iterator[Section]:
        """Yield the metrics, the errors, the classes, and the worst images."""
        return make_sections(self, self.scores())

    def to_json(self) -> dict[str, Any]:
        """Return everything but the boxes of single images; None for undefined metrics."""
        about, found = self.about, self.figures
        sizes = zip(SIZES, found.by_size, strict=True)
        return {
            **self.about.to_json(AP50),
            "class_names": list(self.spec.names),
            "ap50": found.ap50.to_json(),
            "ap": found.ap.to_json(),
            "ap75": found.ap75.to_json(),
            "recall": found.recall.to_json(),
            "by_size": {name: estimate.to_json() for name, estimate in sizes},
            "baseline": {"ap50": self.constant},
            "errors": {
                f.name: int(getattr(self.errors, f.name).sum()) for f in fields(self.errors)
            },
            "per_class": [_class_json(row) for row in self.per_class],
            "worst": [{"row": row, "path": about.paths[row]} for row in self.worst()],
        }

    def _overview(self, most: int) -> Overview:
        head = ("class", "images", "boxes", "AP at 0.5", "AP", "recall", "precision")
        rows = [head, *map(_class_row, self.weakest()[:most])]
        numbers = [
            *score_rows(self.scores()),
            ("AP at 0.5 to beat", AP50.show(self.constant), "(the same boxes always)"),
        ]
        return Overview(self.about, str(self.spec), numbers, rows, self._notes(most))

    def _notes(self, most: int) -> list[str]:
        about = self.about
        lines = [about.caution(AP50), about.fitted]
        if any(row.boxes < FEW for row in self.weakest()[:most]):
            lines.append(f"* fewer than {FEW} boxes: too few to rely on")
        lines += tell_more("weakest", "class", len(self.spec.names), most)
        return [line for line in lines if line]


def make_results(
    batches: Iterable[tuple[NDArray[Any], NDArray[Any]]],
    spec: TargetSpec,
    thresholds: Floats,
    about: About,
) -> DetectionResults:
    """Compare batches of boxes (N, D, 6) with the true ones (N, M, 6).

    Raises ModelError for boxes that are not finite.
    """
    found, true = map(np.concatenate, zip(*batches, strict=True))
    check_finite(found, about.paths, about.model)
    return DetectionResults(spec, thresholds, about, true, found)


def _class_row(row: ClassScore) -> tuple[str, ...]:
    few = "*" if row.boxes < FEW else ""
    shares = (row.ap50.value, row.ap.value, row.recall, row.precision)
    counts = f"{row.images:,}", f"{few}{row.boxes:,}"
    return shorten(row.name, 18), *counts, *map(format_percent, shares)


def _class_json(row: ClassScore) -> dict[str, Any]:
    return {
        "name": row.name,
        "images": row.images,
        "boxes": row.boxes,
        "ap50": row.ap50.to_json(),
        "ap": row.ap.to_json(),
        "threshold": row.threshold,
        "recall": row.recall,
        "precision": row.precision,
    }
