"""What a task is: the one interface through which training, evaluation and prediction see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.plan import Plan
from striate.data.augment.ranges import AugmentRanges
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import NEEDS, TargetSpec
from striate.errors import OptionError
from striate.metrics.estimates import Floats
from striate.options import DecisionOptions, StepOptions, TrainOptions
from striate.options.task_params import TaskParams
from striate.tasks.figures import Figure
from striate.tasks.inputs import Inputs
from striate.tasks.results import About, Answer, Results
from striate.tasks.temperature import read_temperature

#: additive sums of a batch by name; each (S,) int64 or float64, on the device of the outputs
Sums = Mapping[str, Tensor]
#: mean loss of a batch from the network's outputs and the targets; a scalar
Loss = Callable[[Any, Tensor], Tensor]
#: names with their swatches, (H, W, 3)
Legend = tuple[tuple[str, NDArray[np.uint8]], ...]
#: what is decoded of some images (N, ...) and their targets, a batch at a time: an array (N, ...),
#: or of masks N of `data.full_masks.FullMask`
Batches = Iterable[tuple[NDArray[Any], Any]]


@runtime_checkable
class Comparing(Protocol):
    """A task that says how far two answers to the same image are apart."""

    @property
    def change(self) -> Figure:
        """What the mean of `measure_change` is."""
        ...

    def measure_change(self, before: Any, after: Any, targets: Any) -> Floats:
        """Return how far what is decoded of N images is from that before: (N,), NaN unknown."""
        ...


@dataclass(frozen=True)
class Task(Inputs, ABC):
    """A kind of question asked of images; subclasses are frozen dataclasses.

    Outputs are what the network returns: a tensor, or `AuxOutputs` in training mode. Losses and
    sums add up: those of a batch are the means and sums of those of its parts. What is not
    abstract has a default.
    """

    name: ClassVar[str]
    kind: ClassVar[str]  #: of its targets
    head: ClassVar[str] = "logits"  #: what its networks give: "logits", a "map" or an "image"
    on: ClassVar[str] = ""  #: what makes a network for it of a classifier, as "cosine:"
    needs_weights: ClassVar[bool] = False  #: whether its network must have learned before
    mixes: ClassVar[bool] = False  #: whether mixup and cutmix may blend its targets
    one_class: ClassVar[bool] = False  #: whether it decodes probabilities, of which one is true
    placed: ClassVar[bool] = False  #: whether its targets may change where what is shown moves
    max_loss: ClassVar[float] = 1e4  #: above it a training has diverged
    searches: ClassVar[bool] = False  #: whether its answers are found in a gallery
    rated: ClassVar[str] = "probability"  #: what `rate` gives
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

    @property
    @abstractmethod
    def blank(self) -> Answer:
        """The answer for an image that could not be read."""

    def default_network(self, side: int, channels: int) -> str:
        """Return the network for images of this side in pixels, if none is given."""
        if side > 40:
            return "resnet18"
        return "lenet5" if channels == 1 else "resnet20"

    @property
    def temperature(self) -> float:
        """What logits are divided by where the task decodes probabilities."""
        return read_temperature(self.spec.constants)

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

    def fit(self, targets: Tensor) -> Task:
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

    def choose_thresholds(self, sums: Mapping[str, NDArray[np.float64]]) -> Task:
        """Return the task with thresholds taken from the sums of an epoch's validation."""
        return self

    def augment(self, targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        """Return the targets of augmented images.

        Where images were mixed, `share` (N,) is the share of the next image of the batch in each.
        """
        return targets

    def caption(self, target: NDArray[Any], augmented: NDArray[Any]) -> str:
        """Return the target of an augmented image in words; "" if it is that of the original."""
        return ""

    def draw(
        self,
        pixels: NDArray[np.uint8],
        target: NDArray[Any],
    ) -> NDArray[np.uint8] | None:
        """Draw a target over its image (H, W, 1 or 3): (H, W, 3); None if there is none to draw."""
        return None

    def legend(self, targets: NDArray[Any]) -> Legend:
        """Return name and swatch (H, W, 3) of all that `draw` shows of these targets (N, ...)."""
        return ()

    @abstractmethod
    def decode(self, outputs: Tensor) -> Tensor:
        """Return what the answers are made of, a row an image: probabilities, numbers, classes."""

    def restore(
        self, decoded: NDArray[Any], preprocess: Preprocess, size: tuple[int, int]
    ) -> NDArray[Any]:
        """Return what is decoded of one image in the size (width, height) of the image itself.

        `decode` gives it as the network's input shows the image, which `preprocess` has made.
        """
        return decoded

    def rate(self, outputs: Tensor) -> Tensor:
        """Return what is averaged over networks, a row an image, a column a name: (N, K, ...)."""
        return self.decode(outputs)

    def leading(self, outputs: Tensor) -> Tensor:
        """Return the column (N,) that each image's answer is about, if none is asked for."""
        rated = self.rate(outputs)
        return rated.reshape(*rated.shape[:2], -1).mean(dim=2).argmax(dim=1)

    def explained(self, outputs: Tensor, columns: Tensor) -> Tensor:
        """Return the output (N,) of a column (N,) of each image, whose gradient explains it."""
        return outputs.gather(1, columns[:, None])[:, 0]

    def settle(self, rated: Tensor) -> Tensor:
        """Return what is decoded of the mean of several networks' `rate`."""
        return rated

    def merge(self, others: Sequence[TargetSpec]) -> Self:
        """Return the task of the mean, given the specs of the other networks.

        They have the same names, maybe in another order, and constants of their own.
        """
        return self

    def with_gallery(
        self, decoded: NDArray[Any], names: Sequence[str], paths: Sequence[str]
    ) -> Task:
        """Return the task that answers with images of a gallery. Raises OptionError otherwise."""
        raise OptionError(
            f"a gallery is searched for what is alike, but the task {self.name} answers with "
            f"{NEEDS[self.kind]}; leave out --gallery"
        )

    @abstractmethod
    def answer(self, decoded: NDArray[Any], top: int) -> Answer:
        """Return the answer for one row of `decode`; `top` is how many classes it lists."""

    def decide(self, options: DecisionOptions, validation: Batches) -> Task:
        """Return the task that decides its answers as the options say.

        Validation images are used where a threshold is to be chosen on them. Raises OptionError
        for a task that has no threshold.
        """
        raise OptionError(
            "a positive class is for two classes, and a threshold for two classes or labels, but "
            f"the model answers with {NEEDS[self.kind]}"
        )

    def calibrate(self, validation: Batches) -> Task:
        """Return the task with the temperature of the least log-loss on validation images.

        It decides as before: what is the most probable stays so, and thresholds move along.
        Without images it is the same task. Raises OptionError for a task without probabilities,
        and where the images determine no temperature.
        """
        raise OptionError(
            f"a temperature calibrates probabilities, but the task {self.name} gives none; leave "
            "out --calibrate"
        )

    def energy(self, outputs: Tensor) -> Tensor:
        """Return how little outputs (N, ...) speak for any of the names: (N,).

        Raises OptionError for a task that does not look for names in whole images, of which none
        may be right.
        """
        raise OptionError(
            "an image can be none of several classes or labels, but the model answers with "
            f"{NEEDS[self.kind]}; leave out --reject and --foreign"
        )

    def members(self, targets: Tensor) -> Tensor:
        """Return whether images are of each name, (N, K), where the task has an `energy`."""
        raise NotImplementedError

    def reject(self, decoded: NDArray[Any], top: int) -> Answer:
        """Return the answer that an image is none of the names, where the task has an `energy`."""
        raise NotImplementedError

    @abstractmethod
    def evaluate(self, batches: Batches, about: About) -> Results:
        """Compare what is decoded with the targets, batch by batch."""
