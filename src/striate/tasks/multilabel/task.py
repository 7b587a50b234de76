"""Several labels an image: a sigmoid and a binary cross-entropy for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment.plan import Plan
from striate.data.listing.target_spec import TargetSpec
from striate.layers import AuxOutputs
from striate.metrics.binary import Sweep, average_precision, threshold_for_f1
from striate.metrics.binned import BINS, FINE, REACH, count_bins, sweep_bins
from striate.metrics.calibration import both_sides
from striate.metrics.estimates import Floats
from striate.options import TrainOptions
from striate.options.base import option
from striate.options.task_params import TaskParams
from striate.tasks.figures import CHANGED_ANSWERS, Figure
from striate.tasks.multilabel.answer import EVEN, THRESHOLD, LabelsAnswers
from striate.tasks.multilabel.loss import loss, positive_weights
from striate.tasks.multilabel.metrics import MAP, MICRO_F1
from striate.tasks.multilabel.results import LabelResults, make_results
from striate.tasks.results import About
from striate.tasks.task import Batches, Loss, Sums, Task
from striate.tasks.temperature import (
    UNFITTED,
    move_thresholds,
    read_temperature,
    refit_temperature,
    store_temperature,
)


class MultiLabelParams(TaskParams):
    """Settings of `--task-params`."""

    focal: float = option(0.0, "Exponent of the focal loss, which 2 is usual for", ge=0, le=10)


@dataclass(frozen=True)
class MultiLabel(LabelsAnswers, Task):
    """Which of K labels an image has, any number or none; the names of its spec are the labels."""

    mixes: ClassVar[bool] = True
    refusals: ClassVar[Mapping[str, str]] = {
        **Task.refusals,
        "balance=sampling": "an image has several labels, and drawing one label more often draws "
        "others with it; --balance weights evens them out in the loss",
    }
    Params: ClassVar[type[TaskParams]] = MultiLabelParams

    def __post_init__(self) -> None:
        """Raise OptionError for a temperature that is none, as of a changed model file."""
        read_temperature(self.spec.constants)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The mAP on validation images, and micro-F1 at a probability of 0.5."""
        return MAP, MICRO_F1

    @property
    def train_figure(self) -> Figure:
        return MICRO_F1

    def loss(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Tensor:
        """Return the mean binary cross-entropy in nats of logits (N, K) and 0 or 1 (N, K)."""
        return loss(outputs, targets)

    def training_loss(self, targets: Tensor, options: TrainOptions) -> Loss:
        """Return the cross-entropy, smoothed, weighted and focal as the options say."""
        return partial(
            loss,
            smoothing=options.label_smoothing,
            weights=positive_weights(targets) if options.balance == "weights" else None,
            focal=_focal(options),
        )

    def loss_terms(self, options: TrainOptions) -> tuple[str, ...]:
        """Return those of every task, and the focal factor."""
        return (*super().loss_terms(options), *(["a focal factor"] if _focal(options) else []))

    def count(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Sums:
        """Count "decisions" (3,) at a probability of 0.5: hits, labels called, labels there."""
        called, there = _logits(outputs) > 0, targets > 0.5  # mixed targets are between 0 and 1
        return {"decisions": torch.stack([(called & there).sum(), called.sum(), there.sum()])}

    def count_validation(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Sums:
        """Count also "bins" (K, 2, BINS): histograms of the logits without and with the label."""
        logits = _logits(outputs).float().cpu().numpy()
        bins = torch.from_numpy(count_bins(logits, targets.cpu().numpy()))
        return {**self.count(outputs, targets), "bins": bins}

    def zero_sums(self) -> Sums:
        """Return "decisions" and "bins" of no image."""
        bins = torch.zeros((self.outputs, 2, BINS), dtype=torch.int64)
        return {"decisions": torch.zeros(3, dtype=torch.int64), "bins": bins}

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return micro F1 at a probability of 0.5, and of validation images mAP.

        mAP is the mean average precision, from histograms, of the labels that some images have
        and some lack; absent without any.
        """
        hits, called, there = sums["decisions"]
        found = {MICRO_F1.name: float(2 * hits / (called + there))} if called + there else {}
        if "bins" in sums:
            sweeps = map(sweep_bins, sums["bins"])
            known = [each for each in map(average_precision, sweeps) if not math.isnan(each)]
            found |= {MAP.name: float(np.mean(known))} if known else {}
        return found

    def choose_thresholds(self, sums: Mapping[str, NDArray[np.float64]]) -> MultiLabel:
        """Return the task with the thresholds of the best F1 of each label.

        A label that all validation images have, or all lack, keeps 0.5: there is none to choose.
        """
        chosen = {THRESHOLD: tuple(_threshold(sweep_bins(bins)) for bins in sums["bins"])}
        return replace(self, spec=replace(self.spec, constants={**self.spec.constants, **chosen}))

    def augment(self, targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        """Return targets (N, K), between 0 and 1 of mixed images."""
        if share is None:
            return targets
        own = targets.float()
        return torch.lerp(own, own.roll(-1, 0), share[:, None])

    def decode(self, outputs: Tensor) -> Tensor:
        """Return the probabilities (N, K) of logits (N, K), at the temperature of the task."""
        return (outputs / self.temperature).sigmoid()

    def settle(self, rated: Tensor) -> Tensor:
        """Return the mean probabilities (N, K) of networks at the temperature of their ensemble."""
        if self.temperature == UNFITTED:
            return rated
        return self.decode(rated.logit())

    def merge(self, others: Sequence[TargetSpec]) -> Self:
        """Return the task with the mean threshold of each label.

        The mean is of what each network gives at a temperature of its own, and has none itself.
        """
        tasks = (self, *(replace(self, spec=spec) for spec in others))
        of_each = [dict(zip(task.spec.names, task.thresholds, strict=True)) for task in tasks]
        means = (float(np.mean([one[name] for one in of_each])) for name in self.spec.names)
        spec = store_temperature(self.spec, UNFITTED)
        constants = {**spec.constants, THRESHOLD: tuple(means)}
        return replace(self, spec=replace(spec, constants=constants))

    def energy(self, outputs: Tensor) -> Tensor:
        """Return the joint energy (N,) of logits (N, K); https://arxiv.org/abs/2109.14162."""
        return -F.softplus(outputs).sum(dim=1)

    def members(self, targets: Tensor) -> Tensor:
        """Return the labels (N, K) of images."""
        return targets > 0.5

    def calibrate(self, validation: Batches) -> MultiLabel:
        """Return the task with the temperature of the least log-loss over images and labels.

        The thresholds move along.
        """
        if not (batches := tuple(validation)):
            return self
        rated, sets = map(np.concatenate, zip(*batches, strict=True))
        sides, labels = both_sides(rated).reshape(-1, 2), sets.ravel()
        fitted = refit_temperature(self.temperature, sides, labels, len(rated))
        moved = move_thresholds(self.thresholds, fitted / self.temperature)
        spec = store_temperature(self.spec, fitted)
        constants = {**spec.constants, THRESHOLD: tuple(moved.tolist())}
        return replace(self, spec=replace(spec, constants=constants))

    @property
    def change(self) -> Figure:
        """The share of images that are answered with other labels."""
        return CHANGED_ANSWERS

    def measure_change(self, before: Any, after: Any, targets: Any) -> Floats:
        """Return 1 where probabilities (N, K) decide for other labels, else 0."""
        different = (before >= self.thresholds) != (after >= self.thresholds)
        return different.any(axis=1).astype(np.float64)

    def evaluate(
        self, batches: Iterable[tuple[NDArray[Any], NDArray[Any]]], about: About
    ) -> LabelResults:
        """Compare batches of probabilities (N, K) with label sets (N, K)."""
        rated, sets = map(np.concatenate, zip(*batches, strict=True))
        names, temperature = self.spec.names, self.temperature
        return make_results(rated, sets, names, self.thresholds, about, temperature)


def _focal(options: TrainOptions) -> float:
    return MultiLabelParams.parse(options.task_params, MultiLabel.name).focal


def _logits(outputs: Tensor | AuxOutputs) -> Tensor:
    return outputs.logits if isinstance(outputs, AuxOutputs) else outputs


def _threshold(counts: Sweep) -> float:
    """Return the probability of the best F1, in the middle of the gap to the next image below."""
    logit = threshold_for_f1(counts)
    if logit is None:
        return EVEN
    if logit <= -REACH:  # holds all below it too
        return 0.0
    below = counts.thresholds[counts.thresholds < logit]
    middle = (logit + below.max() + 1 / FINE) / 2 if len(below) else logit
    return float(1 / (1 + np.exp(-middle)))
