"""Random erasing, mixup and CutMix.

Erasing: Zhong et al. 2017, https://arxiv.org/abs/1708.04896. Mixup: Zhang et al. 2017,
https://arxiv.org/abs/1710.09412. CutMix: Yun et al. 2019, https://arxiv.org/abs/1905.04899.
Differences from the papers: mixing ratios are uniform from 0 to the requested value, drawn per
image, and rectangles are never clipped at the edge. mixup=0.5 and cutmix=1 correspond to
alpha = 1 in the papers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment import ranges
from striate.data.augment.ranges import AugmentRanges
from striate.errors import OptionError

_LONGEST = 3.0  # maximum aspect ratio of a rectangle


def erase_images(images: Tensor, uniform: Tensor, most: float) -> Tensor:
    """Set a rectangle of each normalized (N, C, H, W) image to 0, the mean of the data."""
    columns = (ranges.ERASE_FORM, ranges.ERASE_X, ranges.ERASE_Y)
    area = most * uniform[:, ranges.ERASE]
    rectangle = _rectangles(area, uniform[:, columns], *images.shape[2:])
    return images.masked_fill(rectangle, 0.0)


def mix_images(images: Tensor, uniform: Tensor, variation: AugmentRanges) -> tuple[Tensor, Tensor]:
    """Mix (N, C, H, W) images with the next of the batch; return also the share (N,) of that one.

    Signals (N, C, L) are images of one row.

    The share is its weight (mixup) or area (CutMix). If both are enabled, each image gets one of
    them.
    """
    if images.ndim == 3:
        mixed, share = mix_images(images[:, :, None], uniform, variation)
        return mixed[:, :, 0], share
    high, wide = images.shape[2:]
    cut = torch.full_like(uniform[:, 0], variation.cutmix > 0, dtype=torch.bool)
    if variation.mixup and variation.cutmix:
        cut = uniform[:, ranges.MIX_KIND] < 0.5
    window = _windows(uniform, variation, high, wide)
    veil = (variation.mixup * uniform[:, ranges.MIX])[:, None, None, None]
    weight = torch.where(cut[:, None, None, None], window.to(veil.dtype), veil)
    other = torch.lerp(images, images.roll(-1, 0), weight.to(images))
    return other, torch.where(cut, window.float().mean(dim=(1, 2, 3)), veil.flatten()).float()


def mix_labels(labels: Tensor, classes: int, share: Tensor) -> Tensor:
    """Labels (N,), share (N,) of the next -> soft labels (N, classes) float32; rows sum to 1."""
    own = F.one_hot(labels, classes).float()
    return torch.lerp(own, own.roll(-1, 0), share[:, None])


def mix_masks(masks: Tensor, uniform: Tensor, variation: AugmentRanges) -> Tensor:
    """Paste rectangles of the next mask (N, H, W), where `mix_images` pastes its image: CutMix.

    Raises OptionError if mixup is enabled.
    """
    refuse_mixup(variation.mixup)
    window = _windows(uniform, variation, *masks.shape[1:])
    return torch.where(window[:, 0], masks.roll(-1, 0), masks)


def refuse_mixup(mixup: float | None) -> None:
    """Raise OptionError if images with masks are to be mixed by mixup."""
    if mixup:
        raise OptionError(
            "mixup blends two images, and a pixel of a mask is of one class only; "
            "leave mixup out, or use cutmix"
        )


def _windows(uniform: Tensor, variation: AugmentRanges, high: int, wide: int) -> Tensor:
    """Return where CutMix pastes the next image, (N, 1, H, W) bool."""
    columns = (ranges.MIX_FORM, ranges.MIX_X, ranges.MIX_Y)
    area = variation.cutmix * uniform[:, ranges.MIX]
    return _rectangles(area, uniform[:, columns], high, wide)


def _rectangles(area: Tensor, drawn: Tensor, high: int, wide: int) -> Tensor:
    """Area fractions (N,), draws (N, 3) of aspect ratio and position -> masks (N, 1, H, W) bool."""
    form = ((drawn[:, 0] * 2 - 1) * (math.log(_LONGEST) / 2)).exp()
    # if one side would exceed the image, the other side is lengthened instead
    tall = (area.sqrt() * form).clamp(max=1.0)
    tall = torch.maximum(tall, area) if high > 1 else torch.ones_like(area)
    down = (tall * high).round()
    across = (area / tall.clamp(min=1e-9) * wide).round()
    left = (drawn[:, 1] * (wide - across + 1)).floor()
    top = (drawn[:, 2] * (high - down + 1)).floor()
    columns, rows = (torch.arange(side, device=area.device)[None, :] for side in (wide, high))
    in_columns = (columns >= left[:, None]) & (columns < (left + across)[:, None])
    in_rows = (rows >= top[:, None]) & (rows < (top + down)[:, None])
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
