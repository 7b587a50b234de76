"""What is laid over images: nothing (erasing), or another image of the batch with its label.

Erasing: Zhong et al. 2017, https://arxiv.org/abs/1708.04896. Mixup: Zhang et al. 2017,
https://arxiv.org/abs/1710.09412. CutMix: Yun et al. 2019, https://arxiv.org/abs/1905.04899.
Not as in these papers: shares are drawn evenly from 0 to the value asked for, a share for each
image, and no rectangle is cut off at the edge. mixup=0.5 and cutmix=1 are what the papers call
alpha = 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment import ranges
from striate.data.augment.ranges import AugmentRanges

_LONGEST = 3.0  # of a rectangle: its longer side to its shorter one


def erase_images(images: Tensor, uniform: Tensor, most: float) -> Tensor:
    """(N, C, H, W), normalized, with a rectangle of each set to 0, the mean of the data."""
    columns = (ranges.ERASE_FORM, ranges.ERASE_ACROSS, ranges.ERASE_DOWN)
    area = most * uniform[:, ranges.ERASE]
    rectangle = _rectangles(area, uniform[:, columns], *images.shape[2:])
    return images.masked_fill(rectangle, 0.0)


def mix_images(
    images: Tensor, labels: Tensor, classes: int, uniform: Tensor, variation: AugmentRanges
) -> tuple[Tensor, Tensor]:
    """(N, C, H, W), labels (N,) -> images over which the next in the batch is laid, shares.

    The shares are (N, classes) float32 and each row sums to 1: what part of an image, by weight or
    by area, belongs to which class. Where both kinds are asked for, each image has one of them.
    """
    high, wide = images.shape[2:]
    cut = torch.full_like(uniform[:, 0], variation.cutmix > 0, dtype=torch.bool)
    if variation.mixup and variation.cutmix:
        cut = uniform[:, ranges.MIX_KIND] < 0.5
    columns = (ranges.MIX_FORM, ranges.MIX_ACROSS, ranges.MIX_DOWN)
    share = uniform[:, ranges.MIX]
    window = _rectangles(variation.cutmix * share, uniform[:, columns], high, wide)
    veil = (variation.mixup * share)[:, None, None, None]
    weight = torch.where(cut[:, None, None, None], window.to(veil.dtype), veil)
    other = torch.lerp(images, images.roll(-1, 0), weight.to(images))
    given = torch.where(cut, window.float().mean(dim=(1, 2, 3)), veil.flatten())
    own = F.one_hot(labels, classes).float()
    return other, torch.lerp(own, own.roll(-1, 0), given.float()[:, None])


def _rectangles(area: Tensor, drawn: Tensor, high: int, wide: int) -> Tensor:
    """Shares of the area (N,), draws (N, 3) of form and place -> (N, 1, H, W) bool."""
    form = ((drawn[:, 0] * 2 - 1) * (math.log(_LONGEST) / 2)).exp()
    # where one side would be longer than the image, the other takes the rest
    tall = (area.sqrt() * form).clamp(max=1.0)
    tall = torch.maximum(tall, area)
    down = (tall * high).round()
    across = (area / tall.clamp(min=1e-9) * wide).round()
    left = (drawn[:, 1] * (wide - across + 1)).floor()
    top = (drawn[:, 2] * (high - down + 1)).floor()
    columns, rows = (torch.arange(side, device=area.device)[None, :] for side in (wide, high))
    in_columns = (columns >= left[:, None]) & (columns < (left + across)[:, None])
    in_rows = (rows >= top[:, None]) & (rows < (top + down)[:, None])
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
