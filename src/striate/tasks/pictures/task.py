"""What tasks whose answer is a picture share: loss, PSNR, decoding and results."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.ranges import AugmentRanges
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.metrics.pictures import ROUNDED
from striate.options import Fit, StepOptions, TrainOptions
from striate.options.base import option
from striate.options.task_params import TaskParams
from striate.tasks.figures import Figure
from striate.tasks.pictures.answer import PictureAnswers
from striate.tasks.pictures.metrics import PSNR, Words
from striate.tasks.pictures.results import PictureResults, make_results
from striate.tasks.results import About
from striate.tasks.task import Batches, Loss, Sums, Task

#: augmentation ranges that put pixels between pixels
_RESAMPLING = ("rotate", "translate", "scale", "shear", "aspect", "crop")
_NO_CLASSES = "nothing but pictures is learned from"


class PictureParams(TaskParams):
    """Settings of every task whose answer is a picture."""

    loss: Literal["squared", "absolute"] = option("squared", "Loss of a pixel while training")
    crop_size: int | None = option(
        None, "Side of the random windows of images that are trained on", "pixels", ge=8, le=4096
    )


@dataclass(frozen=True)
class PictureTask(PictureAnswers, Task):
    """A picture is answered; what it is made of and should be is made of the images themselves.

    Pixels of inputs, outputs (N, C, H, W) and targets are from 0 to 1. The spec's constants hold
    the settings that belong to the model, and "channels", those of its images.
    """

    params: PictureParams = field(default_factory=PictureParams)

    self_supervised: ClassVar[bool] = True
    normalization: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    default_fit: ClassVar[Fit | None] = "crop"  # a letterbox would be answered right, and flatter
    sharp: ClassVar[bool] = True  #: whether resampled images would teach it to blur
    rated: ClassVar[str] = "brightness"
    refusals: ClassVar[Mapping[str, str]] = {
        **Task.refusals,
        "balance=weights": _NO_CLASSES,
        "balance=sampling": _NO_CLASSES,
        "label_smoothing": _NO_CLASSES,
    }
    Params: ClassVar[type[PictureParams]] = PictureParams

    @property
    @abstractmethod
    def words(self) -> Words:
        """How it is spoken of, and what answers without a network."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The PSNR."""
        return (PSNR,)

    @property
    def crop_size(self) -> int | None:
        """Side in pixels of the windows of images that are trained on; None: whole images."""
        return self.params.crop_size

    @property
    def outputs(self) -> int:
        """Channels of the network's output: those of the images."""
        return int(self.constant("channels", 3))

    def with_constants(self, **constants: float) -> Self:
        """Return the task with settings that belong to the model."""
        known = {**self.spec.constants, **{name: (value,) for name, value in constants.items()}}
        return replace(self, spec=replace(self.spec, constants=known))

    def takes(self, output: str) -> bool:
        """Return whether networks give a picture: an image, or a map with its channels."""
        return output in ("image", "map")

    def configure(self, options: StepOptions) -> Self:
        """Return the task with the settings given. Raises OptionError for frozen stages."""
        if options.freeze not in (None, "none"):
            raise OptionError(
                f"the task {self.name} has no use for --freeze {options.freeze}: what stages are "
                "given is made anew in every epoch; leave it out"
            )
        return replace(self, params=self.Params.parse(options.task_params, self.name))

    def ranges(self, asked: AugmentRanges) -> AugmentRanges:
        """Return the ranges without those that resample, if what is answered must be sharp."""
        return replace(asked, **dict.fromkeys(_RESAMPLING, 0.0)) if self.sharp else asked

    def note(self, asked: AugmentRanges) -> str:
        """Say that images are not resampled, where that was asked for."""
        if self.ranges(asked) == asked:
            return ""
        return (
            "images are mirrored but not turned, shifted or scaled: that would blur what is to be "
            "answered"
        )

    def seeing(self, channels: int) -> Self:
        """Return the task for images with so many channels."""
        return self.with_constants(channels=channels)

    def complete(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the picture of outputs; the targets hold what the network was given."""
        return outputs

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error of the pixels."""
        return (outputs - self.aim(targets)).square().mean()

    def aim(self, targets: Tensor) -> Tensor:
        """Return what outputs should be, given the pictures that should be answered."""
        return targets

    def training_loss(self, targets: Tensor, options: TrainOptions) -> Loss:
        """Return the loss that the settings ask for."""
        return self.loss if self.params.loss == "squared" else self._absolute

    def _absolute(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - self.aim(targets)).abs().mean()

    def loss_terms(self, options: TrainOptions) -> tuple[str, ...]:
        """Say that absolute errors are minimized."""
        return () if self.params.loss == "squared" else ("absolute errors",)

    def count(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Return the sum of the images' PSNR in dB (1,), each at most that of rounding."""
        apart = self.complete(outputs, targets).clamp(0, 1) - targets
        error = apart.square().flatten(1).mean(dim=1).double()
        return {"psnr": (-10 * error.log10()).clamp_max(ROUNDED).sum(dim=0, keepdim=True)}

    def zero_sums(self) -> Sums:
        """Return the sums of no image."""
        return {"psnr": torch.zeros(1, dtype=torch.float64)}

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return the mean PSNR."""
        return {PSNR.name: float(sums["psnr"][0]) / images}

    def decode(self, outputs: Tensor) -> Tensor:
        """Return pictures (N, C, H, W) from 0 to 1; NaN where outputs are not finite."""
        return outputs.float().clamp(0, 1)

    def explained(self, outputs: Tensor, columns: Tensor) -> Tensor:
        """Return the sum (N,) of a channel of the picture."""
        return outputs[torch.arange(len(outputs)), columns].sum(dim=(1, 2))

    def merge(self, others: Sequence[TargetSpec]) -> Self:
        """Return the same task. Raises OptionError for models with other settings."""
        mine = dict(self.spec.constants)
        for other in others:
            if dict(other.constants) != mine:
                raise OptionError(
                    f"models of {self.name} with other settings cannot be averaged: "
                    f"{_shown(mine)} and {_shown(other.constants)}"
                )
        return self

    def evaluate(self, batches: Batches, about: About) -> PictureResults:
        """Compare answers with what they should be, and with the best baseline."""
        return make_results(batches, self.words, about)


def _shown(constants: Mapping[str, tuple[float, ...]]) -> str:
    return ", ".join(f"{name} {values[0]:.6g}" for name, values in sorted(constants.items()))
