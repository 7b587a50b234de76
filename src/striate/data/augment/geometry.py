"""Geometric augmentation: one affine map per image, shared by its mask and boxes.

Coordinates run from -1 to 1 between the outer edges of an image, as in torch's `affine_grid`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment import ranges
from striate.data.augment.ranges import AugmentRanges


def affine_maps(uniform: Tensor, variation: AugmentRanges, high: int, wide: int) -> Tensor:
    """(N, DRAWS) -> inverse maps (N, 2, 3) float64 of images (high, wide): output to input.

    Applied to output coordinates in this order: flip, aspect, shear, scale, rotate, translate;
    then crop.
    """
    # NumPy: for a few hundred values, torch's thread startup exceeds the computation
    drawn = uniform.cpu().numpy().astype(np.float64)
    signed = drawn * 2 - 1
    angle = signed[:, ranges.ROTATE] * math.radians(variation.rotate)
    slant = np.tan(signed[:, ranges.SHEAR] * math.radians(variation.shear))
    size = 1 / (1 + variation.scale * signed[:, ranges.SCALE])
    longer = np.exp(signed[:, ranges.ASPECT] * (math.log1p(variation.aspect) / 2))
    across = size / longer * _sign(signed[:, ranges.HFLIP], asked=variation.hflip)
    down = size * longer * _sign(signed[:, ranges.VFLIP], asked=variation.vflip)
    cosine, sine = np.cos(angle), np.sin(angle)
    side = np.sqrt(1 - variation.crop * drawn[:, ranges.CROP])
    shift, rest = 2 * variation.translate * side, 1 - side
    right = shift * signed[:, ranges.TRANSLATE_X] + rest * signed[:, ranges.CROP_X]
    low = shift * signed[:, ranges.TRANSLATE_Y] + rest * signed[:, ranges.CROP_Y]
    rows = (
        side * cosine * across, side * (cosine * slant - sine) * down * (high / wide), right,
        side * sine * across * (wide / high), side * (sine * slant + cosine) * down, low,
    )  # fmt: skip
    return torch.from_numpy(np.stack(rows, axis=1).reshape(-1, 2, 3))


def warp(
    images: Tensor,
    places: Tensor,
    mode: str = "bilinear",
    fill: Sequence[float] = (),
    size: Sequence[int] = (),
) -> Tensor:
    """Sample (N, C, H, W) float images with maps (N, 2, 3), padding with `fill` or the edge.

    `size` is the height and width of the result; that of the images by default.
    """
    high, wide = size or images.shape[2:]
    # faster than torch's affine_grid, which takes four times as long (tiny matrix products)
    columns = places[:, :, :1] * _middles(wide) + places[:, :, 2:]
    rows = places[:, :, 1:2] * _middles(high)
    grid = columns.to(images)[:, :, None] + rows.to(images)[:, :, :, None]
    grid = grid.permute(0, 2, 3, 1)
    if not fill:
        return F.grid_sample(images, grid, mode, padding_mode="border", align_corners=False)
    outside = images.new_tensor(fill)[:, None, None]
    return F.grid_sample(images - outside, grid, mode, align_corners=False) + outside


def _middles(pixels: int) -> Tensor:
    """Return the pixel centers of a row, from -1 to 1 between the outer edges."""
    return (2 * torch.arange(pixels, dtype=torch.float64) + 1) / pixels - 1


def to_pixels(
    places: Tensor, high: int, wide: int, size: Sequence[int] = ()
) -> NDArray[np.float64]:
    """Convert the maps to pixel coordinates, with the origin at the center of the first pixel.

    They lead from results of `size`, height and width, to images (high, wide): equal by default.
    """
    half, exact = np.array([wide / 2, high / 2]), places.numpy()
    result = np.array(size[::-1]) / 2 if size else half
    linear = exact[:, :, :2] * (half[:, None] / result)
    constant = exact[:, :, 2] * half + (half - 0.5) - linear @ (result - 0.5)
    return np.concatenate((linear, constant[:, :, None]), axis=2)


def _sign(signed: NDArray[np.float64], *, asked: bool) -> NDArray[np.float64]:
    return np.where(signed < 0, -1.0, 1.0) if asked else np.ones_like(signed)
