"""Image to image: what is asked is shown by pairs of pictures, an input and its target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.plan import Plan, apply_plan
from striate.data.augment.ranges import AugmentRanges
from striate.tasks.pictures.answer import to_bytes
from striate.tasks.pictures.baselines import corrections
from striate.tasks.pictures.metrics import Words
from striate.tasks.pictures.task import PictureTask
from striate.tasks.task import Sums

#: augmentation ranges that would change an input but not its target
_UNLIKE = ("brightness", "contrast", "saturation", "hue", "erase")


@dataclass(frozen=True)
class ImageToImage(PictureTask):
    """An image is answered with another of its size, as in pairs of folders: a restored one.

    Targets are bytes (N, H, W, C) as they are decoded, or augmented pictures (N, C, H, W).
    """

    name: ClassVar[str] = "image_to_image"
    kind: ClassVar[str] = "pair"
    self_supervised: ClassVar[bool] = False

    @property
    def words(self) -> Words:
        """How it is spoken of, and what answers without a network."""
        return Words("the input", corrections(), "targets from inputs")

    def default_network(self, side: int, channels: int) -> str:
        """Return a small DnCNN, which answers with what is to be taken off its input."""
        return "dncnn(width=32,depth=8)"

    def ranges(self, asked: AugmentRanges) -> AugmentRanges:
        """Return the ranges without those that resample, or change the input alone."""
        return replace(super().ranges(asked), **dict.fromkeys(_UNLIKE, 0.0))

    def note(self, asked: AugmentRanges) -> str:
        """Say what is left out, where it was asked for."""
        if self.ranges(asked) == asked:
            return ""
        return (
            "pairs are mirrored but not turned, shifted or scaled, which would blur targets, nor "
            "changed in light or color, which would be another input"
        )

    def augment(self, targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        """Return targets mirrored, and cut to windows, as their inputs."""
        return apply_plan(_pictures(targets), plan)

    def aim(self, targets: Tensor) -> Tensor:
        """Return what outputs should be."""
        return _pictures(targets)

    def count(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Return the sum of the images' PSNR in dB (1,)."""
        return super().count(outputs, _pictures(targets))

    def draw(self, pixels: NDArray[np.uint8], target: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the target (H, W, 3), as bytes (H, W, C) or augmented (C, H, W)."""
        shown = target if target.dtype == np.uint8 else to_bytes(target)
        return np.broadcast_to(shown, (*shown.shape[:2], 3))


def _pictures(targets: Tensor) -> Tensor:
    """Return targets as pictures (N, C, H, W) from 0 to 1."""
    if targets.is_floating_point():
        return targets
    return targets.permute(0, 3, 1, 2).float().div(255)
