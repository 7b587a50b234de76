"""Variation of training images: whole batches at once, on the device, a draw per image.

Geometry is one affine map per image and one resampling; color is one linear map per image. A
draw is a row of uniform numbers that depends on seed, epoch and image alone, so the same image
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


def uniform_samples(images: Tensor | int, seed: int, epoch: int) -> Tensor:
    """Uniform numbers from 0 to 1, (N, DRAWS) float32: a row an image, by its number alone.

    `images` are their numbers (N,), or how many of the first. Any row can be had without the
    others: it is SplitMix64 (Steele et al. 2014, https://doi.org/10.1145/2660193.2660195) from the
    state that the image's first number has in the epoch's sequence.
    """
    numbers = torch.arange(images) if isinstance(images, int) else images
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
    images: Tensor,
    uniform: Tensor,
    variation: AugmentRanges,
    *,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    fill: Sequence[float] = (),
) -> Tensor:
    """(N, C, H, W) float32, normalized -> the same shape, varied by `uniform` (N, DRAWS).

    Outside the image is `fill`, a value a channel, or without one its edge, repeated. `mean` and
    `deviation` are those of the normalization, which saturation and hue must know; without them the
    images' values are colors already. Other images of the batch are laid over by `mixed`.
    """
    shape = images.shape[1:]
    return apply_plan(images, make_plan(uniform, variation, shape, mean=mean, std=std, fill=fill))


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each image of a batch: all that does not depend on its pixels."""

    ranges: AugmentRanges
    uniform: Tensor  #: (N, DRAWS)
    maps: Tensor | None  #: maps, where images move
    colors: tuple[Tensor, Tensor, Tensor] | None  #: what `colors` gives, where they are tinted
    fill: tuple[float, ...]  #: a channel, outside the image; none: its edge, repeated

    def slice(self, first: int, last: int) -> Plan:
        """That of some of the images."""
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
    """The plan of `vary` for images of a shape (C, H, W), of as many batches as one likes."""
    channels, high, wide = shape
    places = affine_maps(uniform, variation, high, wide) if variation.geometric else None
    tints = None
    if variation.photometric:
        scale = tuple(mean) or (0.0,) * channels, tuple(std) or (1.0,) * channels
        tints = color_maps(uniform, variation, *scale)
    return Plan(variation, uniform, places, tints, tuple(fill))


def apply_plan(images: Tensor, plan: Plan) -> Tensor:
    """(N, C, H, W) as `vary` takes and gives them, by a plan."""
    places, tints, erase = plan.maps, plan.colors, plan.ranges.erase
    changed = places is not None or tints is not None
    if not (changed or erase):
        return images
    if changed and opencv.is_faster(images):
        pixels = None if places is None else to_pixels(places, *images.shape[2:])
        images = opencv.augment(images, pixels, tints, plan.fill)
    else:
        images = _warp(images, places, tints, plan.fill)
    if erase:
        images = erase_images(images, plan.uniform.to(images.device), erase)
    return images.contiguous(memory_format=torch.channels_last)


def _warp(
    images: Tensor,
    places: Tensor | None,
    tints: tuple[Tensor, Tensor, Tensor] | None,
    fill: tuple[float, ...],
) -> Tensor:
    """The reference, and what a GPU does."""
    if places is not None:
        images = warp(images, places, fill=fill)
    return apply_colors(images, *tints) if tints is not None else images
