"""Color augmentation: one linear color map per image.

Saturation interpolates between a color and its gray (ITU-R BT.601 weights). Hue rotates about
the gray axis at constant luma, as in YIQ: a linear map, unlike a hue shift in HSV.
Contrast scales about the mean of the image. Values are not clipped to black and white.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from striate.data.augment import ranges
from striate.data.augment.ranges import AugmentRanges

_LUMA = (0.299, 0.587, 0.114)
#: rows I and Q of ITU-R's YIQ matrix
_CHROMA = ((0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def color_maps(
    uniform: Tensor, variation: AugmentRanges, mean: Sequence[float], std: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor]:
    """(N, DRAWS) -> matrices (N, C, C), constants (N, C), rows (N, C) that weight the image mean.

    A color x of a normalized image with channel means m becomes
    matrix x + constant + row . m. `mean` and `std` are the normalization constants, one per
    channel. Brightness is in units of the normalized range (assuming a std of about 0.25).
    """
    signed, channels = uniform.cpu().double() * 2 - 1, len(mean)
    gain = (1 + variation.contrast * signed[:, ranges.CONTRAST])[:, None]
    light = (4 * variation.brightness * signed[:, ranges.BRIGHTNESS])[:, None]
    matrix, constant = _tints(signed, variation, mean, std)
    average = constant.mean(dim=1, keepdim=True) * (1 - gain)
    row = matrix.mean(dim=1) * (1 - gain)
    constants = gain * constant + average + light.expand(-1, channels)
    return gain[:, :, None] * matrix, constants, row


def apply_colors(images: Tensor, matrix: Tensor, constant: Tensor, row: Tensor) -> Tensor:
    """Apply the maps of `color_maps` to (N, C, H, W) images with torch."""
    count, channels, high, wide = images.shape
    matrix, constant, row = (part.to(images) for part in (matrix, constant, row))
    flat = images.reshape(count, channels, high * wide)
    offset = constant + (row * flat.mean(dim=2)).sum(dim=1, keepdim=True)
    return torch.baddbmm(offset[:, :, None], matrix, flat).reshape(images.shape)


def _tints(
    signed: Tensor, variation: AugmentRanges, mean: Sequence[float], std: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Return saturation and hue as a matrix and a constant acting on normalized colors."""
    count, channels = len(signed), len(mean)
    one = torch.eye(channels, dtype=torch.float64)
    if channels != 3 or not (variation.saturation or variation.hue):
        return one.expand(count, -1, -1), torch.zeros((count, channels), dtype=torch.float64)
    luma = torch.tensor(_LUMA, dtype=torch.float64)
    split = torch.stack((luma, *torch.tensor(_CHROMA, dtype=torch.float64)))
    angle = signed[:, ranges.HUE] * math.radians(variation.hue)
    strength = 1 + variation.saturation * signed[:, ranges.SATURATION]
    cosine, sine = strength * angle.cos(), strength * angle.sin()
    turn = torch.zeros((count, 3, 3), dtype=torch.float64)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = cosine
    turn[:, 1, 2], turn[:, 2, 1] = -sine, sine
    real = torch.linalg.inv(split) @ turn @ split
    middle = torch.tensor(mean, dtype=torch.float64)
    spread = torch.tensor(std, dtype=torch.float64)
    return real * spread / spread[:, None], ((real - one) @ middle) / spread
