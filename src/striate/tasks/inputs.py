"""What a task shows its network of an image: the image itself, unless the task says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from torch import Tensor, nn

from striate.options import Fit


class Inputs:
    """The part of a task between images and network; all of it has a default.

    A task that is `self_supervised` makes inputs and targets out of the images. Networks may be
    given fewer channels or a smaller side than images have: gray for color, a small picture for one
    to be enlarged.
    """

    self_supervised: ClassVar[bool] = False  #: whether `make_pairs` makes its inputs and targets
    #: mean and std of the pixels, 0 to 1, that networks are given; None: of the training images
    normalization: ClassVar[tuple[float, float] | None] = None
    #: how images are made square, if nothing is asked; None: as for the first weights, or letterbox
    default_fit: ClassVar[Fit | None] = None

    @property
    def crop_size(self) -> int | None:
        """Side in pixels of the windows of images that are trained on; None: whole images."""
        return None

    @property
    def scale(self) -> int:
        """Side of an image, in sides of what networks are given of it: 2 if half as large."""
        return 1

    def input_channels(self, channels: int) -> int:
        """Return the channels of what networks are given of images with so many channels."""
        return channels

    def seeing(self, channels: int) -> Self:
        """Return the task for images with so many channels."""
        return self

    def measured(self, network: nn.Module, shape: Sequence[int]) -> Self:
        """Return the task with what it tells of a network of images, whose input is (C, H, W)."""
        return self

    def code_stage(self, stages: Sequence[str]) -> str | None:
        """Return which of a network's stages gives features; None: the last before the head."""
        return None

    def prepare(self, images: Tensor) -> Tensor:
        """Return what the network is given of normalized images (N, C, H, W) that it answers."""
        return images

    def make_pairs(self, images: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and targets (N, ...) made of normalized images (N, C, H, W).

        Called for training images, which are augmented, and those of an evaluation, if it is
        `self_supervised`. What is random depends on the `keys` (N,) int64 of the images only.
        """
        raise NotImplementedError

    def join(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        """Return what is decoded: outputs, with what the answer keeps of the inputs."""
        return outputs
