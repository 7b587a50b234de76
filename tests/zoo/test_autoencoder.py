"""The convolutional autoencoder: through its code and back."""

from __future__ import annotations

import pytest
import torch

from striate import zoo
from striate.layers import meta_init
from striate.zoo.pages import autoencoder as page
from tests.zoo.test_zoo import CARDS, empty, on_meta, table, volumes


def test_the_table_of_the_page_is_true() -> None:
    heads, *rows = table(page)
    told = {
        row[0]: tuple(row[heads.index(what)] for what in ("output", "parameters")) for row in rows
    }
    assert told == volumes(CARDS["conv_autoencoder"])


@pytest.mark.parametrize(
    ("size", "returned"),
    [((8, 8), (8, 8)), ((24, 56), (24, 56)), ((17, 21), (16, 16)), ((39, 32), (32, 32))],
)
def test_the_image_keeps_its_size_or_has_the_next_smaller_multiple_of_eight(
    size: tuple[int, int], returned: tuple[int, int]
) -> None:
    assert on_meta("conv_autoencoder")(empty(2, 3, *size)).shape == (2, 3, *returned)


@pytest.mark.parametrize("widths", [(5,), (6, 4), (3, 8, 5, 2)])
def test_depth_and_widths_can_be_others(widths: tuple[int, ...]) -> None:
    with meta_init():
        network = zoo.build("conv_autoencoder", channels=2, widths=widths)
    names = [name for name, _ in network.named_children()]
    depth = len(widths)
    encoders = [f"encode{number}" for number in range(1, depth + 1)]
    assert names == [*encoders, *(f"decode{number}" for number in range(1, depth)), "head"]
    side = 3 << depth
    code = network[:depth](empty(1, 2, side, side))
    assert code.shape == (1, widths[-1], 3, 3)
    assert network[depth:](code).shape == (1, 2, side, side)


def test_it_learns_to_return_images() -> None:
    torch.manual_seed(1)
    network = zoo.build("conv_autoencoder", channels=1, widths=(6, 4))
    angles = torch.linspace(0, 3, 16)
    waves = torch.sin(torch.arange(8.0) * angles[:, None] + angles[:, None])
    images = (waves[:, :, None] * waves[:, None]).unsqueeze(1)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    losses = list[float]()
    for _ in range(150):
        loss = (network(images) - images).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 4
