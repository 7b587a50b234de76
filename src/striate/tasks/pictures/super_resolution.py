"""Super-resolution: what a small picture was before it was shrunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from torch import Tensor
from torch.nn import functional as F

from striate.errors import OptionError
from striate.options import StepOptions
from striate.options.base import option
from striate.tasks.pictures.baselines import enlargements
from striate.tasks.pictures.metrics import Words
from striate.tasks.pictures.task import PictureParams, PictureTask


class SuperResolutionParams(PictureParams):
    """Settings of super-resolution, as in `--task-params "scale=4,crop_size=96"`."""

    scale: int = option(2, "How many times a picture is enlarged, 2 or 4", ge=2, le=4)


@dataclass(frozen=True)
class SuperResolution(PictureTask):
    """A picture is answered with one 2 or 4 times as large.

    It is learned from images and what remains of them when they are shrunk bicubically, with
    antialiasing, and rounded to 8 bits.
    """

    params: SuperResolutionParams = field(default_factory=SuperResolutionParams)

    name: ClassVar[str] = "super_resolution"
    Params: ClassVar[type[SuperResolutionParams]] = SuperResolutionParams

    @property
    def scale(self) -> int:
        """Side of an image, in sides of what networks are given of it."""
        return int(self.constant("scale", self.params.scale))

    @property
    def words(self) -> Words:
        """How it is spoken of, and what answers without a network."""
        return Words("the small picture", enlargements(self.scale), f"enlarged {self.scale} times")

    def default_network(self, side: int, channels: int) -> str:
        """Return a small EDSR: a twentieth of the work of the paper's baseline."""
        return f"edsr(scale={self.scale},width=32,blocks=4)"

    def takes(self, output: str) -> bool:
        """Return whether networks give an image, which may be larger than their input."""
        return output == "image"

    def configure(self, options: StepOptions) -> Self:
        """Return the task with the settings of the options. Raises OptionError for odd windows."""
        task = super().configure(options)
        scale, crop = task.params.scale, task.params.crop_size
        if scale == 3:
            raise OptionError("scale must be 2 or 4, but 3 came")
        if crop and crop % scale:
            raise OptionError(
                f"crop_size must be a multiple of scale, {scale}, but {crop} came; give "
                f"{crop // scale * scale}"
            )
        return task.with_constants(scale=scale)

    def make_pairs(self, images: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return images shrunk by the scale, and images, cut to a multiple of it."""
        high, wide = (side // self.scale for side in images.shape[2:])
        truth = images[:, :, : high * self.scale, : wide * self.scale].clamp(0, 1)
        small = F.interpolate(
            truth, (high, wide), mode="bicubic", antialias=True, align_corners=False
        )
        return small.clamp(0, 1).mul(255).round().div(255), truth
