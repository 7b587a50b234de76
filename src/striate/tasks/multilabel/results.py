"""Evaluation of several labels: what is printed of it, and what its report shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.estimates import Estimate
from striate.tasks.multilabel.metrics import FEW, MAP, LabelMetrics, LabelScore
from striate.tasks.multilabel.remarks import make_remarks
from striate.tasks.multilabel.sections import make_sections
from striate.tasks.numbers import check_finite, known
from striate.tasks.overview import Overview, Printed, score_rows, tell_more
from striate.tasks.results import About, Baseline, Told
from striate.tasks.sections import Remark, Section
from striate.tasks.temperature import UNFITTED
from striate.text import (
    count_noun,
    format_percent,
    list_names,
    percent_digits,
    shorten,
)


@dataclass(frozen=True, eq=False, repr=False)
class LabelResults(Printed, LabelMetrics):
    """Probabilities of N images with several labels, and the metrics computed from them."""

    @property
    def image_errors(self) -> NDArray[np.float64]:
        """(N,): the binary cross-entropy of each image."""
        return self.losses

    def tell(self, row: int) -> Told:
        """Return the labels of an image in the order of their names, and those of the answer."""
        return Told(*(self._listed(which) for which in (self.truth[row] > 0, self.called[row])))

    def _listed(self, which: NDArray[np.bool_]) -> str:
        named = sorted(self.labels[at] for at in np.flatnonzero(which))
        return ", ".join(named) or "no label"

    def baseline(self) -> Baseline:
        """Return the mAP of giving every image the same answer."""
        return Baseline(self.constant, "always giving the same answer")

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust mAP, and what stands out among the labels."""
        yield from make_remarks(self)
        if self.about.fitted:
            yield Remark(self.about.fitted)

    def sections(self) -> Iterator[Section]:
        """Yield the metrics, the labels, errors that occur together, and the worst errors."""
        return make_sections(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the per-image rows; None for undefined metrics."""
        return {
            **self.about.to_json(MAP),
            "task": "multilabel",
            "labels": list(self.labels),
            "scores": {score.figure.name: known(asdict(score)) for score in self.scores()},
            "baseline": known(self.constant),
            "calibration": self.reliability.to_json(),
            "per_label": [known(_label_json(row)) for row in self.per_label],
            "joint_errors": [asdict(pair) for pair in self.joint_errors()],
            "worst": [asdict(mistake) for mistake in self.worst_mistakes()],
        }

    def _overview(self, most: int) -> Overview:
        labels, rows = count_noun(len(self.labels), "label"), self._label_rows(most)
        return Overview(self.about, labels, self._numbers(), rows, self._notes(most))

    def _numbers(self) -> list[tuple[str, str, str]]:
        shown = score_rows(self.scores(), f"one answer for all: {MAP.show(self.constant)}")
        return [*shown, self.reliability.row()]

    def _label_rows(self, most: int) -> list[tuple[str, ...]]:
        head = ("label", f"{self.about.inputs}s", "AP", "precision", "recall", "F1", "threshold")
        return [head, *map(_label_row, self.weakest()[:most])]

    def _notes(self, most: int) -> list[str]:
        said = self.about.caution(MAP), self.about.fitted
        lines = [line for line in said if line]
        if any(row.images < FEW for row in self.weakest()[:most]):
            lines.append(f"* on fewer than {FEW} images: too few to rely on")
        for names, where in ((self.absent, "no image"), (self.everywhere, "every image")):
            if names:
                lines.append(f"on {where} here, so without AP: {list_names(names, 3)}")
        lines += tell_more("weakest", "label", len(self.labels), most)
        return lines


def make_results(
    probabilities: NDArray[np.floating[Any]],
    truth: NDArray[np.integer[Any]],
    labels: Sequence[str],
    thresholds: NDArray[np.float64],
    about: About,
    temperature: float = UNFITTED,
) -> LabelResults:
    """Build results from probabilities (N, K), of a temperature, and label sets (N, K).

    Raises ModelError for a probability that is not finite.
    """
    check_finite(probabilities, about.paths, about.model)
    rated, sets = probabilities.astype(np.float32), truth.astype(np.uint8)
    return LabelResults(about, tuple(labels), thresholds, rated, sets, temperature)


def _label_row(row: LabelScore) -> tuple[str, ...]:
    places = percent_digits(row.images)
    shares = (row.average_precision, row.precision, row.recall, row.f1)
    return (
        shorten(row.name, 24),
        f"{'*' if row.images < FEW else ''}{row.images:,}",
        *(format_percent(known(each.value), places) for each in shares),
        f"{row.threshold:.2f}",
    )


def _label_json(row: LabelScore) -> dict[str, Any]:
    return {
        "label": row.name,
        "images": row.images,
        "called": row.called,
        "threshold": row.threshold,
        "average_precision": _estimate(row.average_precision),
        "f1": _estimate(row.f1),
        "precision": _estimate(row.precision),
        "recall": _estimate(row.recall),
    }


def _estimate(each: Estimate) -> dict[str, Any]:
    return {"value": each.value, "low": each.low, "high": each.high}
