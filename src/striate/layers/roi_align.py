"""RoI align: a fixed grid of cells from regions of any size, without rounding.

He, Gkioxari, Dollár, Girshick: Mask R-CNN, ICCV 2017, section 3. https://arxiv.org/abs/1703.06870
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def align_regions(
    maps: Tensor, regions: Tensor, grid: tuple[int, int], *, scale: float = 1.0, samples: int = 2
) -> Tensor:
    """(N, C, H, W), regions (K, 5) -> mean of points in each cell, (K, C, *grid), channels last.

    A row of `regions` is [image, x0, y0, x1, y1]: batch index, then corners, multiplied by `scale`,
    where position i of the map covers [i, i + 1). Each of the equal cells has `samples` x `samples`
    points, evenly spaced, interpolated between the centers of positions; points more than a
    position outside the map are 0. As torchvision's `roi_align(aligned=True)`.
    """
    count, channels, height, width = maps.shape
    corners = regions[:, 1:] * scale
    rows, columns = grid
    y, down = _taps(corners[:, 1], corners[:, 3], rows, samples, height)
    x, across = _taps(corners[:, 0], corners[:, 2], columns, samples, width)
    first = regions[:, 0].long()[:, None, None, None, None] * height
    positions = (first + y[:, :, None, :, None]) * width + x[:, None, :, None, :]
    shares = down[:, :, None, :, None] * across[:, None, :, None, :]
    table = maps.permute(0, 2, 3, 1).reshape(count * height * width, channels)
    each = (-1, positions.shape[-2] * positions.shape[-1])
    # a weighted sum of rows of a table: what an embedding bag is, which torch has fused
    cells = F.embedding_bag(
        positions.reshape(each),
        table,
        per_sample_weights=shares.reshape(each).to(table.dtype),
        mode="sum",
    )
    return cells.view(regions.shape[0], rows, columns, channels).permute(0, 3, 1, 2)


def _taps(start: Tensor, end: Tensor, cells: int, samples: int, size: int) -> tuple[Tensor, Tensor]:
    """Return the positions along an axis that make each cell, (K, cells, taps), and their shares.

    There are two taps for each sample.
    """
    points = torch.arange(cells * samples, device=start.device) + 0.5
    along = start[:, None] + points / samples * ((end - start) / cells)[:, None] - 0.5
    inside = (along >= -1) & (along <= size)
    along = along.clamp(0, size - 1)
    below = along.floor()
    rest = along - below
    taps = torch.stack([below, (below + 1).clamp_max(size - 1)], dim=-1).long()
    shares = torch.stack([1 - rest, rest], dim=-1) * inside[..., None] / samples
    wanted = (start.shape[0], cells, 2 * samples)
    return taps.view(wanted), shares.view(wanted)
