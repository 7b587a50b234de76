"""Evaluation of a classifier: what is printed of it, and what its report shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.tasks.classification.binary import BinaryMetrics, show_area, show_interval
from striate.tasks.classification.checks import check_answers
from striate.tasks.classification.metrics import ClassMetrics
from striate.tasks.classification.remarks import make_remarks
from striate.tasks.classification.scores import ACCURACY, FEW, ClassScore
from striate.tasks.classification.sections import make_sections
from striate.tasks.classification.threshold import EVENLY, Threshold
from striate.tasks.overview import Overview, Printed, score_rows, tell_more
from striate.tasks.results import About, Baseline, Told
from striate.tasks.sections import Remark, Section, same_answer
from striate.tasks.temperature import UNFITTED
from striate.text import (
    MISSING,
    capitalize,
    count_noun,
    format_percent,
    percent_digits,
    shorten,
)


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Printed, ClassMetrics):
    """Predicted probabilities of N labeled images, and the metrics computed from them."""

    @cached_property
    def binary(self) -> BinaryMetrics | None:
        """What the positive one of two classes' probability separates; None for more classes."""
        return BinaryMetrics.of(self) if len(self.class_names) == 2 else None

    @property
    def image_errors(self) -> NDArray[np.float64]:
        """(N,): the log-loss of each image."""
        return self.losses

    def tell(self, row: int) -> Told:
        """Return the true and the predicted class of an image."""
        names = self.class_names
        return Told(names[int(self.labels[row])], names[int(self.predicted[row])])

    def baseline(self) -> Baseline:
        """Return the accuracy of always predicting the most frequent class."""
        share, name = self.most_frequent
        return Baseline(share, "always predicting the most frequent class", name)

    @property
    def fitted(self) -> str:
        """Say that a threshold fits validation images; "" without one, and of other splits."""
        return "" if self.threshold.value is None else self.about.fitted

    @property
    def chosen(self) -> str:
        """Say what the threshold was chosen for on validation; "" if it was given."""
        aim = self.threshold.aim
        if aim is None:
            return ""
        positive = shorten(self.class_names[self.threshold.positive], 18)
        return f"threshold {self.threshold.shown}, chosen for {aim.describe(positive)}"

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust the accuracy, and what stands out among the classes."""
        yield from make_remarks(self)
        if self.chosen:
            yield Remark(f"{capitalize(self.chosen)}.")
            yield from self._missed()
        if self.fitted:
            yield Remark(self.fitted)

    def _missed(self) -> Iterator[Remark]:
        """Yield that the share that the threshold was chosen for is clearly missed here."""
        aim = self.threshold.aim
        share = self.binary.chosen.shares()[aim.share] if aim and self.binary else None
        if aim and share and share.bounds[1] < aim.asked:
            yield Remark(
                f"Of these images the {aim.share} is {show_area(share)} (95 % interval "
                f"{show_interval(share)}), clearly below the {100 * aim.asked:.4g} % that the "
                "threshold was chosen for.",
                warning=True,
            )

    def sections(self) -> Iterator[Section]:
        """Yield the metrics, the confusion matrix, the classes, and the worst errors."""
        return make_sections(self, self.binary)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the per-image rows; None for undefined metrics."""
        return {
            **self.about.to_json(ACCURACY),
            "class_names": list(self.class_names),
            "accuracy": asdict(self.accuracy),
            "top5": None if self.top5 is None else asdict(self.top5),
            "log_loss": self.log_loss,
            "macro_f1": self.macro_f1,
            "calibration": self.reliability.to_json(),
            **({"binary": self.binary.to_json()} if self.binary else {}),
            **({"chosen_for": asdict(self.threshold.aim)} if self.threshold.aim else {}),
            "confusion": self.confusion.tolist(),
            "per_class": [asdict(row) for row in self.per_class],
            "suspects": self.suspects and self.suspects.to_json(),
            "worst": [asdict(mistake) for mistake in self.worst_mistakes()],
        }

    def _overview(self, most: int) -> Overview:
        classes, rows = count_noun(len(self.class_names), "class"), self._class_rows(most)
        return Overview(self.about, classes, self._numbers(), rows, self._notes(most), left=(0, 5))

    def _numbers(self) -> list[tuple[str, str, str]]:
        shares = score_rows(self.scores())
        guessing, baseline = math.log(len(self.class_names)), self.baseline()
        return [
            *shares,
            ("accuracy to beat", baseline.show(self.scores()[0]), f"({baseline.always})"),
            ("macro-F1", format_percent(self.macro_f1, percent_digits(len(self))), ""),
            ("log-loss", f"{self.log_loss:.4f}", f"(uniform guess: {guessing:.4f})"),
            self.reliability.row(),
            *(self.binary.rows() if self.binary else ()),
        ]

    def _class_rows(self, most: int) -> list[tuple[str, ...]]:
        head = ("class", f"{self.about.inputs}s", "precision", "recall", "F1", "most confused with")
        places = percent_digits(len(self) // len(self.class_names))
        return [head, *(_class_row(row, places) for row in self.weakest()[:most])]

    def _notes(self, most: int) -> list[str]:
        same = same_answer(len(self)) if self.is_constant else ""
        missed = (remark.text for remark in self._missed())
        warning = self.about.caution(ACCURACY)
        said = (warning, self.chosen, *missed, self.fitted, same)
        lines = [line for line in said if line]
        if any(row.images < FEW for row in self.weakest()[:most]):
            lines.append(f"* fewer than {FEW} images: too few to rely on")
        lines += tell_more("weakest", "class", len(self.class_names), most)
        if self.suspects and self.suspects.found:
            lines.append(self.suspects.line)
        return lines


def make_evaluation(
    probabilities: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]] | Sequence[int],
    class_names: Sequence[str],
    about: About,
    threshold: Threshold = EVENLY,
    temperature: float = UNFITTED,
) -> Evaluation:
    """Build an Evaluation from probabilities (N, K), of a temperature, and labels (N,).

    Raises OptionError for arguments that do not match, ModelError for a non-finite probability.
    """
    rated = np.asarray(probabilities, dtype=np.float32)
    known = np.asarray(labels, dtype=np.int64)
    check_answers(rated, known, class_names, about)
    return Evaluation(about, tuple(class_names), known, rated, threshold, temperature)


def _class_row(row: ClassScore, places: int) -> tuple[str, ...]:
    shares = (format_percent(share, places) for share in (row.precision, row.recall, row.f1))
    count = f" ({row.confused_count:,})"
    taken = (
        shorten(row.confused_with, 20 - len(count)) + count
        if row.confused_with is not None
        else MISSING
    )
    few = "*" if row.images < FEW else ""
    return shorten(row.name, 18), f"{few}{row.images:,}", *shares, taken
