"""The layers of a network with their volumes and parameters, and images that do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from torch import Tensor, nn

from striate import zoo
from striate.errors import OptionError
from striate.layers import chain, meta_init
from striate.summary import Summary, summarize
from striate.zoo import CARDS


def described(name: str, image: tuple[int, int, int] | None = None, **sizes: int) -> Summary:
    with meta_init():
        network = zoo.build(name, **sizes)
    return summarize(network, image or CARDS[name].input, name)


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    with meta_init():
        return build()


LENET = """\
lenet5: 61,706 parameters, 417 k multiply-adds, weights of 247 kB, input 1x32x32

layer       kind         output  parameters    MACs   memory  field  jump  start
c1.conv     Conv2d      6x28x28         156   118 k  18.8 kB      5     1      2
c1.tanh     Tanh        6x28x28           –       –  18.8 kB      5     1      2
s2          AvgPool2d   6x14x14           –       –  4.70 kB      6     2    2.5
c3.conv     Conv2d     16x10x10       2,416   240 k  6.40 kB     14     2    6.5
c3.tanh     Tanh       16x10x10           –       –  6.40 kB     14     2    6.5
s4          AvgPool2d    16x5x5           –       –  1.60 kB     16     4    7.5
c5.conv     Conv2d      120x1x1      48,120  48.0 k    480 B     32     4   15.5
c5.tanh     Tanh        120x1x1           –       –    480 B     32     4   15.5
c5.flatten  Flatten         120           –       –    480 B     32     0   15.5
f6.dense    Linear           84      10,164  10.1 k    336 B     32     0   15.5
f6.tanh     Tanh             84           –       –    336 B     32     0   15.5
head        Linear           10         850     840     40 B     32     0   15.5"""


def test_a_network_is_told_layer_by_layer() -> None:
    summary = described("lenet5")
    assert str(summary) == repr(summary) == LENET


@pytest.mark.parametrize("name", CARDS)
def test_the_parameters_of_the_layers_are_those_of_the_network(name: str) -> None:
    network = on_meta(lambda: zoo.build(name))
    summary = summarize(network, CARDS[name].input, name)
    resting = [network.get_submodule(unused) for unused in summary.unused]
    rest = sum(p.numel() for module in resting for p in module.parameters())
    assert summary.params == sum(layer.params for layer in summary.layers) + rest
    assert summary.params == CARDS[name].params
    assert summary.unused in ((), ("auxiliary",))


def test_layers_stand_in_the_order_they_run_and_not_as_they_were_made() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.first = nn.Conv2d(4, 2, 1), nn.Conv2d(3, 4, 5, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.first(x))

    summary = summarize(on_meta(Backwards), (3, 9, 7), "backwards")
    assert [(layer.name, layer.output) for layer in summary.layers] == [
        ("first", (4, 7, 5)),
        ("last", (2, 7, 5)),
    ]


def test_another_size_and_other_classes_are_told() -> None:
    summary = described("resnet18", (1, 65, 33), channels=1, classes=7)
    outputs = {layer.name: layer.output for layer in summary.layers}
    assert outputs["stem.first.conv"] == (64, 33, 17)
    assert outputs["stem.pool"] == (64, 17, 9)
    assert outputs["stage4.block2.branch.second.norm"] == (512, 3, 2)
    assert outputs["head.dense"] == (7,)
    assert summary.params == 11_689_512 - 2 * 64 * 49 - 993 * 513


def test_a_table_is_json_and_html() -> None:
    network = on_meta(
        lambda: chain(**{"a<b": nn.Linear(5, 3), "head": nn.Linear(3, 2, bias=False)})
    )
    summary = summarize(network, (4, 6, 5), "<script>")
    dense = {"kind": "Linear", "receptive_field": [1, 5], "jump": [1, 0], "start": [0, 2]}
    dense |= {"kernel": None, "stride": None}
    assert json.loads(json.dumps(summary.to_json())) == {
        "network": "<script>",
        "input": [4, 6, 5],
        "layers": [
            dense
            | {
                "name": "a<b",
                "output": [4, 6, 3],
                "params": 18,
                "macs": 360,
                "bytes": 288,
                "sources": [-1],
            },
            dense
            | {
                "name": "head",
                "output": [4, 6, 2],
                "params": 6,
                "macs": 144,
                "bytes": 192,
                "sources": [0],
            },
        ],
        "params": 24,
        "trainable": 24,
        "macs": 504,
        "bytes": 96,
        "uncounted": [],
        "untraced": [],
        "unused": [],
    }
    page = summary._repr_html_()
    assert (
        ">&lt;script&gt;: 24 parameters, 504 multiply-adds, weights of 96 B, input 4x6x5<" in page
    )
    assert '<td style="text-align:left">a&lt;b</td>' in page


@pytest.mark.parametrize("image", [(1, 32, 32), (1, 20, 20)])
def test_nothing_stays_on_the_network(image: tuple[int, int, int]) -> None:
    network = on_meta(lambda: zoo.build("lenet5"))
    if image == (1, 32, 32):
        summarize(network, image, "lenet5")
    else:
        with pytest.raises(OptionError):
            summarize(network, image, "lenet5")
    for module in network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_an_image_too_small_for_a_window_is_told_the_layer_and_the_sizes() -> None:
    with pytest.raises(OptionError) as caught:
        described("lenet5", (1, 28, 28))
    assert str(caught.value) == (
        "lenet5 cannot take an image of 1x28x28; at layer c5.conv: a window of 5 at dilation 1 "
        "spans 5 pixels, but the input has 4 (size 4, padding 0 on each side); "
        "use at least 32 pixels a side"
    )


def test_padding_and_dilation_of_the_layer_are_told() -> None:
    network = on_meta(lambda: chain(a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(4, 2, 5, 2, 1, dilation=3)))
    with pytest.raises(OptionError) as caught:
        summarize(network, (3, 7, 70), "mine")
    assert str(caught.value) == (
        "mine cannot take an image of 3x7x70; at layer b: a window of 5 at dilation 3 spans 13 "
        "pixels, but the input has 9 (size 7, padding 1 on each side); use at least 11 pixels a "
        "side"
    )


@pytest.mark.parametrize(
    ("image", "layer"),
    [((3, 32, 32), "c1.conv"), ((1, 64, 64), "f6.dense"), ((1, 2, 2), "c1.conv")],
)
def test_any_other_misfit_names_the_layer(image: tuple[int, int, int], layer: str) -> None:
    with pytest.raises(OptionError) as caught:
        described("lenet5", image)
    shown = "x".join(map(str, image))
    start = f"lenet5 cannot take an image of {shown}; at layer {layer}: "
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("image", [(1, -3, 5), (1, 2**40, 2**40)])
def test_an_image_that_cannot_be_is_refused(image: tuple[int, int, int]) -> None:
    with pytest.raises(OptionError) as caught:
        described("lenet5", image)
    shown = "x".join(map(str, image))
    assert str(caught.value).startswith(f"lenet5 cannot take an image of {shown}: ")


def test_markdown_keeps_its_cells_whatever_the_names() -> None:
    network = on_meta(lambda: chain(**{"a|b<c>": nn.Linear(5, 3), "head": nn.Linear(3, 2)}))
    lines = summarize(network, (5,), "mine").to_markdown().splitlines()
    assert lines[4].startswith("| a\\|b&lt;c&gt; | Linear | 3 | 18 | 15 |")
