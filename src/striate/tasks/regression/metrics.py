"""Metrics of regression on a split: figures over all columns, errors of each, the worst images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.metrics.bootstrap import bootstrap
from striate.metrics.estimates import Estimate, Floats, divide
from striate.metrics.values import ColumnErrors, estimate_errors
from striate.tasks.numbers import check_finite
from striate.tasks.regression.figures import column_scales, measure_errors, sum_errors
from striate.tasks.results import About

#: fewest images for a meaningful error of a column
FEW = 10
#: reach of predictions in standard deviations of the training images up to which they are the same
SAME = 0.01


@dataclass(frozen=True, slots=True)
class Miss:
    """The worst number of one image."""

    row: int  #: in the evaluation
    path: str
    column: str
    true: float
    predicted: float


@dataclass(frozen=True, eq=False, repr=False)
class RegressionMetrics:
    """Predicted and true numbers of N images, and the metrics computed from them."""

    spec: TargetSpec  #: with the constants of `Regression.fit`
    about: About
    predicted: NDArray[np.float64]  #: (N, V), in the unit of each column
    true: NDArray[np.float64]  #: (N, V); NaN: missing, left out of its column

    def __post_init__(self) -> None:
        """Raise OptionError or ModelError for arrays that do not match or are not finite."""
        wanted = (len(self.about.paths), len(self.spec.names))
        for what, numbers in (("predicted", self.predicted), ("true", self.true)):
            if numbers.shape != wanted:
                raise OptionError(f"{what} numbers must be {wanted}, but are {numbers.shape}")
        check_finite(self.predicted, self.about.paths, self.about.model)
        if np.isnan(self.true).all():
            columns = " nor ".join(map(repr, self.spec.names))
            raise DataError(f"no image to evaluate has a number in {columns}; fill some in")

    def __len__(self) -> int:
        return len(self.true)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """(N, V): which numbers are not missing."""
        return ~np.isnan(self.true)

    @cached_property
    def columns(self) -> tuple[ColumnErrors, ...]:
        """Errors of each column in its unit."""
        return estimate_errors(self.predicted, self.true).columns

    @cached_property
    def overall(self) -> tuple[Estimate, ...]:
        """MAE, RMSE and R2, means over the columns, as `make_figures` names them."""
        return tuple(bootstrap(self._rows, self._measure))

    def resample(self, counts: NDArray[np.int64]) -> Floats:
        """Return the (R,) MAE of images drawn `counts` (R, N) times."""
        return self._measure(counts.astype(np.float64) @ self._rows)[:, 0]

    @property
    def is_constant(self) -> bool:
        """Whether `FEW` images or more get the same numbers, but for `SAME` of their spread."""
        scales = np.array(self.spec.constants["std"])
        still = (np.ptp(self.predicted, axis=0) <= SAME * scales).all()
        return len(self) >= FEW and bool(still) and bool(np.nanmax(np.nanstd(self.true, axis=0)))

    @property
    def constant_mae(self) -> float:
        """MAE of always predicting the training median, the constant with the least."""
        always = np.broadcast_to(np.array(self.spec.constants["median"]), self.true.shape)
        sums = sum_errors(always, self.true, np.zeros(len(self.spec.names)))
        totals = {name: each.sum(axis=0) for name, each in sums.items()}
        return float(measure_errors(totals, column_scales(self.spec))[0])

    def worst(self, most: int) -> tuple[Miss, ...]:
        """Return the images with the largest error of a column in its standard deviations."""
        scales = np.array(self.spec.constants["std"])
        errors = np.where(self.known, np.abs(self.predicted - self.true) / scales, -1.0)
        places, largest = errors.argmax(axis=1), errors.max(axis=1)
        rows = [row for row in np.argsort(-largest, kind="stable")[:most] if largest[row] >= 0]
        return tuple(self._miss(int(row), int(places[row])) for row in rows)

    @cached_property
    def _sums(self) -> dict[str, Floats]:
        """(N, V) sums of each image, squares measured from the mean of the targets."""
        totals = np.where(self.known, self.true, 0.0).sum(axis=0)
        center = np.nan_to_num(divide(totals, self.known.sum(axis=0)))
        return sum_errors(self.predicted, self.true, center)

    @cached_property
    def _rows(self) -> Floats:
        """(N, S): the sums of each image, side by side."""
        return np.concatenate(list(self._sums.values()), axis=1)

    def _measure(self, summed: Floats) -> Floats:
        """Return (R, 3) figures from added rows (R, S)."""
        parts = np.split(summed, len(self._sums), axis=1)
        return measure_errors(dict(zip(self._sums, parts, strict=True)), column_scales(self.spec))

    def _miss(self, row: int, column: int) -> Miss:
        return Miss(
            row,
            self.about.paths[row],
            self.spec.names[column],
            float(self.true[row, column]),
            float(self.predicted[row, column]),
        )
