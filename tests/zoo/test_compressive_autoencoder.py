"""The compressive autoencoder: through its code and back, for any number of widths."""

from __future__ import annotations

import pytest

from striate import zoo
from striate.layers import meta_init
from striate.zoo.pages import compressive_autoencoder as page
from tests.zoo.test_zoo import CARDS, empty, table, volumes


def test_the_table_of_the_page_is_true() -> None:
    heads, *rows = table(page)
    told = {
        row[0]: tuple(row[heads.index(what)] for what in ("output", "parameters")) for row in rows
    }
    assert told == volumes(CARDS["compressive_autoencoder"])


@pytest.mark.parametrize("widths", [(6,), (6, 4), (3, 8, 5)])
def test_each_width_and_the_code_halve_the_sides(widths: tuple[int, ...]) -> None:
    with meta_init():
        network = zoo.build("compressive_autoencoder", channels=1, widths=widths, code=2, depth=1)
    names = [name for name, _ in network.named_children()]
    depth = len(widths) + 1
    encoders = [f"encode{number}" for number in range(1, depth + 1)]
    assert names == [*encoders, *(f"decode{number}" for number in range(1, depth)), "head"]
    side = 3 << depth
    code = network[:depth](empty(1, 1, side, side))
    assert code.shape == (1, 2, 3, 3)
    assert network[depth:](code).shape == (1, 1, side, side)


def test_blocks_stand_where_the_picture_is_smallest_before_the_code() -> None:
    with meta_init():
        network = zoo.build("compressive_autoencoder", widths=(3, 8, 5), depth=2)
    deep = [
        name
        for name, stage in network.named_children()
        if any("block" in part for part, _ in stage.named_children())
    ]
    assert deep == ["encode3", "decode1"]
