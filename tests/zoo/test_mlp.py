"""Dense and locally connected networks: their parts, and what they cost on larger images."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from striate import verbs, zoo
from striate.errors import OptionError
from striate.layers import LocallyConnected2d, meta_init
from striate.zoo.pages import mlp as page
from striate.zoo.pages.mlp import Window
from tests.zoo.test_zoo import CARDS, on_meta, params, table, volumes


def rows(column: str) -> Iterator[tuple[str, str, str]]:
    heads, *lines = table(page)
    at = heads.index(column)
    for line in lines:
        yield line[0], line[at], line[at + 1]


@pytest.mark.parametrize("name", ["mlp", "locally_connected"])
def test_the_table_of_the_page_is_true(name: str) -> None:
    told = {part: (volume, count) for part, volume, count in rows(name)}
    assert told == volumes(CARDS[name])


@pytest.mark.parametrize(
    ("arguments", "weights"),
    [
        ({"widths": ()}, [(10, 784)]),
        ({"widths": (300,)}, [(300, 784), (10, 300)]),
        ({"widths": (7, 5, 6), "size": 9, "channels": 2, "classes": 4},
         [(7, 162), (5, 7), (6, 5), (4, 6)]),
    ],
)  # fmt: skip
def test_an_mlp_has_the_widths_asked_for(
    arguments: dict[str, int | tuple[int, ...]], weights: list[tuple[int, int]]
) -> None:
    network = zoo.build("mlp", **arguments)
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert [tuple(layer.weight.shape) for layer in layers] == weights
    side = arguments.get("size", 28)
    x = torch.randn(3, arguments.get("channels", 1), side, side)
    assert network(x).shape == (3, weights[-1][0])


def test_the_networks_of_the_papers_have_their_links() -> None:
    """Net-1 and Net-2 of the report on 16x16 pixels, and the other shapes of 1998."""
    for widths, size, count in (((), 16, 2570), ((12,), 16, 3214), ((1000,), 28, 795_010)):
        with meta_init():
            assert params(zoo.build("mlp", widths=widths, size=size)) == count
    assert params(on_meta("locally_connected")) == 64 * (9 + 1) + 16 * (25 + 1) + 10 * (16 + 1)


def test_sixteen_billion_weights_become_forty_million() -> None:
    with meta_init():
        dense = zoo.build("mlp", size=200, widths=(400_000,))
        windows = (Window(40, 10, 2, 4),)
        local = zoo.build("locally_connected", size=200, windows=windows)
    assert dense.get_parameter("hidden1.dense.weight").numel() == 16 * 10**9
    assert local.get_parameter("hidden1.local.weight").numel() == 40 * 10**6
    assert local.get_parameter("hidden1.local.bias").numel() == 400_000
    assert local.get_parameter("head.weight").shape == (10, 400_000)
    assert local(torch.empty(1, 1, 200, 200, device="meta")).shape == (1, 10)


def test_units_of_net_3_share_nothing() -> None:
    network = zoo.build("locally_connected")
    layers = [m for m in network.modules() if isinstance(m, LocallyConnected2d)]
    assert [tuple(layer.weight.shape) for layer in layers] == [
        (1, 8, 8, 1, 3, 3),
        (1, 4, 4, 1, 5, 5),
    ]
    x = torch.randn(1, 1, 16, 16, requires_grad=True)
    network.get_submodule("hidden1")(x)[0, 0, 3, 2].backward()
    assert x.grad is not None
    rows, columns = x.grad[0, 0].nonzero().T.unique(dim=1)
    assert (rows.unique().tolist(), columns.unique().tolist()) == ([5, 6, 7], [3, 4, 5])


def test_a_window_larger_than_what_comes_to_it_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build("locally_connected", size=8)
    assert str(caught.value) == (
        "a window of 5 at dilation 1 spans 5 pixels, but the input has 4 (size 4, padding 0 on "
        "each side); use at least 5 pixels"
    )


def test_they_are_described_at_the_size_asked_for() -> None:
    assert verbs.describe("mlp", size=20, channels=3).params == 1200 * 300 + 300 + 30_100 + 1_010
    assert verbs.describe("locally_connected", size=20).layers[0].output == (1, 10, 10)
