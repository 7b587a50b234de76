"""A small generator with its discriminator, and images for them."""

from __future__ import annotations

import torch
from torch import Tensor

from striate import zoo
from striate.layers import Adversarial


def build_pair(classes: int) -> Adversarial:
    built = zoo.build("dcgan", channels=1, classes=classes, size=32, width=4)
    assert isinstance(built, Adversarial)
    return built


def images(count: int) -> Tensor:
    """(count, 1, 32, 32) from -1 to 1."""
    return torch.rand(count, 1, 32, 32) * 2 - 1
