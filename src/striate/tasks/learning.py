"""The half of a task that training sees: losses, sums and figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.data.augment.plan import Plan
from striate.data.augment.ranges import AugmentRanges
from striate.data.listing.target_spec import TargetSpec
from striate.options import StepOptions, TrainOptions
from striate.options.task_params import TaskParams
from striate.tasks.answers import Answers
from striate.tasks.figures import Figure
from striate.tasks.inputs import Inputs

#: additive sums of a batch by name; each (S,) int64 or float64, on the device of the outputs
Sums = Mapping[str, Tensor]
#: mean loss of a batch from the network's outputs and the targets; a scalar
Loss = Callable[[Any, Tensor], Tensor]


@dataclass(frozen=True)
class Update:
    """An update of the weights from a batch: what is run on it, and the loss of the outputs.

    Trained are the weights that the loss reaches.
    """

    network: nn.Module  #: images (N, C, H, W) -> outputs
    loss: Loss
    count: Callable[[Any, Tensor], Sums]  #: of its outputs; names are its own


@dataclass(frozen=True)
class Learning(Inputs, Answers, ABC):
    """How networks learn what a task asks.

    Outputs are what the network returns: a tensor, or `AuxOutputs` in training mode. Losses and
    sums add up: those of a batch are the means and sums of those of its parts.
    """

    on: ClassVar[str] = ""  #: what makes a network for it of a classifier, as "cosine:"
    needs_weights: ClassVar[bool] = False  #: whether its network must have learned before
    mixes: ClassVar[bool] = False  #: whether mixup and cutmix may blend its targets
    placed: ClassVar[bool] = False  #: whether its targets may change where what is shown moves
    max_loss: ClassVar[float] = 1e4  #: above it a training has diverged
    #: mean and std of its inputs; None: those of the training images
    normalization: ClassVar[tuple[float, float] | None] = None
    most_size: ClassVar[int] = 128  #: of the input, unless given, to keep training on a CPU short
    shrinks: ClassVar[bool] = True  #: whether images are made as small as the first weights expect
    usual: ClassVar[Mapping[str, Any]] = {}  #: options of the training itself, taken unless given
    #: option, or option=value, that it has no use for -> why
    refusals: ClassVar[Mapping[str, str]] = {
        "mirrored": "mirroring an image changes numbers only",
    }
    Params: ClassVar[type[TaskParams]] = TaskParams  #: what `--task-params` sets

    spec: TargetSpec

    @property
    @abstractmethod
    def figures(self) -> tuple[Figure, ...]:
        """What is measured while training; the first leads."""

    @property
    def train_figure(self) -> Figure | None:
        """The figure shown of training images, where the leading one is of validation only."""
        return None

    def default_network(self, side: int, channels: int) -> str:
        """Return the network for images of this side in pixels, if none is given."""
        if side > 40:
            return "resnet18"
        return "lenet5" if channels == 1 else "resnet20"

    @property
    def outputs(self) -> int:
        """Channels of the network's output."""
        return len(self.spec.names)

    def takes(self, output: str) -> bool:
        """Return whether networks with this `Card.output` fit."""
        return output == self.head

    def configure(self, options: StepOptions) -> Self:
        """Return the task as the options of a training ask for it."""
        return self

    def ranges(self, asked: AugmentRanges) -> AugmentRanges:
        """Return the augmentation ranges without those that would make a target wrong."""
        return asked

    def note(self, asked: AugmentRanges) -> str:
        """Say what `ranges` leaves out, and why; "" if nothing."""
        return ""

    def fit(self, targets: Tensor) -> Self:
        """Return the task with constants taken from the training targets (N, ...)."""
        return self

    def check_splits(self, train: Tensor, validation: Tensor) -> None:
        """Raise DataError where targets (N, ...) and (M, ...) do not suit the task together."""

    @abstractmethod
    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return the mean loss over the images of a batch, as measured on validation."""

    def training_loss(self, targets: Tensor, options: TrainOptions) -> Loss:
        """Return the loss that training minimizes, given all training targets (N, ...)."""
        return self.loss

    def updates(self, network: nn.Module, loss: Loss) -> tuple[Update, ...]:
        """Return the updates of each step, one after another; the loss is of `training_loss`."""
        return (Update(network, loss, self.count),)

    def loss_terms(self, options: TrainOptions) -> tuple[str, ...]:
        """Return what `training_loss` has that `loss` has not."""
        terms = {
            "class weights": options.balance == "weights",
            "label smoothing": options.label_smoothing > 0,
        }
        return tuple(name for name, there in terms.items() if there)

    @abstractmethod
    def count(self, outputs: Any, targets: Tensor) -> Sums:
        """Return the additive sums that the figures are measured from."""

    def count_validation(self, outputs: Any, targets: Tensor) -> Sums:
        """Return the sums of `count` and those that only validation has the time for."""
        return self.count(outputs, targets)

    @abstractmethod
    def zero_sums(self) -> Sums:
        """Return the sums of no validation image, on the CPU."""

    def keep(self, outputs: Any, targets: Tensor) -> Sums:
        """Return what `measure` needs of single validation images: name -> (N, ...), a row each."""
        return {}

    def validation_loss(self, sums: Mapping[str, NDArray[np.float64]]) -> float | None:
        """Return the mean loss of validation; None where it is that of `loss`."""
        return None

    @abstractmethod
    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return figure name -> value from the summed sums; undefined figures are absent.

        Sums of validation hold also the rows that `keep` returned, of all its images in order.
        """

    def diagnose(
        self,
        epoch: int,
        train: Mapping[str, float],
        validation: Mapping[str, float],
    ) -> Iterable[tuple[str, str]]:
        """Return what has gone wrong by the figures of an epoch, from 1: a kind, and a sentence."""
        return ()

    def draw_epoch(self, network: nn.Module) -> NDArray[np.uint8] | None:
        """Return what the network makes after an epoch, (H, W, 1 or 3); None: nothing to see."""
        return None

    def choose_thresholds(self, sums: Mapping[str, NDArray[np.float64]]) -> Self:
        """Return the task with thresholds taken from the sums of an epoch's validation."""
        return self

    def augment(self, targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        """Return the targets of augmented images.

        Where images were mixed, `share` (N,) is the share of the next image of the batch in each.
        """
        return targets
