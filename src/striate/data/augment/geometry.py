"""One affine map an image; images, masks and boxes follow the same one.

Positions run from -1 to 1 between the outer edges of an image, as in torch's `affine_grid`.
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
    """(N, DRAWS) -> (N, 2, 3) float64, from output to input positions of images (high, wide).

    In the order in which a position is sent back: mirrored and flipped, stretched, sheared, scaled,
    turned, shifted; then taken into the part that is cut out.
    """
    # in numpy: on a few hundred numbers, torch's threads take longer to start than to compute
    drawn = uniform.cpu().numpy().astype(np.float64)
    signed = drawn * 2 - 1
    angle = signed[:, ranges.TURN] * math.radians(variation.rotate)
    slant = np.tan(signed[:, ranges.SHEAR] * math.radians(variation.shear))
    size = 1 / (1 + variation.scale * signed[:, ranges.SCALE])
    longer = np.exp(signed[:, ranges.STRETCH] * (math.log1p(variation.aspect) / 2))
    across = size / longer * _sign(signed[:, ranges.MIRROR], asked=variation.hflip)
    down = size * longer * _sign(signed[:, ranges.FLIP], asked=variation.vflip)
    cosine, sine = np.cos(angle), np.sin(angle)
    side = np.sqrt(1 - variation.crop * drawn[:, ranges.CROP])
    shift, rest = 2 * variation.translate * side, 1 - side
    right = shift * signed[:, ranges.ACROSS] + rest * signed[:, ranges.CROP_ACROSS]
    low = shift * signed[:, ranges.DOWN] + rest * signed[:, ranges.CROP_DOWN]
    rows = (
        side * cosine * across, side * (cosine * slant - sine) * down * (high / wide), right,
        side * sine * across * (wide / high), side * (sine * slant + cosine) * down, low,
    )  # fmt: skip
    return torch.from_numpy(np.stack(rows, axis=1).reshape(-1, 2, 3))


def warp(
    images: Tensor, places: Tensor, mode: str = "bilinear", fill: Sequence[float] = ()
) -> Tensor:
    """(N, C, H, W) float sampled where maps (N, 2, 3) say; beyond the edge `fill`, or the edge."""
    high, wide = images.shape[2:]
    # torch's affine_grid takes four times as long, as a product of tiny matrices
    columns = places[:, :, :1] * _middles(wide) + places[:, :, 2:]
    rows = places[:, :, 1:2] * _middles(high)
    grid = columns.to(images)[:, :, None] + rows.to(images)[:, :, :, None]
    grid = grid.permute(0, 2, 3, 1)
    if not fill:
        return F.grid_sample(images, grid, mode, padding_mode="border", align_corners=False)
    outside = images.new_tensor(fill)[:, None, None]
    return F.grid_sample(images - outside, grid, mode, align_corners=False) + outside


def _middles(pixels: int) -> Tensor:
    """Of a row of pixels, from -1 to 1 between the outer edges."""
    return (2 * torch.arange(pixels, dtype=torch.float64) + 1) / pixels - 1


def to_pixels(places: Tensor, high: int, wide: int) -> NDArray[np.float64]:
    """The same maps between positions counted in pixels from the middle of the first."""
    half = np.array([wide / 2, high / 2])
    middle, exact = half - 0.5, places.numpy()
    linear = exact[:, :, :2] * (half[:, None] / half)
    constant = exact[:, :, 2] * half + middle - linear @ middle
    return np.concatenate((linear, constant[:, :, None]), axis=2)


def augment_masks(masks: Tensor, uniform: Tensor, variation: AugmentRanges) -> Tensor:
    """(N, H, W) of whole numbers up to 2^24, moved as `vary` moves images; no new ones arise."""
    if not variation.geometric:
        return masks
    places = affine_maps(uniform, variation, *masks.shape[1:])
    return warp(masks[:, None].float(), places, "nearest")[:, 0].to(masks.dtype)


def augment_boxes(
    boxes: Tensor, uniform: Tensor, variation: AugmentRanges, high: int, wide: int
) -> Tensor:
    """(N, K, 4) left, top, right, bottom in pixels from the image's corner -> the same.

    Moved as `vary` moves images of (high, wide): the smallest upright box around what came of
    the four corners, cut off at the image's edges. A box that left the image has no area.
    """
    if not variation.geometric:
        return boxes
    places = affine_maps(uniform, variation, high, wide).to(boxes.device)
    sides = boxes.new_tensor([wide, high], dtype=torch.float64)
    left, top, right, low = boxes.double().unbind(dim=2)
    corners = torch.stack((left, top, right, top, left, low, right, low), dim=2)
    positions = corners.reshape(*boxes.shape[:2], 4, 2) * 2 / sides - 1
    back = torch.linalg.inv(places[:, :, :2])
    moved = torch.einsum("nij,nkcj->nkci", back, positions - places[:, None, None, :, 2])
    inside = ((moved + 1) * sides / 2).clamp(min=torch.zeros_like(sides), max=sides)
    return torch.cat((inside.amin(dim=2), inside.amax(dim=2)), dim=2).to(boxes.dtype)


def _sign(signed: NDArray[np.float64], *, asked: bool) -> NDArray[np.float64]:
    return np.where(signed < 0, -1.0, 1.0) if asked else np.ones_like(signed)
