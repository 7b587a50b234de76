"""Variation of training pictures: whole batches at once, on the device, a draw per picture.

Geometry is one affine map per picture and one resampling; colour is one linear map per picture. A
draw is a row of uniform numbers that depends on seed, epoch and picture alone, so the same picture
varies in the same way whatever the batches, workers or interruptions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from striate.data.augmenting import processor
from striate.data.augmenting.colour import colours, recoloured
from striate.data.augmenting.geometry import in_pixels, maps, sampled, varied_boxes, varied_masks
from striate.data.augmenting.mixing import erased, mixed
from striate.data.augmenting.ranges import DRAWS, VARIATIONS, Variation

__all__ = [
    "DRAWS",
    "VARIATIONS",
    "Variation",
    "draws",
    "generator",
    "mixed",
    "varied_boxes",
    "varied_masks",
    "vary",
]


def draws(count: int, seed: int, epoch: int) -> Tensor:
    """Uniform numbers from 0 to 1 for an epoch, (count, DRAWS) float32: a row a picture."""
    return torch.rand((count, DRAWS), generator=generator(seed, epoch, stream=1))


def generator(seed: int, epoch: int, stream: int) -> torch.Generator:
    """Random numbers that depend on these three alone."""
    (state,) = np.random.SeedSequence((seed, epoch, stream)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state))


def vary(
    pictures: Tensor,
    uniform: Tensor,
    variation: Variation,
    *,
    mean: Sequence[float] = (),
    deviation: Sequence[float] = (),
) -> Tensor:
    """(N, C, H, W) float32, normalised -> the same shape, varied by `uniform` (N, DRAWS).

    Outside the picture its edge is repeated. `mean` and `deviation` are those of the normalisation,
    which saturation and hue must know; without them the pictures' values are colours already.
    Other pictures of the batch are laid over by `mixed`.
    """
    if not (variation.moves or variation.tints or variation.erase):
        return pictures
    channels, high, wide = pictures.shape[1:]
    places = maps(uniform, variation, high, wide) if variation.moves else None
    tints = None
    if variation.tints:
        scale = tuple(mean) or (0.0,) * channels, tuple(deviation) or (1.0,) * channels
        tints = colours(uniform, variation, *scale)
    if processor.suits(pictures) and (variation.moves or variation.tints):
        pixels = in_pixels(places, high, wide) if places is not None else None
        pictures = processor.varied(pictures, pixels, tints)
    else:
        pictures = _varied(pictures, places, tints)
    if variation.erase:
        pictures = erased(pictures, uniform.to(pictures.device), variation.erase)
    return pictures.contiguous(memory_format=torch.channels_last)


def _varied(
    pictures: Tensor, places: Tensor | None, tints: tuple[Tensor, Tensor, Tensor] | None
) -> Tensor:
    """The reference, and what a GPU does."""
    if places is not None:
        pictures = sampled(pictures, places)
    return recoloured(pictures, *tints) if tints is not None else pictures
