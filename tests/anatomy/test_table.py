"""The layers of a network with their volumes and parameters, and pictures that do not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from striate import zoo
from striate.anatomy import Anatomy, dissect
from striate.errors import OptionError
from striate.layers import chain
from striate.zoo import CARDS


def described(name: str, picture: tuple[int, int, int] | None = None, **sizes: int) -> Anatomy:
    with torch.device("meta"):
        network = zoo.build(name, **sizes)
    return dissect(network, picture or CARDS[name].input, name)


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return build()


LENET = [
    ["layer", "kind", "output", "parameters"],
    ["c1.conv", "Conv2d", "6x28x28", "156"],
    ["c1.tanh", "Tanh", "6x28x28", "-"],
    ["s2", "AvgPool2d", "6x14x14", "-"],
    ["c3.conv", "Conv2d", "16x10x10", "2,416"],
    ["c3.tanh", "Tanh", "16x10x10", "-"],
    ["s4", "AvgPool2d", "16x5x5", "-"],
    ["c5.conv", "Conv2d", "120x1x1", "48,120"],
    ["c5.tanh", "Tanh", "120x1x1", "-"],
    ["c5.flatten", "Flatten", "120", "-"],
    ["f6.dense", "Linear", "84", "10,164"],
    ["f6.tanh", "Tanh", "84", "-"],
    ["head", "Linear", "10", "850"],
]


def test_a_network_is_told_layer_by_layer() -> None:
    anatomy = described("lenet5")
    title, _, *lines = str(anatomy).splitlines()
    assert title == "lenet5: 61,706 parameters, input 1x32x32"
    assert [line.split() for line in lines if set(line) != {"-"}] == LENET
    assert len({len(line) for line in lines if set(line) != {"-"}}) == 1
    assert repr(anatomy) == str(anatomy)


@pytest.mark.parametrize("name", CARDS)
def test_the_parameters_of_the_layers_are_those_of_the_network(name: str) -> None:
    anatomy = described(name)
    assert anatomy.params == sum(layer.params for layer in anatomy.layers) == CARDS[name].params
    if CARDS[name].gives == "logits":
        assert anatomy.layers[-1].output == (CARDS[name].classes,)


def test_layers_stand_in_the_order_they_run_and_not_as_they_were_made() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.first = nn.Conv2d(4, 2, 1), nn.Conv2d(3, 4, 5, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.first(x))

    anatomy = dissect(on_meta(Backwards), (3, 9, 7), "backwards")
    assert [(layer.name, layer.output) for layer in anatomy.layers] == [
        ("first", (4, 7, 5)),
        ("last", (2, 7, 5)),
    ]


def test_another_size_and_other_classes_are_told() -> None:
    anatomy = described("resnet18", (1, 65, 33), channels=1, classes=7)
    outputs = {layer.name: layer.output for layer in anatomy.layers}
    assert outputs["stem.first.conv"] == (64, 33, 17)
    assert outputs["stem.pool"] == (64, 17, 9)
    assert outputs["stage4.block2.branch.second.norm"] == (512, 3, 2)
    assert outputs["head.dense"] == (7,)
    assert anatomy.params == 11_689_512 - 2 * 64 * 49 - 993 * 513


def test_a_table_is_json_and_html() -> None:
    network = on_meta(
        lambda: chain(**{"a<b": nn.Linear(5, 3), "head": nn.Linear(3, 2, bias=False)})
    )
    anatomy = dissect(network, (4, 6, 5), "<script>")
    assert json.loads(json.dumps(anatomy.to_json())) == {
        "network": "<script>",
        "input": [4, 6, 5],
        "layers": [
            {"name": "a<b", "kind": "Linear", "output": [4, 6, 3], "params": 18},
            {"name": "head", "kind": "Linear", "output": [4, 6, 2], "params": 6},
        ],
        "params": 24,
    }
    page = anatomy._repr_html_()
    assert ">&lt;script&gt;: 24 parameters, input 4x6x5<" in page
    assert re.findall(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", page) == [
        *("layer", "kind", "output", "parameters"),
        *("a&lt;b", "Linear", "4x6x3", "18"),
        *("head", "Linear", "4x6x2", "6"),
    ]


@pytest.mark.parametrize("picture", [(1, 32, 32), (1, 20, 20)])
def test_nothing_stays_on_the_network(picture: tuple[int, int, int]) -> None:
    network = on_meta(lambda: zoo.build("lenet5"))
    if picture == (1, 32, 32):
        dissect(network, picture, "lenet5")
    else:
        with pytest.raises(OptionError):
            dissect(network, picture, "lenet5")
    for module in network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_picture_too_small_for_a_window_is_told_the_layer_and_the_sizes() -> None:
    with pytest.raises(OptionError) as caught:
        described("lenet5", (1, 28, 28))
    assert str(caught.value) == (
        "lenet5 cannot take a picture of 1x28x28; at layer c5.conv: a window of 5 at dilation 1 "
        "spans 5 pixels, but the input has 4 (size 4, padding 0 on each side); "
        "use at least 5 pixels"
    )


def test_padding_and_dilation_of_the_layer_are_told() -> None:
    network = on_meta(lambda: chain(a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(4, 2, 5, 2, 1, dilation=3)))
    with pytest.raises(OptionError) as caught:
        dissect(network, (3, 7, 70), "mine")
    assert str(caught.value) == (
        "mine cannot take a picture of 3x7x70; at layer b: a window of 5 at dilation 3 spans 13 "
        "pixels, but the input has 9 (size 7, padding 1 on each side); use at least 11 pixels"
    )


@pytest.mark.parametrize(
    ("picture", "layer"),
    [((3, 32, 32), "c1.conv"), ((1, 64, 64), "f6.dense"), ((1, 2, 2), "c1.conv")],
)
def test_any_other_misfit_names_the_layer(picture: tuple[int, int, int], layer: str) -> None:
    with pytest.raises(OptionError) as caught:
        described("lenet5", picture)
    shown = "x".join(map(str, picture))
    start = f"lenet5 cannot take a picture of {shown}; at layer {layer}: "
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("picture", [(1, -3, 5), (1, 2**40, 2**40)])
def test_a_picture_that_cannot_be_is_refused(picture: tuple[int, int, int]) -> None:
    with pytest.raises(OptionError) as caught:
        described("lenet5", picture)
    shown = "x".join(map(str, picture))
    assert str(caught.value).startswith(f"lenet5 cannot take a picture of {shown}: ")
