"""Results of regression: what is printed of them, and what their report shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.estimates import Floats, mean_defined
from striate.tasks.figures import Score
from striate.tasks.overview import Overview, Printed, score_rows, tell_more
from striate.tasks.regression.figures import column_unit, make_figures
from striate.tasks.regression.metrics import RegressionMetrics
from striate.tasks.regression.remarks import make_remarks
from striate.tasks.regression.sections import COLUMN_HEADS, column_cells, make_sections
from striate.tasks.results import Baseline, Told
from striate.tasks.sections import Remark, Section, same_answer
from striate.text import MISSING, format_amount, shorten_name

#: most of the worst images in evaluation.json
_MOST_WORST = 24


class RegressionResults(Printed, RegressionMetrics):
    """Predicted and true numbers of N images, their figures, and the sections of their report."""

    def scores(self) -> tuple[Score, ...]:
        """Return MAE, RMSE and R2, means over the columns; without R2 of equal targets."""
        named = zip(make_figures(self.spec), self.overall, strict=True)
        return tuple(
            Score(figure, each.value, each.low, each.high, len(self))
            for figure, each in named
            if not math.isnan(each.value)
        )

    @property
    def image_errors(self) -> NDArray[np.float64]:
        """(N,): mean absolute error of each image, in standard deviations of each column here."""
        filled = np.where(self.known.any(axis=0), self.true, 0.0)  # a column without any number
        spread = np.nanstd(filled, axis=0)
        spread[spread == 0] = 1
        return mean_defined(np.abs(self.predicted - self.true) / spread)

    def tell(self, row: int) -> Told:
        """Return the true and the predicted numbers of an image."""
        return Told(self._listed(self.true[row]), self._listed(self.predicted[row]))

    def _listed(self, numbers: Floats) -> str:
        several = len(self.spec.names) > 1
        shown = (
            f"{name}: " * several + f"{format_amount(number)} {column_unit(name)}".rstrip()
            for name, number in zip(self.spec.names, numbers.tolist(), strict=True)
            if not math.isnan(number)
        )
        return ", ".join(shown) or MISSING

    def baseline(self) -> Baseline:
        """Return the MAE of always predicting the training median."""
        return Baseline(self.constant_mae, "always predicting the training median")

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust the errors, and what stands out among the columns."""
        return make_remarks(self)

    def sections(self) -> Iterator[Section]:
        """Yield the metrics, a chart of predicted and true numbers, and the worst errors."""
        return make_sections(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the per-image rows; None for undefined metrics."""
        named = zip(make_figures(self.spec), self.overall, strict=True)
        return {
            **self.about.to_json(make_figures(self.spec)[0]),
            "columns": list(self.spec.names),
            **{figure.name: each.to_json() for figure, each in named},
            "unit": make_figures(self.spec)[0].unit,
            "baseline": {"mae": self.constant_mae, "rule": self.baseline().rule},
            "per_column": [
                {"name": name, **{key: getattr(errors, key).to_json() for key in _ERRORS}}
                for name, errors in zip(self.spec.names, self.columns, strict=True)
            ],
            "worst": [asdict(miss) for miss in self.worst(_MOST_WORST)],
        }

    def _overview(self, most: int) -> Overview:
        rows, notes = self._column_rows(most), self._notes(most)
        return Overview(self.about, str(self.spec), self._numbers(), rows, notes)

    def _numbers(self) -> list[tuple[str, str, str]]:
        found = score_rows(self.scores())
        always = make_figures(self.spec)[0].show(self.constant_mae)
        return [*found, ("MAE to beat", always, f"({self.baseline().rule})")]

    def _column_rows(self, most: int) -> list[tuple[str, ...]]:
        cells = (
            (shorten_name(name), *column_cells(errors))
            for name, errors in zip(self.spec.names, self.columns, strict=True)
        )
        return [COLUMN_HEADS, *list(cells)[:most]]

    def _notes(self, most: int) -> list[str]:
        about, figure = self.about, make_figures(self.spec)[0]
        lines = [about.caution(figure)]
        lines += [same_answer(len(self))] * self.is_constant
        lines += tell_more("first", "column", len(self.spec.names), most)
        return [line for line in lines if line]


_ERRORS = ("mae", "rmse", "r2", "bias", "median")
