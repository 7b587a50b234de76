"""Layers are found by name, and watched without changing what a network computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from striate import zoo
from striate.errors import OptionError
from striate.look.layers import find_layer, layer_names, watch_layers


class Pair(NamedTuple):
    one: Tensor
    two: Tensor


class Odd(nn.Module):
    """A shared layer, an operation in place, and several outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.both = Both()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu_()
        x = self.conv(x).relu_()
        found = self.both(x)
        return found.one + found.two


class Both(nn.Module):
    def forward(self, x: Tensor) -> Pair:
        return Pair(x + 1, x * 2)


def hooks(network: nn.Module) -> int:
    every = network.modules()
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks) for one in every)


def raising(error: type[BaseException]) -> Callable[..., None]:
    def hook(*_: object) -> None:
        raise error

    return hook


def test_a_watched_network_computes_the_same():
    network, image = zoo.build("resnet20").eval(), torch.randn(2, 3, 32, 32)
    plain = network(image)
    with watch_layers(network, layer_names(network)):
        assert torch.equal(network(image), plain)


def test_an_operation_in_place_behind_a_layer_does_not_change_its_output():
    network, image = Odd(), torch.randn(1, 3, 8, 8)
    with watch_layers(network, ["conv"]) as watched:
        network(image)
        first, second = watched["conv"]
        assert torch.equal(first, network.conv(image))
        assert first.min() < 0
        assert torch.equal(second, network.conv(first.relu()))


def test_several_outputs_are_all_there():
    network = Odd()
    with watch_layers(network, ["both", "conv"]) as watched:
        network(torch.randn(1, 3, 8, 8))
        one, two = watched["both"]
        assert torch.allclose((one - 1) * 2, two, atol=1e-6)
        assert list(watched) == ["conv", "both"]


def test_gradients_reach_what_is_watched():
    network, image = zoo.build("resnet20").eval(), torch.randn(1, 3, 32, 32)
    name = layer_names(network)[-3]
    with watch_layers(network, [name]) as watched:
        score = network(image)[0, 0]
        (gradient,) = torch.autograd.grad(score, watched[name])
        assert gradient.shape == watched[name][0].shape
        assert gradient.abs().sum() > 0


def test_each_pass_is_watched_anew():
    network = Odd()
    with watch_layers(network, ["conv"]) as watched:
        network(torch.zeros(1, 3, 8, 8))
        network(torch.zeros(4, 3, 8, 8))
        assert [len(each) for each in watched["conv"]] == [4, 4]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_hooks_are_removed_after_an_error(error: type[BaseException]):
    network = Odd()
    failing = network.both.register_forward_hook(raising(error))
    with pytest.raises(error), watch_layers(network, ["conv"]) as watched:
        network(torch.zeros(1, 3, 8, 8))
    failing.remove()
    assert hooks(network) == 0
    assert watched == {}


def test_hooks_are_removed_if_a_name_is_unknown():
    network = Odd()
    with pytest.raises(OptionError), watch_layers(network, ["conv", "cons"]):
        pass
    assert hooks(network) == 0


def test_an_unknown_layer_is_answered_with_the_nearest_names():
    network = zoo.build("resnet20")
    with pytest.raises(OptionError, match=r"no layer is called 'stage1\.conv'; did you mean"):
        find_layer(network, "stage1.conv")
    with pytest.raises(OptionError, match="no layer is called ''"):
        find_layer(network, "")
