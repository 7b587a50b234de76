"""Augmentation of DNA: the other strand, and shifts by whole letters.

`hflip` is the reverse complement: channels are A, C, G and T, so it turns both axes. `translate`
is of the length; what comes in from outside is `fill`. `erase`, `mixup` and `cutmix` are those of
signals, all other ranges do nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from striate.data.augment import ranges
from striate.data.augment.mixing import erase_images
from striate.data.augment.ranges import AugmentRanges
from striate.data.augment.signals import signal_ranges


def strand_ranges(variation: AugmentRanges) -> AugmentRanges:
    """Return the ranges without those that letters cannot vary in."""
    kept = signal_ranges(variation)
    return replace(kept, hflip=variation.hflip, scale=0.0, brightness=0.0, contrast=0.0)


def vary_strands(
    letters: Tensor, uniform: Tensor, variation: AugmentRanges, fill: Sequence[float]
) -> Tensor:
    """Augment letters (N, 4, L) by `uniform` (N, DRAWS)."""
    if variation.hflip:
        turned = (uniform[:, ranges.HFLIP] < 0.5)[:, None, None]
        letters = torch.where(turned, letters.flip(1, 2), letters)
    if variation.translate:
        letters = _shift(letters, uniform[:, ranges.TRANSLATE_X], variation.translate, fill)
    if variation.erase:
        return erase_images(letters[:, :, None], uniform, variation.erase)[:, :, 0]
    return letters


def _shift(letters: Tensor, drawn: Tensor, most: float, fill: Sequence[float]) -> Tensor:
    length = letters.shape[2]
    by = ((drawn * 2 - 1) * most * length).round().long()
    places = torch.arange(length, device=letters.device) + by[:, None]
    moved = letters.take_along_dim(places.clamp(0, length - 1)[:, None], 2)
    outside = ((places < 0) | (places >= length))[:, None]
    return torch.where(outside, letters.new_tensor(fill)[:, None], moved)
