"""PilotNet: volumes and parameters, and a steering angle from a picture of any size."""

from __future__ import annotations

import torch

from striate import zoo
from striate.zoo.pages import pilotnet
from tests.zoo.test_zoo import CARDS, table, volumes


def test_the_table_of_pilotnet_is_true() -> None:
    _, *rows = table(pilotnet)
    assert {row[0]: (row[2], row[3]) for row in rows} == volumes(CARDS["pilotnet"])


def test_it_has_the_parameters_and_connections_of_the_paper() -> None:
    card = CARDS["pilotnet"]
    assert (round(card.params, -4), round(card.macs, -6)) == (250_000, 27_000_000)


def test_units_begin_with_outputs_as_large_as_their_inputs() -> None:
    torch.manual_seed(0)
    network = zoo.build("pilotnet")
    x = torch.randn(4, 3, 66, 200)
    inner = network.get_submodule("conv1")(x).detach()
    assert 0.8 < float(inner.square().mean()) < 1.25


def test_a_square_image_gives_as_many_numbers() -> None:
    assert zoo.build("pilotnet", classes=2)(torch.rand(3, 3, 61, 61)).shape == (3, 2)
