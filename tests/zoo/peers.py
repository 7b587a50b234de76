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


def in_their_order(ours: nn.Module, theirs: nn.Module) -> None:
    """Copy weights: the n-th tensor of ours is the n-th of theirs."""
    source = theirs.state_dict()
    target = ours.state_dict()
    shapes = [[tuple(tensor.shape) for tensor in state.values()] for state in (target, source)]
    assert shapes[0] == shapes[1]
    ours.load_state_dict(dict(zip(target, source.values(), strict=True)))


def assert_same_function(ours: nn.Module, theirs: nn.Module, picture: Tensor) -> None:
    """Both give the same answers to 1e-5 of the largest."""
    with torch.inference_mode():
        one, two = ours.eval()(picture), theirs.eval()(picture)
    scale = max(1.0, float(two.abs().max()))
    assert float(two.std()) > 1e-4
    assert float((one - two).abs().max()) < 1e-5 * scale
