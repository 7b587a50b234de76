"""Evaluation of one class alone: what is printed of it, and what its report shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.tasks.anomaly.answer import ODD
from striate.tasks.anomaly.metrics import AnomalyMetrics
from striate.tasks.anomaly.remarks import make_remarks
from striate.tasks.anomaly.sections import make_sections
from striate.tasks.numbers import check_finite
from striate.tasks.overview import Overview, Printed, score_rows
from striate.tasks.results import About, Baseline, Told
from striate.tasks.sections import Remark, Section
from striate.text import format_percent, percent_digits, shorten


@dataclass(frozen=True, eq=False, repr=False)
class AnomalyResults(Printed, AnomalyMetrics):
    """Scores of N images, and the metrics computed from them."""

    @property
    def image_errors(self) -> NDArray[np.float64]:
        """(N,): how far the score of each image is on the wrong side of the limit."""
        beyond = (self.values - self.limit).astype(np.float64)
        return np.where(self.is_good, beyond, -beyond)

    def tell(self, row: int) -> Told:
        """Return the class of an image, and the answer."""
        name = self.class_names[int(self.labels[row])]
        return Told(name, ODD if self.odd[row] else self.class_names[self.good])

    def baseline(self) -> Baseline:
        """Return the leading figure of giving every image the same score."""
        if np.isnan(self.area.value):
            return Baseline(0.0, "calling every image good")
        return Baseline(0.5, "giving every image the same score")

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust the figures."""
        yield from make_remarks(self)
        if self.about.fitted:
            yield Remark(self.about.fitted)

    def sections(self) -> Iterator[Section]:
        """Yield the figures, the scores, the other classes, and images with their maps."""
        return make_sections(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the per-image rows; None for undefined metrics."""
        return {
            **self.about.to_json(self.scores()[0].figure),
            "task": "anomaly",
            "good": self.class_names[self.good],
            "good_images": int(self.is_good.sum()),
            "limit": self.limit,
            "rejected_asked": self.share,
            "area": self.area.to_json(),
            "others_found": self.found.to_json(),
            "good_rejected": self.rejected.to_json(),
            "per_class": [
                {
                    "name": row.name,
                    "images": row.images,
                    "found": row.found.to_json(),
                    "area": row.area.to_json(),
                }
                for row in self.others()
            ],
        }

    def _overview(self, most: int) -> Overview:
        good = int(self.is_good.sum())
        asked = f"{good:,} good, {len(self) - good:,} others"
        head = ("other class", "images", "found", "AUROC")
        rows = [
            (
                shorten(row.name, 24),
                f"{row.images:,}",
                format_percent(row.found.value, percent_digits(row.images)),
                format_percent(row.area.value),
            )
            for row in self.others()[:most]
        ]
        said = self.about.caution(self.scores()[0].figure), self.about.fitted
        notes = [note for note in said if note]
        numbers = score_rows(self.scores())
        numbers.append(("limit", f"{self.limit:.4f}", "(a higher score is odd)"))
        return Overview(self.about, asked, numbers, [head, *rows], notes)


def make_results(
    decoded: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    class_names: Sequence[str],
    good: int,
    limit: float,
    heat: float,
    share: float,
    about: About,
) -> AnomalyResults:
    """Build results from scores above distances (N, 1 + h, w) and labels (N,).

    Raises ModelError for a score that is not finite.
    """
    check_finite(decoded, about.paths, about.model)
    found = decoded.astype(np.float32)
    return AnomalyResults(
        about, tuple(class_names), good, limit, heat, share, labels.astype(np.int64),
        found[:, 1:], found[:, 0, 0],
    )  # fmt: skip
