"""What a task is: the one interface through which training, evaluation and prediction see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.metrics.estimates import Floats
from striate.tasks.answers import Batches
from striate.tasks.figures import Figure
from striate.tasks.learning import Learning, Loss, Sums, Update
from striate.tasks.results import About, Results
from striate.tasks.temperature import read_temperature

__all__ = ["Batches", "Comparing", "Legend", "Loss", "MadeImages", "Sums", "Task", "Update"]

#: names with their swatches, (H, W, 3)
Legend = tuple[tuple[str, NDArray[np.uint8]], ...]


class MadeImages(NamedTuple):
    """Images that a task made."""

    pixels: NDArray[np.uint8]  #: (N, H, W, C)
    labels: NDArray[np.int64]  #: (N,): which name each is of; 0 without names


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
class Task(Learning, ABC):
    """A kind of question asked of images; subclasses are frozen dataclasses.

    What is not abstract has a default.
    """

    one_class: ClassVar[bool] = False  #: whether it decodes probabilities, of which one is true
    rated: ClassVar[str] = "probability"  #: what `rate` gives

    @property
    def temperature(self) -> float:
        """What logits are divided by where the task decodes probabilities."""
        return read_temperature(self.spec.constants)

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
    def decode(self, outputs: Any) -> Tensor:
        """Return what the answers are made of, a row an image: probabilities, numbers, classes."""

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
            f"{self.gives}; leave out --reject and --foreign"
        )

    def members(self, targets: Tensor) -> Tensor:
        """Return whether images are of each name, (N, K), where the task has an `energy`."""
        raise NotImplementedError

    def generate(
        self, network: nn.Module, count: int, seed: int, class_name: str | None = None
    ) -> Iterator[MadeImages]:
        """Yield blocks of new images, those of a seed whatever the count.

        They are of the class that is named, or of all in turn. Raises OptionError for a task that
        makes none, or no such class.
        """
        raise OptionError(
            f"the model answers with {self.gives} and makes no images; train one with --task "
            "generation"
        )

    @abstractmethod
    def evaluate(self, batches: Batches, about: About) -> Results:
        """Compare what is decoded with the targets, batch by batch."""
