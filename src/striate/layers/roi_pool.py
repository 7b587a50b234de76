"""RoI max pooling: a fixed grid of cells from regions of any size.

Girshick: Fast R-CNN, ICCV 2015, section 2.1. https://arxiv.org/abs/1504.08083
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Edges = Literal["floor", "rounded"]


def pool_regions(maps: Tensor, regions: Tensor, grid: tuple[int, int], *, edges: Edges = "floor",
                 scale: float = 1.0) -> Tensor:  # fmt: skip
    """(N, C, H, W), regions (K, 5) -> maximum of each cell, (K, C, *grid).

    A row of `regions` is [image, x0, y0, x1, y1]: batch index, then inclusive corners. Corners are
    multiplied by `scale` and rounded, halves away from zero; a region is at least one position wide
    and high.
    Cell i of n along a region of length L goes from floor(i L / n) to, exclusive, the start of the
    next ("floor": every position lies in one cell), or ceil((i + 1) L / n) ("rounded": as in Fast
    R-CNN, where neighbors may overlap). Positions outside the map are ignored; an empty cell is 0.
    The gradient of a cell goes to one of its largest positions.
    """
    count, channels, height, width = maps.shape
    if maps.is_meta:  # values alone tell how many positions there are
        return maps.new_empty(len(regions), channels, *grid)
    corners = regions[:, 1:] * scale
    left, top, right, bottom = (corners.sign() * (corners.abs() + 0.5).floor()).long().unbind(1)
    rows, columns = grid
    top, bottom = _spans(top, bottom, rows, height, edges)
    left, right = _spans(left, right, columns, width, edges)
    # a bag for each cell, of the positions in it, row by row
    whole = (len(regions), rows, columns)
    down, across = (bottom - top)[:, :, None].expand(whole), (right - left)[:, None].expand(whole)
    sizes = (down * across).flatten()
    starts = sizes.cumsum(0) - sizes
    bags = torch.arange(len(sizes), device=maps.device).repeat_interleave(sizes)
    place = torch.arange(len(bags), device=maps.device) - starts[bags]
    wide = across.flatten()[bags]
    first = (regions[:, 0].long()[:, None, None] * height + top[:, :, None]) * width
    first = (first + left[:, None]).flatten()[bags]
    positions = first + place // wide * width + place % wide
    table = maps.permute(0, 2, 3, 1).reshape(count * height * width, channels)
    pooled = F.embedding_bag(positions, table, starts, mode="max")
    return pooled.view(*whole, channels).permute(0, 3, 1, 2)


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


def _spans(
    first: Tensor, last: Tensor, cells: int, size: int, edges: Edges
) -> tuple[Tensor, Tensor]:
    """Return start and end, exclusive, of each cell, (K, cells), clipped to 0 to size."""
    at = torch.arange(cells, device=first.device)
    length, first = (last - first + 1).clamp_min(1)[:, None], first[:, None]
    up = 0 if edges == "floor" else cells - 1  # (x + n - 1) // n is the ceiling of x / n
    start = (first + at * length // cells).clamp(0, size)
    end = (first + ((at + 1) * length + up) // cells).clamp(0, size)
    return start, end
