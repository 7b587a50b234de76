"""AlexNet and ZFNet: volumes, parameters, order of operations, first weights, torchvision."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from striate import zoo
from striate.layers import meta_init
from striate.zoo.pages import alexnet, zfnet
from tests.zoo import peers
from tests.zoo.test_zoo import CARDS, on_meta, table, volumes

NETWORKS = ("alexnet", "alexnet_2014", "zfnet")


@pytest.mark.parametrize(("network", "column"), [("alexnet", 2), ("alexnet_2014", 4)])
def test_the_table_of_alexnet_is_true(network: str, column: int) -> None:
    _, *rows = table(alexnet)
    told = {row[0]: (row[column], row[column + 1]) for row in rows}
    assert told == volumes(CARDS[network])


def test_the_table_of_zfnet_is_true() -> None:
    _, *rows = table(zfnet)
    told = {row[0]: (row[2].replace("classes", "1000"), row[3]) for row in rows}
    assert told == volumes(CARDS["zfnet"])


def test_the_first_layers_of_alexnet_are_as_in_the_lecture() -> None:
    network = on_meta("alexnet")
    assert network.get_parameter("conv1.conv.weight").numel() == 11 * 11 * 3 * 96 == 34_848
    shapes = volumes(CARDS["alexnet"])
    assert shapes["conv1"][0] == "96x55x55"
    assert shapes["pool1"] == ("96x27x27", "0")


def test_alexnet_halves_its_maps_between_two_gpus_in_three_layers() -> None:
    groups = {
        path: layer.groups
        for path, layer in on_meta("alexnet").named_modules()
        if isinstance(layer, nn.Conv2d)
    }
    assert groups == {f"conv{at}.conv": 2 if at in (2, 4, 5) else 1 for at in range(1, 6)}


def small(name: str) -> nn.Module:
    """The network with weights for its first two stages only."""
    with meta_init():
        network = zoo.build(name)
    for stage in ("conv1", "conv2"):
        network.get_submodule(stage).to_empty(device="cpu")
        peers.shaken(network.get_submodule(stage))
        nn.init.normal_(network.get_parameter(f"{stage}.conv.weight"))
    return network


def normed(x: torch.Tensor) -> torch.Tensor:
    squares = F.pad(x * x, (0, 0, 0, 0, 2, 2))
    total = torch.stack([squares[:, at : at + x.shape[1]] for at in range(5)]).sum(dim=0)
    return x / (2 + 1e-4 * total) ** 0.75


def test_alexnet_rectifies_then_norms_then_pools() -> None:
    network, x = small("alexnet"), 9 * torch.randn(2, 3, 67, 79)
    conv = network.get_submodule("conv1.conv")
    expected = F.max_pool2d(normed(conv(x).relu()), 3, 2)
    y = network.get_submodule("pool1")(network.get_submodule("conv1")(x))
    assert y.allclose(expected, rtol=1e-4)


def test_zfnet_rectifies_then_pools_then_norms() -> None:
    network, x = small("zfnet"), 9 * torch.randn(2, 3, 49, 47)
    conv = network.get_submodule("conv1.conv")
    expected = normed(F.max_pool2d(conv(x).relu(), 3, 2, ceil_mode=True))
    y = network.get_submodule("pool1")(network.get_submodule("conv1")(x))
    assert y.allclose(expected, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_head_averages_nothing_at_the_size_of_the_paper(name: str) -> None:
    pool = torch.randn(2, 256, 6, 6)
    average = on_meta(name).get_submodule("head.average")
    assert volumes(CARDS[name])["pool5"][0] == "256x6x6"
    assert average(pool).equal(pool)
    assert average(torch.randn(1, 256, 3, 8)).shape == (1, 256, 6, 6)


@pytest.mark.parametrize("name", NETWORKS)
def test_half_of_the_hidden_dense_units_are_dropped(name: str) -> None:
    head = on_meta(name).get_submodule("head")
    order = [type(layer).__name__ for layer in head.children()]
    assert order[2:] == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    assert {layer.p for layer in head.children() if isinstance(layer, nn.Dropout)} == {0.5}


@pytest.mark.parametrize("name", ["alexnet", "zfnet"])
def test_first_weights_have_the_variance_of_he(name: str) -> None:
    torch.manual_seed(1)
    network = zoo.build(name, classes=9)
    for path, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            said = 0.01 if path == "head.dense3" else (2 / layer.weight[0].numel()) ** 0.5
            assert float(layer.weight.detach().std()) == pytest.approx(said, rel=0.03), path
            assert not layer.bias.any(), path


@pytest.mark.parametrize("name", ["alexnet", "zfnet"])
def test_every_weight_learns_and_the_network_can_be_exported(name: str) -> None:
    torch.manual_seed(2)
    network, side = zoo.build(name, classes=3), CARDS[name].smallest
    x = torch.randn(2, 3, side, side)
    network(x).square().sum().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.any(), path
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(network.eval(), (x,), dynamic_shapes=({0: batch},))
    other = torch.randn(3, 3, side, side)
    assert program.module()(other).allclose(network(other), atol=1e-5)
