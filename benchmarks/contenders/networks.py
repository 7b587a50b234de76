"""LeNet-5 (LeCun et al. 1998, modern form), ResNet-20 (He et al. 2015, 4.2), plain PyTorch.

ResNet-18 is torchvision's, EfficientNet-Lite0 timm's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from contender import Task
from torch import Tensor, nn


def lenet5(channels: int = 1, classes: int = 10) -> nn.Sequential:
    """(N, channels, 32, 32) -> logits (N, classes); 61,706 parameters."""
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, classes),
    )


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut that subsamples and pads with zeros (option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        if self.added:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return F.relu(y + x)


def resnet20(channels: int = 3, classes: int = 10) -> nn.Sequential:
    """(N, channels, 32, 32) -> logits (N, classes); 269,722 parameters."""
    blocks: list[nn.Module] = []
    inputs = 16
    for width in (16, 32, 64):
        for index in range(3):
            stride = 2 if width > 16 and index == 0 else 1
            blocks.append(Block(inputs, width, stride))
            inputs = width
    network = nn.Sequential(
        nn.Conv2d(channels, 16, 3, 1, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
    return network


def resnet18(classes: int = 10) -> nn.Module:
    """(N, 3, 224, 224) -> logits (N, classes); 11,181,642 parameters."""
    from torchvision.models import resnet18 as build

    return build(num_classes=classes)


class Frozen(nn.Module):
    """A body that stays in evaluation mode and is not trained, and a last layer that is."""

    def __init__(self, body: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.body = body.eval().requires_grad_(requires_grad=False)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.body(x)
        return self.head(features)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002
        super().train(mode)
        self.body.eval()
        return self


def frozen(name: str, weights: Path, classes: int) -> Frozen:
    """The network with weights of a file, without the last layer that is in it."""
    if name == "resnet18":
        body, width, last = resnet18(), 512, "fc."
        body.fc = nn.Identity()
    else:
        import timm

        body, width, last = timm.create_model(f"tf_{name}", num_classes=0), 1280, "classifier."
    body.load_state_dict(without(last, weights))
    return Frozen(body, width, classes)


def without(last: str, weights: Path) -> Mapping[str, Tensor]:
    """The tensors in a file, but those whose names begin so."""
    from safetensors.torch import load_file

    return {key: value for key, value in load_file(weights).items() if not key.startswith(last)}


def build(task: Task) -> nn.Module:
    if task.weights:
        return frozen(task.network, task.weights, task.classes)
    return {"lenet5": lenet5, "resnet20": resnet20, "resnet18": resnet18}[task.network]()


def count(network: nn.Module) -> int:
    """Parameters that are trained."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
