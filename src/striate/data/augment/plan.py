"""Variation of training pictures: whole batches at once, on the device, a draw per picture.

Geometry is one affine map per picture and one resampling; color is one linear map per picture. A
draw is a row of uniform numbers that depends on seed, epoch and picture alone, so the same picture
varies in the same way whatever the batches, workers or interruptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from striate.data.augment import opencv
from striate.data.augment.color import apply_colors, color_maps
from striate.data.augment.geometry import affine_maps, augment_boxes, augment_masks, to_pixels, warp
from striate.data.augment.mixing import erase_images, mix_images
from striate.data.augment.ranges import DRAWS, LEVELS, AugmentRanges

__all__ = [
    "DRAWS",
    "LEVELS",
    "AugmentRanges",
    "Plan",
    "apply_plan",
    "augment",
    "augment_boxes",
    "augment_masks",
    "generator",
    "make_plan",
    "mix_images",
    "uniform_samples",
]


def uniform_samples(pictures: Tensor | int, seed: int, epoch: int) -> Tensor:
    """Uniform numbers from 0 to 1, (N, DRAWS) float32: a row a picture, by its number alone.

    `pictures` are their numbers (N,), or how many of the first. Any row can be had without the
    others: it is SplitMix64 (Steele et al. 2014, https://doi.org/10.1145/2660193.2660195) from the
    state that the picture's first number has in the epoch's sequence.
    """
    numbers = torch.arange(pictures) if isinstance(pictures, int) else pictures
    states = numbers.numpy().astype(np.uint64)[:, None] * np.uint64(DRAWS)
    states = states + np.arange(1, DRAWS + 1, dtype=np.uint64)
    mixed = states * np.uint64(0x9E3779B97F4A7C15) + np.uint64(_state(seed, epoch, stream=1))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return torch.from_numpy((mixed >> np.uint64(40)).astype(np.float32) * np.float32(2**-24))


def generator(seed: int, epoch: int, stream: int) -> torch.Generator:
    """Random numbers that depend on these three alone."""
    return torch.Generator().manual_seed(_state(seed, epoch, stream))


def _state(seed: int, epoch: int, stream: int) -> int:
    (state,) = np.random.SeedSequence((seed, epoch, stream)).generate_state(1, np.uint64)
    return int(state)


def augment(
    pictures: Tensor,
    uniform: Tensor,
    variation: AugmentRanges,
    *,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    fill: Sequence[float] = (),
) -> Tensor:
    """(N, C, H, W) float32, normalized -> the same shape, varied by `uniform` (N, DRAWS).

    Outside the picture is `fill`, a value a channel, or without one its edge, repeated. `mean` and
    `deviation` are those of the normalization, which saturation and hue must know; without them the
    pictures' values are colors already. Other pictures of the batch are laid over by `mixed`.
    """
    shape = pictures.shape[1:]
    return apply_plan(pictures, make_plan(uniform, variation, shape, mean=mean, std=std, fill=fill))


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each picture of a batch: all that does not depend on its pixels."""

    ranges: AugmentRanges
    uniform: Tensor  #: (N, DRAWS)
    maps: Tensor | None  #: maps, where pictures move
    colors: tuple[Tensor, Tensor, Tensor] | None  #: what `colors` gives, where they are tinted
    fill: tuple[float, ...]  #: a channel, outside the picture; none: its edge, repeated

    def slice(self, first: int, last: int) -> Plan:
        """That of some of the pictures."""
        rows = slice(first, last)
        places = None if self.maps is None else self.maps[rows]
        tints = None
        if self.colors is not None:
            matrix, constant, row = self.colors
            tints = matrix[rows], constant[rows], row[rows]
        return Plan(self.ranges, self.uniform[rows], places, tints, self.fill)


def make_plan(
    uniform: Tensor,
    variation: AugmentRanges,
    shape: Sequence[int],
    *,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    fill: Sequence[float] = (),
) -> Plan:
    """The plan of `vary` for pictures of a shape (C, H, W), of as many batches as one likes."""
    channels, high, wide = shape
    places = affine_maps(uniform, variation, high, wide) if variation.geometric else None
    tints = None
    if variation.photometric:
        scale = tuple(mean) or (0.0,) * channels, tuple(std) or (1.0,) * channels
        tints = color_maps(uniform, variation, *scale)
    return Plan(variation, uniform, places, tints, tuple(fill))


def apply_plan(pictures: Tensor, plan: Plan) -> Tensor:
    """(N, C, H, W) as `vary` takes and gives them, by a plan."""
    places, tints, erase = plan.maps, plan.colors, plan.ranges.erase
    changed = places is not None or tints is not None
    if not (changed or erase):
        return pictures
    if changed and opencv.is_faster(pictures):
        pixels = None if places is None else to_pixels(places, *pictures.shape[2:])
        pictures = opencv.augment(pictures, pixels, tints, plan.fill)
    else:
        pictures = _warp(pictures, places, tints, plan.fill)
    if erase:
        pictures = erase_images(pictures, plan.uniform.to(pictures.device), erase)
    return pictures.contiguous(memory_format=torch.channels_last)


def _warp(
    pictures: Tensor,
    places: Tensor | None,
    tints: tuple[Tensor, Tensor, Tensor] | None,
    fill: tuple[float, ...],
) -> Tensor:
    """The reference, and what a GPU does."""
    if places is not None:
        pictures = warp(pictures, places, fill=fill)
    return apply_colors(pictures, *tints) if tints is not None else pictures
