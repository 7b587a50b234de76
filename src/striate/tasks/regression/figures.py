"""Figures of regression, in the unit that the columns share."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import TargetSpec
from striate.metrics.estimates import Floats, divide, mean_defined
from striate.tasks.figures import Figure

#: at the end of a column's name: "age (years)", "angle [deg]"
_UNIT = re.compile(r"[(\[]([^()\[\]]+)[)\]]\s*$")
#: unit of figures over columns that have none in common: standard deviations of the training images
SPREAD = "std"
#: share of the squares below which a spread is rounding
_ROUNDING = 1e-10


def column_unit(name: str) -> str:
    """Return the unit in a column's name: "years" of "age (years)"; "" without one."""
    found = _UNIT.search(name)
    return found[1].strip() if found else ""


def strip_unit(name: str) -> str:
    """Return a column's name without its unit: "age" of "age (years)"."""
    return _UNIT.sub("", name).strip() or name


def shared_unit(spec: TargetSpec) -> str:
    """Return the unit of figures over all columns: theirs if they share it, else `SPREAD`."""
    units = {column_unit(name) for name in spec.names}
    shared = units.pop() if len(units) == 1 else ""
    return shared if shared or len(spec.names) == 1 else SPREAD


def make_figures(spec: TargetSpec) -> tuple[Figure, ...]:
    """Return MAE, RMSE and R2, means over the columns; the first leads."""
    unit = shared_unit(spec)
    return (
        Figure("mae", "MAE", higher_is_better=False, form="number", unit=unit),
        Figure("rmse", "RMSE", higher_is_better=False, form="number", unit=unit),
        Figure("r2", "R2", form="number"),
    )


def column_scales(spec: TargetSpec) -> Floats:
    """Return what the errors of each of V columns are divided by before they are averaged."""
    if shared_unit(spec) == SPREAD and "std" in spec.constants:
        return np.array(spec.constants["std"])
    return np.ones(len(spec.names))


def sum_errors(predicted: Floats, true: Floats, center: Floats) -> dict[str, Floats]:
    """Return (N, V) sums of each image, as `measure_errors` takes them once they are added up.

    "around" is the distance of a target from the `center` (V,): sums of squares of large numbers
    would round.
    """
    known = ~np.isnan(true)
    errors, around = (
        np.where(known, numbers, 0.0) for numbers in (predicted - true, true - center)
    )
    return {
        "cells": known.astype(np.float64),
        "absolute": np.abs(errors),
        "squared": errors**2,
        "around": around,
        "around_squared": around**2,
    }


def measure_errors(sums: Mapping[str, NDArray[np.float64]], scales: Floats) -> Floats:
    """Return (..., 3), MAE, RMSE and R2, from sums (..., V) of `sum_errors`.

    Means over the columns that have targets; NaN where there are none, and R2 of equal targets.
    """
    cells, around, squares = sums["cells"], sums["around"], sums["around_squared"]
    mae = divide(sums["absolute"], cells)
    mse = divide(sums["squared"], cells)
    spread = squares - np.nan_to_num(divide(around**2, cells))
    r2 = 1 - divide(sums["squared"], np.where(spread > _ROUNDING * squares, spread, 0.0))
    means = mean_defined(mae / scales), mean_defined(np.sqrt(mse) / scales), mean_defined(r2)
    return np.stack(means, axis=-1)
