"""A network with its norms folded answers as before, with fewer layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import striate
from striate.layers.fast_cpu import use_fast_cpu_layers
from striate.layers.fold_norms import fold_norms


def norms(network: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def unsettled(network: nn.Module) -> nn.Module:
    """The network with norms as after a training."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.3, 0.3)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.3, 0.3)
    return network.eval()


@pytest.mark.parametrize("name", ["resnet20", "efficientnet_lite0", "mobilenet_v2"])
def test_a_folded_network_has_no_norm_and_answers_as_before(name: str):
    network = unsettled(striate.build(name, classes=5))
    use_fast_cpu_layers(network)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = network(images)
        folded = fold_norms(network)
        assert torch.allclose(folded(images), expected, rtol=1e-5, atol=1e-5 * expected.abs().max())
    assert norms(folded) == 0
    assert norms(network) > 0


def test_what_does_not_follow_a_convolution_directly_stays():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
    )
    network[3].register_forward_hook(lambda module, came, gone: gone + 1)
    folded = fold_norms(unsettled(network))
    images = torch.randn(2, 3, 8, 8)
    assert norms(folded) == 2
    assert torch.equal(folded(images), network(images))
