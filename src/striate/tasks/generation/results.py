"""Results of generation: what is printed of them, and what their report shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from striate.tasks.figures import Score
from striate.tasks.generation.metrics import (
    FRECHET,
    PRECISION,
    RECALL,
    VARIETY,
    GenerationMetrics,
)
from striate.tasks.generation.sections import make_remarks, make_sections
from striate.tasks.overview import Overview, Printed, score_rows
from striate.tasks.results import Baseline
from striate.tasks.sections import Remark, Section


class GenerationResults(Printed, GenerationMetrics):
    """Generated images and real ones, their figures, and the sections of their report."""

    def scores(self) -> tuple[Score, ...]:
        """Return Fréchet distance, precision and recall."""
        named = zip(
            (FRECHET, PRECISION, RECALL), (self.frechet, self.precision, self.recall), strict=True
        )
        return tuple(Score(at, each.value, each.low, each.high, len(self)) for at, each in named)

    def baseline(self) -> Baseline:
        """Return the distance of images whose pixels are drawn from a normal distribution."""
        return Baseline(self.normal_frechet, "drawing pixels from a normal distribution")

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust the distance, and whether the generator has collapsed."""
        return make_remarks(self)

    def sections(self) -> Iterator[Section]:
        """Yield the metrics, generated images, and the real ones that they are most like."""
        return make_sections(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the images; None for undefined metrics."""
        return {
            **self.about.to_json(FRECHET),
            "frechet_distance": self.frechet.to_json(),
            "halves": _defined(self.halves),
            "precision": self.precision.to_json(),
            "recall": self.recall.to_json(),
            "variety": _defined(self.variety),
            "baseline": {
                "frechet_distance": _defined(self.normal_frechet),
                "rule": self.baseline().rule,
            },
        }

    def _overview(self, most: int) -> Overview:
        scored = score_rows(self.scores())
        rows = [
            ("compared with the images", FRECHET.title),
            ("generated", FRECHET.show(self.frechet.value)),
            ("drawn from a normal distribution", FRECHET.show(self.normal_frechet)),
            ("one half with the other", FRECHET.show(self.halves)),
        ]
        numbers = [*scored, (VARIETY.title, VARIETY.show(self.variety), "(of that of the images)")]
        notes = [each.text for each in self.remarks()]
        return Overview(self.about, "as many generated", numbers, rows, notes)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
