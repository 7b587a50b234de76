"""Augmentation of signals: shift and stretch along time, scale and offset, erasing.

The random numbers are those of images: `translate` is of the length, `scale` stretches time,
`contrast` the distance from the mean, and `brightness` is in standard deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from striate.data.augment import ranges
from striate.data.augment.mixing import erase_images
from striate.data.augment.ranges import AugmentRanges

#: ranges that signals have no use for
_OF_IMAGES = {
    **dict.fromkeys(("rotate", "shear", "aspect", "crop", "saturation", "hue"), 0.0),
    **dict.fromkeys(("hflip", "vflip"), False),
}


def signal_ranges(variation: AugmentRanges) -> AugmentRanges:
    """Return the ranges without those that signals cannot vary in."""
    return replace(variation, **_OF_IMAGES)


def vary_signals(
    signals: Tensor, uniform: Tensor, variation: AugmentRanges, fill: Sequence[float] = ()
) -> Tensor:
    """Augment (N, C, L) normalized signals by `uniform` (N, DRAWS).

    Pads with `fill`, one value per channel, or the first or last sample if empty.
    """
    signed = uniform * 2 - 1
    rows = signals.transpose(1, 2)  # as they are in memory
    if variation.translate or variation.scale:
        rows = _resample(rows, signed, variation, fill)
    if variation.contrast:
        rows = rows * (1 + variation.contrast * signed[:, ranges.CONTRAST, None, None])
    if variation.brightness:
        rows = rows + variation.brightness * signed[:, ranges.BRIGHTNESS, None, None]
    varied = rows.transpose(1, 2)
    if variation.erase:
        return erase_images(varied[:, :, None], uniform, variation.erase)[:, :, 0]
    return varied


def _resample(
    rows: Tensor, signed: Tensor, variation: AugmentRanges, fill: Sequence[float]
) -> Tensor:
    """Shift and stretch (N, L, C) about its middle, by linear interpolation."""
    length = rows.shape[1]
    step = 1 / (1 + variation.scale * signed[:, ranges.SCALE, None])
    shift = variation.translate * length * signed[:, ranges.TRANSLATE_X, None]
    middle = (length - 1) / 2
    places = (torch.arange(length, device=rows.device) - middle) * step + middle + shift
    first = places.floor().clamp(0, length - 1)
    weight = (places - first).clamp(0, 1)[:, :, None].to(rows.dtype)
    before = first.long()[:, :, None]
    after = (before + 1).clamp(max=length - 1)
    moved = torch.lerp(rows.take_along_dim(before, 1), rows.take_along_dim(after, 1), weight)
    if not fill:
        return moved
    outside = ((places < -0.5) | (places > length - 0.5))[:, :, None]
    return torch.where(outside, rows.new_tensor(fill), moved)
