"""DenseNet: its volumes, the same function as torchvision's, and what a layer keeps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate import zoo
from striate.zoo.pages import densenet
from tests.zoo import pages
from tests.zoo.test_zoo import empty, on_meta

DEPTHS = ("121", "169", "201", "161")


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_table_of_the_page_is_true(depth: str) -> None:
    pages.assert_table(densenet, depth, f"densenet{depth}")


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_depth_is_that_of_the_name(depth: str) -> None:
    layers = [
        m for m in on_meta(f"densenet{depth}").modules() if isinstance(m, nn.Conv2d | nn.Linear)
    ]
    assert len(layers) == int(depth)


def test_a_layer_keeps_what_it_reads_and_adds_its_own_behind() -> None:
    x, layer = torch.randn(2, 3, 4, 5), nn.Conv2d(3, 2, 1)
    grown = densenet.Grown(layer)(x)
    assert grown[:, :3].equal(x)
    assert grown[:, 3:].equal(layer(x))


def test_the_gradients_of_a_layer_are_right() -> None:
    torch.manual_seed(1)
    layer = densenet.Grown(densenet.norm_conv(3, 2, 3)).double()
    assert torch.autograd.gradcheck(layer, torch.randn(2, 3, 4, 4).double().requires_grad_())


def test_a_block_reads_all_layers_before() -> None:
    block = densenet.dense_block(5, growth=3, depth=4)
    reads = [layer.get_submodule("layer.down.conv").in_channels for layer in block]
    assert reads == [5, 8, 11, 14]
    assert {layer.get_submodule("layer.new.conv").in_channels for layer in block} == {12}


def test_first_weights_have_the_variance_of_he() -> None:
    torch.manual_seed(0)
    pages.assert_first_weights(zoo.build("densenet121"), "in")


def test_every_weight_learns() -> None:
    pages.assert_every_weight_learns("densenet121", 40)


def test_it_can_be_exported() -> None:
    pages.assert_exports("densenet121", 40)


def test_a_growth_of_48_is_half_as_wide_again() -> None:
    narrow, wide = (on_meta(f"densenet{depth}")[0](empty(1, 3, 32, 32)) for depth in (121, 161))
    assert (narrow.shape[1], wide.shape[1]) == (64, 96)
