"""Denoising: what a picture was before noise was added to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from torch import Tensor

from striate.data.augment.keys import draw_normal
from striate.options import StepOptions
from striate.options.base import option
from striate.tasks.pictures.baselines import smoothings
from striate.tasks.pictures.metrics import Words
from striate.tasks.pictures.task import PictureParams, PictureTask


class DenoisingParams(PictureParams):
    """Settings of denoising, as in `--task-params std=15`."""

    std: float = option(25.0, "Standard deviation of the noise", "gray levels", gt=0, le=255)


@dataclass(frozen=True)
class Denoising(PictureTask):
    """A noisy picture is answered with the clean one.

    The noise is normal, independent for each pixel and channel, of one std; as in a file, the noisy
    picture is rounded to 8 bits, and cut off at black and white.
    """

    params: DenoisingParams = field(default_factory=DenoisingParams)

    name: ClassVar[str] = "denoising"
    Params: ClassVar[type[DenoisingParams]] = DenoisingParams

    @property
    def std(self) -> float:
        """Standard deviation of the noise, in gray levels."""
        return self.constant("std", self.params.std)

    @property
    def words(self) -> Words:
        """How it is spoken of, and what answers without a network."""
        return Words("the noisy picture", smoothings(self.std), f"noise of std {self.std:g}")

    def default_network(self, side: int, channels: int) -> str:
        """Return a small DnCNN: an eighth of the work of the paper's."""
        return "dncnn(width=32,depth=8)"

    def configure(self, options: StepOptions) -> Self:
        """Return the task with the settings of the options."""
        task = super().configure(options)
        return task.with_constants(std=task.params.std)

    def make_pairs(self, images: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return noisy and clean images; the noise of an image depends on its key only."""
        truth = images.clamp(0, 1)
        noisy = truth + self.std / 255 * draw_normal(keys, images)
        return noisy.clamp(0, 1).mul(255).round().div(255), truth
