"""Single-label classification: softmax and cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment.mixing import mix_labels
from striate.data.augment.plan import Plan
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.layers import AuxOutputs
from striate.metrics.estimates import Floats
from striate.options import TrainOptions
from striate.tasks.classification.answer import ClassAnswers
from striate.tasks.classification.results import Evaluation, make_evaluation
from striate.tasks.classification.scores import ACCURACY
from striate.tasks.classification.threshold import Threshold
from striate.tasks.figures import CHANGED_ANSWERS, Figure
from striate.tasks.results import About
from striate.tasks.task import Batches, Loss, Sums, Task
from striate.tasks.temperature import (
    UNFITTED,
    read_temperature,
    refit_temperature,
    store_temperature,
)


@dataclass(frozen=True)
class Classification(ClassAnswers, Task):
    """Which one of K classes an image shows; the names of its spec are the classes."""

    mixes: ClassVar[bool] = True
    one_class: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Raise OptionError for fewer than two classes, or constants that do not fit them."""
        if self.outputs < 2:
            raise OptionError(
                f"the task {self.name} needs two classes or more, but the data give {self.spec}"
            )
        Threshold.stored(self.spec)
        read_temperature(self.spec.constants)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The accuracy."""
        return (ACCURACY,)

    def loss(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats of logits (N, K) and labels (N,)."""
        return loss(outputs, targets)

    def training_loss(self, targets: Tensor, options: TrainOptions) -> Loss:
        """Return the cross-entropy with the label smoothing and class weights of the options."""
        balanced = options.balance == "weights"
        weights = class_weights(targets, self.outputs) if balanced else None
        return partial(loss, smoothing=options.label_smoothing, weights=weights)

    def count(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Sums:
        """Count the correct predictions: "correct"."""
        return {"correct": count_correct(outputs, targets)}

    def zero_sums(self) -> Sums:
        """Return "correct" of no image."""
        return {"correct": torch.zeros(1, dtype=torch.int64)}

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return the accuracy."""
        return {ACCURACY.name: float(sums["correct"][0]) / images} if images else {}

    def augment(self, targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        """Return labels (N,), or soft labels (N, K) of mixed images."""
        return targets if share is None else mix_labels(targets, self.outputs, share)

    def decode(self, outputs: Tensor) -> Tensor:
        """Return the probabilities (N, K) of logits (N, K), at the temperature of the task."""
        return probabilities(outputs / self.temperature)

    def settle(self, rated: Tensor) -> Tensor:
        """Return the mean probabilities (N, K) of networks at the temperature of their ensemble."""
        if self.temperature == UNFITTED:
            return rated
        return self.decode(rated.log())

    def merge(self, others: Sequence[TargetSpec]) -> Self:
        """Return the task with the positive class if it is that of all, without a threshold.

        A threshold was chosen for the probabilities of one network, and its temperature fitted to
        them: the mean is of what each network gives at its own.
        """
        specs = (store_temperature(self.spec, UNFITTED), *others)
        if self.outputs != 2:
            return replace(self, spec=specs[0])
        names = {spec.names[Threshold.stored(spec).positive] for spec in specs}
        positive = self.threshold.positive if len(names) == 1 else Threshold().positive
        return replace(self, spec=Threshold(positive).store(specs[0]))

    def energy(self, outputs: Tensor) -> Tensor:
        """Return the free energy (N,) of logits (N, K)."""
        return -outputs.logsumexp(dim=1)

    def members(self, targets: Tensor) -> Tensor:
        """Return the class of labels (N,): (N, K)."""
        return targets[:, None] == torch.arange(self.outputs, device=targets.device)

    def calibrate(self, validation: Batches) -> Classification:
        """Return the task with the temperature of the least log-loss; a threshold moves along."""
        if not (batches := tuple(validation)):
            return self
        rated, labels = map(np.concatenate, zip(*batches, strict=True))
        fitted = refit_temperature(self.temperature, rated, labels, len(labels))
        moved = self.threshold.at_temperature(fitted / self.temperature)
        spec = self.spec if moved == self.threshold else moved.store(self.spec)
        return replace(self, spec=store_temperature(spec, fitted))

    @property
    def change(self) -> Figure:
        """The share of images that are answered with another class."""
        return CHANGED_ANSWERS

    def measure_change(self, before: Any, after: Any, targets: Any) -> Floats:
        """Return 1 where probabilities (N, K) decide for another class, else 0."""
        decide = self.threshold.decide
        return (decide(before) != decide(after)).astype(np.float64)

    def evaluate(self, batches: Batches, about: About) -> Evaluation:
        """Compare batches of probabilities (N, K) with labels (N,)."""
        rated, labels = map(np.concatenate, zip(*batches, strict=True))
        names = self.spec.names
        return make_evaluation(rated, labels, names, about, self.threshold, self.temperature)


def loss(
    outputs: Tensor | AuxOutputs,
    targets: Tensor,
    *,
    smoothing: float = 0.0,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the mean cross-entropy in nats of logits (N, classes).

    Targets are labels (N,) or probabilities (N, classes). Losses of auxiliary heads are added,
    times their weight. `smoothing` is label smoothing (Szegedy et al. 2016, section 7,
    https://arxiv.org/abs/1512.00567); `weights` (classes,) are class weights.
    """
    if isinstance(outputs, AuxOutputs):
        main, *others = (
            _cross_entropy(logits, targets, smoothing, weights)
            for logits in (outputs.logits, *outputs.auxiliary)
        )
        return main + outputs.weight * sum(others)
    return _cross_entropy(outputs, targets, smoothing, weights)


def _cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor | None
) -> Tensor:
    if weights is None and len(targets):
        return F.cross_entropy(logits, targets, label_smoothing=smoothing)
    # divide by the number of images, as Keras does: torch's mean divides by the sum of the class
    # weights in the batch, or by zero if it is empty
    total = F.cross_entropy(logits, targets, weights, label_smoothing=smoothing, reduction="sum")
    return total / max(1, len(targets))


def count_correct(outputs: Tensor | AuxOutputs, targets: Tensor) -> Tensor:
    """Count the logits (N, classes) whose argmax equals the label (N,): (1,).

    For probability targets (N, classes), as of mixup, the label is their argmax.
    """
    targets = targets.argmax(dim=1) if targets.ndim == 2 else targets
    outputs = outputs.logits if isinstance(outputs, AuxOutputs) else outputs
    return (outputs.argmax(dim=1) == targets).sum(dim=0, keepdim=True)


def probabilities(outputs: Tensor) -> Tensor:
    """Return the softmax of logits (N, classes)."""
    return outputs.softmax(dim=1)


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """Labels (N,) -> (classes,) float32: inverse class frequency, averaging 1 over the images.

    King and Zeng 2001, https://doi.org/10.1093/oxfordjournals.pan.a004868, for
    equally likely classes.
    """
    counts = torch.bincount(labels, minlength=classes).clamp_min(1)
    return len(labels) / (classes * counts)
