"""Colorization: which colors a gray picture may have had."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from torch import Tensor

from striate.errors import OptionError
from striate.options import StepOptions
from striate.options.base import option
from striate.tasks.pictures.baselines import tints
from striate.tasks.pictures.color import (
    annealed_mean,
    count_colors,
    cross_entropy,
    to_chroma,
    to_luminance,
    to_rgb,
)
from striate.tasks.pictures.metrics import Words
from striate.tasks.pictures.task import PictureParams, PictureTask

#: about the std of chroma in photographs: outputs of about 1 are learned best
_SPREAD = 0.1


class ColorizationParams(PictureParams):
    """Settings of colorization, as in `--task-params bins=12`."""

    bins: int | None = option(
        None, "Values of each chroma channel that are told apart, as classes", ge=3, le=32
    )
    temperature: float = option(
        0.38, "With bins: 1 answers the mean of the colors, less the probable ones", gt=0, le=1
    )


@dataclass(frozen=True)
class Colorization(PictureTask):
    """A gray picture is answered in color.

    The network is given the luminance and answers with the two chroma channels, as numbers; what
    is answered keeps the luminance. Of colors that might be right the mean has the least error,
    which is pale: Zhang, Isola, Efros 2016, https://arxiv.org/abs/1603.08511, section 2. With
    `bins` it answers how probable each of a grid of colors is.
    """

    params: ColorizationParams = field(default_factory=ColorizationParams)

    name: ClassVar[str] = "colorization"
    sharp: ClassVar[bool] = False
    Params: ClassVar[type[ColorizationParams]] = ColorizationParams

    @property
    def bins(self) -> int:
        """Values of each chroma channel that are told apart; 0: chroma is a number."""
        return int(self.constant("bins", 0))

    @property
    def words(self) -> Words:
        """How it is spoken of, and what answers without a network."""
        return Words("the gray picture", tints(), "colors from gray")

    @property
    def outputs(self) -> int:
        """Channels of the network's output: blue and red chroma, or a logit for each color."""
        return count_colors(self.bins) if self.bins else 2

    def default_network(self, side: int, channels: int) -> str:
        """Return a U-Net of a quarter of its width, which sees what a thing is."""
        return "unet(width=16)"

    def configure(self, options: StepOptions) -> Self:
        """Return the task with the settings of the options. Raises OptionError for two losses."""
        task = super().configure(options)
        bins, temperature = task.params.bins, task.params.temperature
        if bins is None:
            return task
        if task.params.loss != "squared":
            raise OptionError(
                f"loss={task.params.loss} is of numbers, but bins={bins} learns classes; leave out "
                "one of them"
            )
        return task.with_constants(bins=bins, temperature=temperature)

    def takes(self, output: str) -> bool:
        """Return whether networks give as many channels as are asked for."""
        return output == "map"

    def input_channels(self, channels: int) -> int:
        """Return 1, the luminance."""
        return 1

    def seeing(self, channels: int) -> Self:
        """Return the same task. Raises OptionError for gray images."""
        if channels != 3:
            raise OptionError(
                "colors are learned from images in color, but these are gray; give others, or "
                "leave out --color gray"
            )
        return super().seeing(channels)

    def prepare(self, images: Tensor) -> Tensor:
        """Return the luminance of images."""
        return to_luminance(images)

    def make_pairs(self, images: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return the luminance of images, and images."""
        truth = images.clamp(0, 1)
        return to_luminance(truth), truth

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error of chroma, or the cross-entropy of its colors."""
        if not self.bins:
            return super().loss(outputs, targets)
        return cross_entropy(outputs, to_chroma(targets), self.bins)

    def aim(self, targets: Tensor) -> Tensor:
        """Return the chroma of pictures, in units of its usual spread."""
        return to_chroma(targets) / _SPREAD

    def complete(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return pictures of the chroma that is answered and the luminance that was given."""
        return self.join(outputs, to_luminance(targets))

    def join(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        """Return pictures of chroma and luminance."""
        if not self.bins:
            return to_rgb(inputs, _SPREAD * outputs)
        temperature = self.constant("temperature", self.params.temperature)
        return to_rgb(inputs, annealed_mean(outputs, self.bins, temperature))
