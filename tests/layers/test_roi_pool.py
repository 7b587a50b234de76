"""Region pooling against the lecture's images and loops over every position."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from striate.layers import RegionPool, pool_regions
from striate.layers.roi_pool import Edges


def image(text: str) -> Tensor:
    return torch.tensor([[[[float(v) for v in row.split()] for row in text.split("/")]]])


def whole(maps: Tensor) -> Tensor:
    return torch.tensor([[0.0, 0, 0, maps.shape[3] - 1, maps.shape[2] - 1]])


FLAT = image("1 2 6 2 8 2 0/4 7 1 3 5 2 4/3 0 7 4 5 2 9/9 1 2 7 0 3 0")
ODD = image(
    "6 2 8 5 2 9 5 2 5/1 3 7 1 3 5 5 2 5/3 2 0 7 4 5 0 3 0/2 7 1 2 7 0 3 8 4/7 0 1 2 6 2 8 2 7"
)


@pytest.mark.parametrize(
    ("maps", "edges", "cells"),
    [
        (FLAT, "floor", "7 6 8/9 7 9"),
        (ODD, "floor", "8 9 5/7 7 8"),
        (FLAT, "rounded", "7 8 8/9 7 9"),
        (ODD, "rounded", "8 9 5/7 7 8"),
    ],
)
def test_a_map_is_pooled_to_two_rows_of_three_cells(maps: Tensor, edges: Edges, cells: str) -> None:
    assert pool_regions(maps, whole(maps), (2, 3), edges=edges).equal(image(cells))


def test_with_rounded_edges_neighbors_overlap() -> None:
    """The middle row of five lies in both cells; with floors it belongs to the second."""
    maps = torch.tensor([1.0, 1, 5, 1, 1]).reshape(1, 1, 5, 1)
    assert pool_regions(maps, whole(maps), (2, 1), edges="floor").flatten().tolist() == [1, 5]
    assert pool_regions(maps, whole(maps), (2, 1), edges="rounded").flatten().tolist() == [5, 5]


def half_away(value: float) -> int:
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def naive(maps: Tensor, regions: Tensor, grid: tuple[int, int], edges: str, scale: float) -> Tensor:
    """roi_pool as torchvision's kernel has it, position by position; floors are the lecture's."""
    result = torch.zeros(len(regions), maps.shape[1], *grid)
    for number, row in enumerate(regions.tolist()):
        x0, y0, x1, y1 = (half_away(corner * scale) for corner in row[1:])
        width, height = max(x1 - x0 + 1, 1), max(y1 - y0 + 1, 1)
        for channel in range(maps.shape[1]):
            for i in range(grid[0]):
                for j in range(grid[1]):
                    upper = math.floor if edges == "floor" else math.ceil
                    ys = range(i * height // grid[0], upper((i + 1) * height / grid[0]))
                    xs = range(j * width // grid[1], upper((j + 1) * width / grid[1]))
                    values = [
                        float(maps[int(row[0]), channel, y0 + y, x0 + x])
                        for y in ys
                        for x in xs
                        if 0 <= y0 + y < maps.shape[2] and 0 <= x0 + x < maps.shape[3]
                    ]
                    result[number, channel, i, j] = max(values, default=0.0)
    return result


REGIONS = torch.tensor(
    [
        [0, 0, 0, 170, 120],  # the whole
        [1, 16, 24, 100, 90],
        [1, 40, 40, 40, 40],  # one position
        [0, 100, 60, 60, 30],  # ends before it starts
        [1, -24, -40, 60, 50],  # begins outside; -24 and -40 are halves
        [0, 150, 110, 300, 200],  # ends outside
        [0, 400, 10, 500, 90],  # lies outside
        [1, 8.3, 72, 88, 104],  # halves
    ]
)


@pytest.mark.parametrize("edges", ["floor", "rounded"])
@pytest.mark.parametrize("grid", [(2, 3), (7, 7), (1, 4)])
def test_regions_are_pooled_as_position_by_position(edges: Edges, grid: tuple[int, int]) -> None:
    torch.manual_seed(1)
    maps = torch.randn(2, 3, 8, 11)
    pooled = pool_regions(maps, REGIONS, grid, edges=edges, scale=1 / 16)
    assert pooled.shape == (len(REGIONS), 3, *grid)
    assert pooled.equal(naive(maps, REGIONS, grid, edges, 1 / 16))
    assert RegionPool(grid, edges=edges, scale=1 / 16)(maps, REGIONS).equal(pooled)


def test_regions_in_whole_numbers_are_scaled_too() -> None:
    regions = REGIONS.round().long()
    maps = torch.randn(2, 3, 8, 11)
    pooled = pool_regions(maps, regions, (2, 2), scale=1 / 16)
    assert pooled.equal(pool_regions(maps, regions.float(), (2, 2), scale=1 / 16))


def test_no_regions_give_no_cells() -> None:
    assert pool_regions(torch.randn(1, 3, 4, 5), torch.empty(0, 5), (2, 3)).shape == (0, 3, 2, 3)


@pytest.mark.parametrize("edges", ["floor", "rounded"])
def test_gradients_are_those_of_the_function(edges: Edges) -> None:
    torch.manual_seed(2)
    maps = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    regions = torch.tensor([[0.0, 0, 0, 5, 4], [1, 2, 1, 5, 3], [0, 4, 4, 9, 9]])
    pool = RegionPool((2, 3), edges=edges)
    assert torch.autograd.gradcheck(lambda maps: pool(maps, regions), maps)


def test_the_gradient_goes_to_one_of_the_largest() -> None:
    maps = torch.zeros(1, 1, 4, 4, requires_grad=True)
    pool_regions(maps, whole(maps), (2, 2)).sum().backward()
    assert maps.grad is not None
    assert maps.grad.count_nonzero() == maps.grad.sum() == 4
