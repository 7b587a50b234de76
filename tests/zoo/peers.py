"""torchvision and timm as references, with the same random weights in both networks."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

_DEFINITIONS = torch.library.Library("torchvision", "FRAGMENT")  # it defines while it lives
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def torchvision() -> ModuleType:
    """torchvision, also where its binary part does not fit this torch: networks do not need it."""
    try:
        import torchvision as peer
    except ModuleNotFoundError:
        pytest.skip("torchvision is not installed")
    except RuntimeError:
        for name in ("nms", "qnms"):
            _DEFINITIONS.define(name + _SIGNATURE)
        import torchvision as peer
    return peer


@cache
def timm() -> ModuleType:
    torchvision()
    return pytest.importorskip("timm", reason="timm is not installed")


def shaken(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network in evaluation mode with other weights and other running statistics."""
    torch.manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif name.endswith("bias"):
            tensor.normal_(0, 0.05)
        elif tensor.ndim == 1 and tensor.is_floating_point():
            tensor.uniform_(0.8, 1.2)
    return network.eval()


def awake(network: nn.Module) -> nn.Module:
    """The network with norms that have seen images and pass on large numbers.

    So what goes in decides what comes out, and activations reach 6: else a wrong layer would hide.
    """
    shaken(network)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train().momentum = 0.9
        norm.weight.data.uniform_(2, 4)
    with torch.no_grad():
        network(torch.randn(4, 3, 96, 96))
        for norm in norms:
            norm.get_buffer("num_batches_tracked").zero_()
        one, two = network.eval()(torch.randn(2, 3, 96, 96))
    assert float((one - two).abs().max()) > 0.01 * float(one.abs().max())
    return network


def in_their_order(ours: nn.Module, theirs: nn.Module) -> None:
    """Copy weights: the n-th tensor of ours is the n-th of theirs."""
    source = theirs.state_dict()
    target = ours.state_dict()
    shapes = [[tuple(tensor.shape) for tensor in state.values()] for state in (target, source)]
    assert shapes[0] == shapes[1]
    ours.load_state_dict(dict(zip(target, source.values(), strict=True)))


def assert_same_function(ours: nn.Module, theirs: nn.Module, image: Tensor) -> None:
    """Both give the same answers to 1e-5, and to 1e-5 of the largest."""
    with torch.inference_mode():
        one, two = ours.eval()(image), theirs.eval()(image)
    scale = float(two.abs().max())
    assert float((one - two).abs().max()) < 1e-5 * scale
