"""Region align against loops over points, and against torchvision where its operations load."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from striate.layers import align_regions
from tests.layers.peers import operations


def sample(plane: Tensor, y: float, x: float) -> float:
    """Interpolate a plane (H, W) at a point, whose whole numbers are centers of positions."""
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    total = 0.0
    for row in {math.floor(y), math.ceil(y)}:
        for column in {math.floor(x), math.ceil(x)}:
            total += float(plane[row, column]) * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def naive(maps: Tensor, regions: Tensor, grid: tuple[int, int], scale: float, n: int) -> Tensor:
    result = torch.zeros(len(regions), maps.shape[1], *grid)
    for number, (image, *corners) in enumerate(regions.tolist()):
        x0, y0, x1, y1 = (corner * scale - 0.5 for corner in corners)
        high, wide = (y1 - y0) / grid[0], (x1 - x0) / grid[1]
        for channel, plane in enumerate(maps[int(image)]):
            for i in range(grid[0]):
                for j in range(grid[1]):
                    points = [
                        sample(plane, y0 + high * (i + (a + 0.5) / n), x0 + wide * (j + b / n))
                        for a in range(n)
                        for b in (half + 0.5 for half in range(n))
                    ]
                    result[number, channel, i, j] = sum(points) / n**2
    return result


REGIONS = torch.tensor(
    [
        [0, 0, 0, 176, 128],  # the whole
        [1, 16.3, 24.7, 100, 90],
        [1, 40, 40, 40, 40],  # a point
        [0, -90, -70, 60, 50],  # begins far outside
        [0, 150, 110, 300, 200],  # ends outside
        [0, 400, 10, 500, 90],  # lies outside
    ]
)


@pytest.mark.parametrize(("grid", "samples"), [((2, 3), 2), ((7, 7), 2), ((3, 1), 3), ((2, 2), 1)])
def test_cells_are_means_of_interpolated_points(grid: tuple[int, int], samples: int) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 8, 11)
    aligned = align_regions(maps, REGIONS, grid, scale=1 / 16, samples=samples)
    torch.testing.assert_close(aligned, naive(maps, REGIONS, grid, 1 / 16, samples))


def test_a_ramp_gives_the_centers_of_the_cells() -> None:
    ramp = torch.arange(8.0).add(0.5).expand(1, 1, 8, 8)  # at each center its own place
    region = torch.tensor([[0.0, 1, 2, 5, 6]])
    assert align_regions(ramp, region, (2, 2)).flatten().tolist() == [2, 4, 2, 4]


def test_gradients_are_those_of_the_function() -> None:
    torch.manual_seed(2)
    maps = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    regions = torch.tensor([[0.0, 0, 0, 5, 4], [1, 2.2, 1, 5, 3.7], [0, 4, 4, 9, 9]])
    assert torch.autograd.gradcheck(lambda maps: align_regions(maps, regions, (2, 3)), maps)


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_cells_are_those_of_torchvision(samples: int) -> None:
    torch.manual_seed(1)
    maps = torch.randn(3, 16, 20, 30)
    corners = torch.rand(50, 2) * 300
    regions = torch.cat((torch.randint(3, (50, 1)), corners, corners + torch.rand(50, 2) * 300), 1)
    for wanted in (REGIONS, regions):
        theirs = operations().roi_align(maps, wanted, (7, 5), 1 / 16, samples, aligned=True)
        aligned = align_regions(maps, wanted, (7, 5), scale=1 / 16, samples=samples)
        torch.testing.assert_close(aligned, theirs, rtol=1e-5, atol=1e-5)


def test_no_regions_give_no_cells() -> None:
    assert align_regions(torch.randn(1, 3, 4, 5), torch.empty(0, 5), (2, 3)).shape == (0, 3, 2, 3)
