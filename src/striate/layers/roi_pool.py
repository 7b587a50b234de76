"""RoI max pooling: a fixed grid of cells from regions of any size.

Girshick: Fast R-CNN, ICCV 2015, section 2.1. https://arxiv.org/abs/1504.08083
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Edges = Literal["floor", "rounded"]
Span = tuple[int, int]  # start, stop (exclusive)


def pool_regions(maps: Tensor, regions: Tensor, grid: tuple[int, int], *, edges: Edges = "floor",
                 scale: float = 1.0) -> Tensor:  # fmt: skip
    """(N, C, H, W), regions (K, 5) -> maximum of each cell, (K, C, *grid).

    A row of `regions` is [image, x0, y0, x1, y1]: batch index, then inclusive corners. Corners are
    multiplied by `scale` and rounded, halves away from zero; a region is at least one position wide
    and high.
    Cell i of n along a region of length L goes from floor(i L / n) to, exclusive, the start of the
    next ("floor": every position lies in one cell), or ceil((i + 1) L / n) ("rounded": as in Fast
    R-CNN, where neighbors may overlap). Positions outside the map are ignored; an empty cell is 0.
    """
    rows, columns = grid
    pooled: list[Tensor] = []
    images, corners = regions[:, 0].tolist(), (regions[:, 1:] * scale).tolist()
    for image, around in zip(images, corners, strict=True):
        left, top, right, bottom = map(_rounded, around)
        down = [
            _largest(maps[int(image)], 1, span)
            for span in _spans(top, bottom, rows, maps.shape[2], edges)
        ]
        strips = torch.stack(down, dim=1)  # (C, rows, W)
        across = [
            _largest(strips, 2, span) for span in _spans(left, right, columns, maps.shape[3], edges)
        ]
        pooled.append(torch.stack(across, dim=2))
    return torch.stack(pooled) if pooled else maps.new_zeros(0, maps.shape[1], rows, columns)


class RegionPool(nn.Module):
    """`pool_regions` as a layer; `scale`: side of the map over side of the image."""

    def __init__(
        self, grid: tuple[int, int], *, edges: Edges = "floor", scale: float = 1.0
    ) -> None:
        super().__init__()
        self.grid, self.scale = grid, scale
        self.edges: Edges = edges

    def forward(self, maps: Tensor, regions: Tensor) -> Tensor:
        """(N, C, H, W), (K, 5) -> (K, C, *grid)."""
        return pool_regions(maps, regions, self.grid, edges=self.edges, scale=self.scale)


def _rounded(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _spans(first: int, last: int, cells: int, size: int, edges: Edges) -> list[Span]:
    """Return the span of each cell, clipped to 0 to size."""
    length = max(last - first + 1, 1)
    up = 0 if edges == "floor" else cells - 1  # (x + n - 1) // n is the ceiling of x / n
    ends = [
        (first + cell * length // cells, first + ((cell + 1) * length + up) // cells)
        for cell in range(cells)
    ]
    return [(min(max(start, 0), size), min(max(end, 0), size)) for start, end in ends]


def _largest(x: Tensor, dim: int, span: Span) -> Tensor:
    """Return the maximum along `dim` within the span, 0 if empty; one element gets the gradient."""
    start, end = span
    if start >= end:
        return x.new_zeros(x.select(dim, 0).shape)
    return x.narrow(dim, start, end - start).max(dim).values
