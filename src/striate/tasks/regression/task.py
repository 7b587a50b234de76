"""Regression: one or more numbers an image, standardized inside, answered in their own unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment.plan import Plan
from striate.data.augment.ranges import AugmentRanges
from striate.errors import OptionError
from striate.layers import AuxOutputs
from striate.metrics.estimates import Floats
from striate.options import StepOptions
from striate.options.base import option
from striate.options.task_params import TaskParams
from striate.tasks.figures import Figure
from striate.tasks.regression.answer import NumbersAnswers
from striate.tasks.regression.figures import (
    column_scales,
    make_figures,
    measure_errors,
    strip_unit,
)
from striate.tasks.regression.mirrors import Mirroring
from striate.tasks.regression.results import RegressionResults
from striate.tasks.results import About
from striate.tasks.task import Sums, Task

#: share of a column's mean below which its spread is rounding, and it is taken as constant
_ROUNDING = 1e-12


class RegressionParams(TaskParams):
    """Settings of regression, as in `--task-params "loss=huber,delta=1"`."""

    loss: Literal["squared", "absolute", "huber"] = option("squared", "Loss of a number")
    delta: float = option(1.0, "Error from which huber is linear", "standard deviations", gt=0)


@dataclass(frozen=True)
class Regression(NumbersAnswers, Task):
    """V numbers an image, one for each name of its spec, which holds mean, std, median once fitted.

    Targets are (N, V) float64 in their own unit, NaN where missing.

    Outputs (N, V) are standardized: those of a number are its distance from the mean of the
    training images in their standard deviations, so that columns of any unit weigh the same and
    learning rates fit. Squared error is the default: its minimum is the mean of what an image can
    be, and its gradient vanishes there. Absolute error and huber bear wrong numbers better.
    """

    params: RegressionParams = field(default_factory=RegressionParams)
    mirroring: Mirroring = field(default_factory=Mirroring)

    placed: ClassVar[bool] = True  # an angle or a place would change; nothing says which it is
    refusals: ClassVar[Mapping[str, str]] = {
        "balance": "numbers have no classes to balance",
        "label_smoothing": "numbers have no classes whose probability is smoothed",
    }
    rated: ClassVar[str] = "number"
    Params: ClassVar[type[RegressionParams]] = RegressionParams

    def __post_init__(self) -> None:
        """Raise OptionError for constants that fit no column, as of a changed model file."""
        for name, values in self.spec.constants.items():
            if len(values) != self.outputs:
                raise OptionError(f"{name} has {len(values)} values for {self.spec}")
        if any(value <= 0 for value in self.spec.constants.get("std", ())):
            raise OptionError("a std is not above 0")

    @property
    def figures(self) -> tuple[Figure, ...]:
        """MAE, RMSE and R2, means over the columns."""
        return make_figures(self.spec)

    def configure(self, options: StepOptions) -> Regression:
        """Return the task with the loss and the mirroring of the options."""
        asked = options.augment_params
        named = frozenset(asked.given() if asked else ())
        mirroring = Mirroring.parse(options.mirrored, self.spec.names, named)
        if asked:
            mirroring.check(AugmentRanges(**asked.given()))
        return replace(
            self, params=self.Params.parse(options.task_params, self.name), mirroring=mirroring
        )

    def ranges(self, asked: AugmentRanges) -> AugmentRanges:
        """Return the ranges without those that would make a number wrong."""
        return self.mirroring.ranges(asked)

    def note(self, asked: AugmentRanges) -> str:
        """Say which ranges are left out, and why."""
        return self.mirroring.note(asked)

    def fit(self, targets: Tensor) -> Regression:
        """Return the task with mean, std and median of each column of the training targets."""
        found = {"mean": list[float](), "std": list[float](), "median": list[float]()}
        for column in targets.cpu().numpy().T:
            known = column[~np.isnan(column)]
            mean, std = (float(np.mean(known)), float(np.std(known))) if len(known) else (0.0, 1.0)
            found["mean"].append(mean)
            found["std"].append(std if std > _ROUNDING * abs(mean) else 1.0)
            found["median"].append(float(np.median(known)) if len(known) else 0.0)
        constants = {name: tuple(values) for name, values in found.items()}
        return replace(self, spec=replace(self.spec, constants=constants))

    def loss(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Tensor:
        """Return the mean over images of the mean loss of their V numbers; a missing one is 0.

        Losses of auxiliary heads are added, times their weight. Raises OptionError for outputs of
        another shape than the targets, which would broadcast.
        """
        if isinstance(outputs, AuxOutputs):
            others = [self._loss(each, targets) for each in outputs.auxiliary]
            return self._loss(outputs.logits, targets) + outputs.weight * sum(others)
        return self._loss(outputs, targets)

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        _check_shapes(outputs, targets)
        mean, std = self._standards(targets)
        # not of the loss: a gradient of NaN times 0 is NaN
        known = ~targets.isnan()
        wanted = torch.where(known, ((targets - mean) / std).float(), 0.0)
        given = torch.where(known, outputs.float(), 0.0)
        match self.params.loss:
            case "squared":
                cells = F.mse_loss(given, wanted, reduction="sum")
            case "absolute":
                cells = F.l1_loss(given, wanted, reduction="sum")
            case "huber":
                cells = F.huber_loss(given, wanted, reduction="sum", delta=self.params.delta)
        return cells / max(1, targets.numel())

    def count(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Sums:
        """Sum errors and targets of each column, in its unit, in float64: (V,) each.

        "around" is the distance of a target from the training mean: sums of squares of large
        numbers would round.
        """
        outputs = outputs.logits if isinstance(outputs, AuxOutputs) else outputs
        _check_shapes(outputs, targets)
        known = ~targets.isnan()
        mean, _ = self._standards(targets)
        errors = torch.where(known, self.decode(outputs.detach()) - targets, 0.0)
        around = torch.where(known, targets - mean, 0.0)
        sums = {
            "cells": known.double(),
            "absolute": errors.abs(),
            "squared": errors.square(),
            "around": around,
            "around_squared": around.square(),
        }
        return {name: values.sum(dim=0) for name, values in sums.items()}

    def zero_sums(self) -> Sums:
        """Return the sums of no image."""
        names = ("cells", "absolute", "squared", "around", "around_squared")
        return {name: torch.zeros(self.outputs, dtype=torch.float64) for name in names}

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return MAE, RMSE and R2, means over the columns."""
        if not images:
            return {}
        values = measure_errors(sums, column_scales(self.spec)).tolist()
        named = zip((figure.name for figure in self.figures), values, strict=True)
        return {name: value for name, value in named if not np.isnan(value)}

    def augment(self, targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        """Return the numbers as `mirrored` says they are in images flipped left to right."""
        return self.mirroring.apply(targets, plan.mirrored)

    def caption(self, target: NDArray[Any], augmented: NDArray[Any]) -> str:
        """Return those numbers of an augmented image that changed; of several, with their names."""
        changed = ~(np.isnan(target) | (target == augmented))
        names = [f"{strip_unit(name)} " * (self.outputs > 1) for name in self.spec.names]
        return ", ".join(
            f"{names[at]}{augmented[at]:.6g}" for at in np.flatnonzero(changed).tolist()
        )

    def decode(self, outputs: Tensor) -> Tensor:
        """Return numbers (N, V) float64 in their own unit."""
        mean, std = self._standards(outputs)
        return outputs.double() * std + mean

    def leading(self, outputs: Tensor) -> Tensor:
        """Return the first column for each image: numbers of different units have no largest."""
        return torch.zeros(len(outputs), dtype=torch.int64, device=outputs.device)

    @property
    def change(self) -> Figure:
        """How far numbers are from those before, in the unit of the MAE."""
        unit = self.figures[0].unit
        return Figure("mean_change", "mean change", False, "number", unit)

    def measure_change(self, before: Any, after: Any, targets: Any) -> Floats:
        """Return the absolute difference of numbers (N, V), a mean over the columns."""
        return (np.abs(after - before) / column_scales(self.spec)).mean(axis=1)

    def evaluate(
        self, batches: Iterable[tuple[NDArray[Any], NDArray[Any]]], about: About
    ) -> RegressionResults:
        """Compare batches of predicted numbers (N, V) with the true ones."""
        predicted, true = map(np.concatenate, zip(*batches, strict=True))
        return RegressionResults(self.spec, about, predicted, true)

    def _standards(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and std (V,) float64 on the device of a tensor; 0 and 1 before `fit`."""
        constants, columns = self.spec.constants, self.outputs
        mean, std = constants.get("mean", (0.0,) * columns), constants.get("std", (1.0,) * columns)
        pair = torch.tensor((mean, std), dtype=torch.float64, device=like.device)
        return pair[0], pair[1]


def _check_shapes(outputs: Tensor, targets: Tensor) -> None:
    if outputs.shape != targets.shape:
        raise OptionError(
            f"the network gives {tuple(outputs.shape)} for numbers {tuple(targets.shape)}; "
            "expected the same shape: a row an image, a column a number"
        )
