"""VGG: the layer table of the lecture, its memory, first weights, torchvision."""

from __future__ import annotations

from math import prod

import pytest
import torch
from torch import nn

from striate import zoo
from striate.arithmetic.receptive_field import Axis
from striate.summary import summarize
from striate.zoo.pages import vgg
from tests.zoo.test_zoo import CARDS, on_meta, table, volumes

NETWORKS = [card.name for card in vgg.CARDS]


@pytest.mark.parametrize("network", ["vgg16", "vgg19"])
def test_the_table_of_vgg_is_true(network: str) -> None:
    heads, *rows = table(vgg)
    column = heads.index(network)
    told = {row[0]: (row[2].replace("classes", "1000"), row[column]) for row in rows}
    assert told == volumes(CARDS[network])


#: https://cs231n.github.io/convolutional-networks/#case: volume and weights of each layer of VGG-16
LECTURE = [
    ("CONV3-64", (64, 224, 224), 1_728),
    ("CONV3-64", (64, 224, 224), 36_864),
    ("POOL2", (64, 112, 112), 0),
    ("CONV3-128", (128, 112, 112), 73_728),
    ("CONV3-128", (128, 112, 112), 147_456),
    ("POOL2", (128, 56, 56), 0),
    ("CONV3-256", (256, 56, 56), 294_912),
    ("CONV3-256", (256, 56, 56), 589_824),
    ("CONV3-256", (256, 56, 56), 589_824),
    ("POOL2", (256, 28, 28), 0),
    ("CONV3-512", (512, 28, 28), 1_179_648),
    ("CONV3-512", (512, 28, 28), 2_359_296),
    ("CONV3-512", (512, 28, 28), 2_359_296),
    ("POOL2", (512, 14, 14), 0),
    ("CONV3-512", (512, 14, 14), 2_359_296),
    ("CONV3-512", (512, 14, 14), 2_359_296),
    ("CONV3-512", (512, 14, 14), 2_359_296),
    ("POOL2", (512, 7, 7), 0),
    ("FC", (4096,), 102_760_448),
    ("FC", (4096,), 16_777_216),
    ("FC", (1000,), 4_096_000),
]


def test_the_layers_of_vgg16_are_those_of_the_lecture() -> None:
    network = on_meta("vgg16")
    built: list[tuple[str, tuple[int, ...], int]] = []
    for layer in summarize(network, (3, 224, 224), "vgg16").layers:
        module = network.get_submodule(layer.name)
        kind = {nn.Conv2d: f"CONV3-{layer.output[0]}", nn.MaxPool2d: "POOL2", nn.Linear: "FC"}
        if type(module) in kind:
            weights = layer.params - (layer.output[0] if layer.params else 0)
            built.append((kind[type(module)], layer.output, weights))
    assert built == LECTURE


def test_parameters_of_vgg16_are_the_weights_of_the_lecture_and_a_bias_a_map() -> None:
    weights = sum(count for *_, count in LECTURE)
    biases = sum(volume[0] for _, volume, count in LECTURE if count)
    assert (weights, biases) == (138_344_128, 13_416)
    assert weights + biases == CARDS["vgg16"].params == 138_357_544


def test_the_values_of_vgg16_are_15_million() -> None:
    """The rows of the lecture's table sum to this; the 24M it gives as their total is no sum."""
    values = 3 * 224 * 224 + sum(prod(volume) for _, volume, _ in LECTURE)
    assert 3 * 224 * 224 == 150_528
    assert values == 15_237_608


def test_three_3x3_convolutions_see_7x7_with_fewer_weights() -> None:
    axis = Axis()
    for _ in range(3):
        axis = axis.slide(3, padding=1)
    assert axis.size == 7
    assert 3 * 3 * 3 < 7 * 7

    blocks = vgg.stage(vgg.plain, 2, 4, 3)[:3]
    for parameter in blocks.parameters():
        nn.init.constant_(parameter, 0.1)
    x = torch.rand(1, 2, 15, 15, requires_grad=True)
    blocks(x)[0, 0, 7, 7].backward()
    assert x.grad is not None
    assert x.grad[0, 0].nonzero().unique().tolist() == list(range(4, 11))


@pytest.mark.parametrize("name", NETWORKS)
def test_depths_of_vgg_are_those_the_names_say(name: str) -> None:
    layers = [m for m in on_meta(name).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == int(name.removeprefix("vgg").removesuffix("_bn"))


def test_the_head_averages_nothing_at_the_size_of_the_paper() -> None:
    pool = torch.randn(2, 512, 7, 7)
    average = on_meta("vgg16").get_submodule("head.average")
    assert average(pool).equal(pool)
    assert average(torch.randn(1, 512, 1, 3)).shape == (1, 512, 7, 7)


def test_a_deep_plain_net_neither_explodes_nor_dies_at_the_start() -> None:
    torch.manual_seed(3)
    network = zoo.build("vgg19", classes=10).eval()
    for path, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            said = 0.01 if path == "head.dense3" else (2 / layer.weight[0].numel()) ** 0.5
            assert float(layer.weight.detach().std()) == pytest.approx(said, rel=0.05), path
            assert not layer.bias.any(), path
    logits = network(torch.randn(4, 3, 48, 48))
    assert 0.1 < float(logits.detach().std()) < 2
    logits.sum(dim=0).square().sum().backward()
    first = network.get_parameter("stage1.block1.conv.weight").grad
    assert first is not None
    assert 1e-2 < float(first.std()) < 1e3
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.any(), path


def test_vgg_can_be_exported() -> None:
    torch.manual_seed(4)
    network = zoo.build("vgg11_bn", classes=3).eval()
    x = torch.randn(2, 3, 32, 32)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: batch},))
    other = torch.randn(5, 3, 32, 32)
    assert program.module()(other).allclose(network(other), atol=1e-5)
