"""Approximation of a curve by one hidden layer.

With enough units it comes as close as wanted to any continuous function: Cybenko 1989,
https://doi.org/10.1007/BF02551274; for ReLU too: Leshno et al. 1993,
https://doi.org/10.1016/S0893-6080(05)80131-5.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn import functional as F

from striate.options import PointsOptions
from striate.plotting.chart import Axis, Chart, Line
from striate.plotting.grid import draw_grid
from striate.plotting.shapes import ORANGE, PEN, SOFT, Picture
from striate.points.backprop import Activation, DenseNetwork, Values, forward
from striate.points.training import build_dense, optimize, read_dense, standardized
from striate.text import count_noun

_ACROSS, _WIDE, _HIGH = 3, 230.0, 210.0  #: panels in a row, and their size


def fit_curve(
    x: Values, y: Values, units: int, *, activation: Activation = "relu", trials: int = 5,
    epochs: int = 5000,
) -> DenseNetwork:  # fmt: skip
    """Train a hidden layer of `units` on y (N,) at x (N,); return the best network of the trials.

    They differ in the seed of their weights. The loss is the squared error.
    """
    inputs, targets = (np.asarray(values, np.float32)[:, None] for values in (x, y))
    mean, std = inputs.mean(axis=0), inputs.std(axis=0)
    known = torch.from_numpy((inputs - mean) / std), torch.from_numpy(targets)
    options = PointsOptions.read({"epochs": epochs, "learning_rate": 0.02, "schedule": "cosine"})
    fits = list[DenseNetwork]()
    for seed in range(trials):
        network = build_dense(1, (units,), 1, activation, seed)
        for _ in optimize(network, *known, F.mse_loss, options):
            pass
        fits.append(standardized(read_dense(network, activation, "identity"), mean, std))
    return min(fits, key=lambda fit: measure_error(fit, x, y))


def measure_error(network: DenseNetwork, x: Values, y: Values) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(((_curve(network, x) - y) ** 2).mean()))


def draw_fits(x: Values, y: Values, fits: Mapping[int, DenseNetwork], title: str) -> Picture:
    """Draw the curve and its approximations by units of the hidden layer, with their errors."""
    panels = [
        Chart(
            (
                Line(_points(x, y), color=PEN, width=1.5, opacity=SOFT, dashes=(4, 3)),
                Line(_points(x, _curve(network, x)), color=ORANGE),
            ),
            count_noun(units, "unit"),
            Axis(f"error {measure_error(network, x, y):.3f}"),
            Axis(limits=_limits(y)),
            width=_WIDE,
            height=_HIGH,
        )
        for units, network in fits.items()
    ]
    rows = [panels[at : at + _ACROSS] for at in range(0, len(panels), _ACROSS)]
    note = "dashed: the function; orange: the network; error: root of the mean square"
    return draw_grid(rows, title, note)


def _curve(network: DenseNetwork, x: Values) -> Values:
    return forward(network, np.asarray(x)[:, None])[-1][:, 0]


def _points(x: Values, y: Values) -> tuple[tuple[float, float], ...]:
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def _limits(y: Values) -> tuple[float, float]:
    """Return limits that leave room for what overshoots."""
    reach = float(np.ptp(y)) or 1.0
    return float(y.min()) - reach / 4, float(y.max()) + reach / 4
