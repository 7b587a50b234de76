"""Temperature of a task's probabilities: kept in its spec, fitted on validation images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.metrics.calibration import fit_temperature
from striate.text import count_noun

#: name of the constant, and its value before one is fitted
TEMPERATURE, UNFITTED = "temperature", 1.0


def read_temperature(constants: Mapping[str, Sequence[float]]) -> float:
    """Return what logits are divided by. Raises OptionError if it is no temperature."""
    value = constants.get(TEMPERATURE, (UNFITTED,))
    if not (len(value) == 1 and 0 < value[0] < math.inf):
        raise OptionError(f"temperature must be a number above 0, not {tuple(value)}")
    return value[0]


def store_temperature(spec: TargetSpec, temperature: float) -> TargetSpec:
    """Return the spec with this temperature in its constants; without one if it is `UNFITTED`."""
    constants = {name: kept for name, kept in spec.constants.items() if name != TEMPERATURE}
    if temperature != UNFITTED:
        constants[TEMPERATURE] = (temperature,)
    return replace(spec, constants=constants)


def refit_temperature(
    now: float, rated: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], images: int
) -> float:
    """Return the temperature that probabilities (N, K), made at that of `now`, should have had.

    Raises OptionError if the labels (N,) of so many validation images determine none.
    """
    factor = fit_temperature(rated, labels)
    given = count_noun(images, "validation image")
    if factor == 0:
        raise OptionError(
            f"every answer is right on the {given}, so no temperature can be fitted: the more "
            "certain the answers, the better they would fit; more validation images are needed"
        )
    if factor == math.inf:
        raise OptionError(
            f"on the {given} the answers are no better than a guess, so no temperature can be "
            "fitted: train the network for longer, or on better data"
        )
    return now * factor


def move_thresholds(thresholds: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Return thresholds that decide the same after the temperature was multiplied by `factor`."""
    with np.errstate(divide="ignore", over="ignore"):  # thresholds of 0 and 1 stay as they are
        logits = np.log(thresholds) - np.log1p(-thresholds)
        return 1 / (1 + np.exp(-logits / factor))
