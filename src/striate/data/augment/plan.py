"""Augmentation of training images: whole batches at once, on the device, sampled per image.

Geometry is one affine map per image and one resampling; color is one linear map per image. The
random numbers of an image depend on seed, epoch and image only, so augmentation does not change
with batch size, workers or interruptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment import opencv
from striate.data.augment.color import apply_colors, color_maps
from striate.data.augment.geometry import affine_maps, to_pixels, warp
from striate.data.augment.mixing import erase_images
from striate.data.augment.ranges import DRAWS, HFLIP, LEVELS, AugmentRanges
from striate.data.augment.signals import signal_ranges, vary_signals
from striate.data.augment.strands import strand_ranges, vary_strands
from striate.data.augment.windows import Windows, place_windows
from striate.data.listing.samples import IGNORE

__all__ = [
    "DRAWS",
    "LEVELS",
    "AugmentRanges",
    "Plan",
    "apply_plan",
    "augment",
    "generator",
    "make_plan",
    "mix_states",
    "move_masks",
    "uniform_samples",
]


def uniform_samples(images: Tensor | int, seed: int, epoch: int, stream: int = 1) -> Tensor:
    """Return uniform random numbers in [0, 1), (N, DRAWS) float32, one row per image index.

    `images` are image indices (N,), or the number of images, counted from 0. Rows are computed
    independently: SplitMix64 (Steele et al. 2014, https://doi.org/10.1145/2660193.2660195), seeded
    per row from the epoch's sequence. Another `stream` gives other numbers.
    """
    numbers = torch.arange(images) if isinstance(images, int) else images
    states = numbers.numpy().astype(np.uint64)[:, None] * np.uint64(DRAWS)
    mixed = mix_states(states + np.arange(1, DRAWS + 1, dtype=np.uint64), seed, epoch, stream)
    return torch.from_numpy((mixed >> np.uint64(40)).astype(np.float32) * np.float32(2**-24))


def mix_states(
    states: NDArray[np.uint64], seed: int, epoch: int, stream: int
) -> NDArray[np.uint64]:
    """Return a random integer for each state (N, ...), by SplitMix64."""
    mixed = states * np.uint64(0x9E3779B97F4A7C15) + np.uint64(_state(seed, epoch, stream))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def generator(seed: int, epoch: int, stream: int) -> torch.Generator:
    """Return a generator seeded by these three values only."""
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
    """Augment (N, C, H, W) float32, normalized images by `uniform` (N, DRAWS); keeps the shape.

    Pads with `fill`, one value per channel, or the replicated edge if empty. `mean` and `std` are
    the normalization constants, required by saturation and hue; without them, values are taken as
    unnormalized colors. Mixup and CutMix are applied by `mix_images`.
    """
    shape = images.shape[1:]
    return apply_plan(images, make_plan(uniform, variation, shape, mean=mean, std=std, fill=fill))


@dataclass(frozen=True, slots=True)
class Plan:
    """Augmentation parameters of a batch: everything that does not depend on its pixels."""

    ranges: AugmentRanges
    uniform: Tensor  #: (N, DRAWS)
    maps: Tensor | None  #: result of `affine_maps`; None without geometric augmentation
    colors: tuple[Tensor, Tensor, Tensor] | None  #: result of `color_maps`, if any
    fill: tuple[float, ...]  #: padding value per channel; empty: replicate the edge
    shape: tuple[int, int]  #: height and width of the images
    #: to which `maps` lead from boxes of the images; None: whole images
    windows: Windows | None = None
    strands: bool = False  #: of letters of DNA, which are mirrored into the other strand

    @property
    def size(self) -> tuple[int, ...]:
        """Height and width of the result; empty: those of the images."""
        return () if self.windows is None else (self.windows.side, self.windows.side)

    @property
    def mirrored(self) -> Tensor:
        """(N,) bool: which images are flipped left to right."""
        return (self.uniform[:, HFLIP] < 0.5) & self.ranges.hflip

    def slice(self, first: int, last: int) -> Plan:
        """Return the plan of images `first` to `last` (exclusive)."""
        rows = slice(first, last)
        places = None if self.maps is None else self.maps[rows]
        tints = None
        if self.colors is not None:
            matrix, constant, row = self.colors
            tints = matrix[rows], constant[rows], row[rows]
        windows = self.windows and self.windows.slice(first, last)
        return Plan(self.ranges, self.uniform[rows], places, tints, self.fill, self.shape, windows)


def make_plan(
    uniform: Tensor,
    variation: AugmentRanges,
    shape: Sequence[int],
    *,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    fill: Sequence[float] = (),
    windows: Windows | None = None,
    strands: bool = False,
) -> Plan:
    """Return the plan of `augment` for images of shape (C, H, W), for any number of batches.

    That of signals, of shape (C, L), leaves out what they cannot vary in; with `strands` they are
    letters of DNA, whose mirror image is the other strand.

    With `windows`, as of `draw_windows`, it is that of windows of square images: the `cut` of its
    windows is to be applied to images and masks first.
    """
    if len(shape) == 2:
        ranges = strand_ranges(variation) if strands else signal_ranges(variation)
        size = 1, shape[1]
        return Plan(ranges, uniform, None, None, tuple(fill), size, strands=strands)
    channels, high, wide = shape
    places = affine_maps(uniform, variation, high, wide) if variation.geometric else None
    if windows is not None and places is not None:
        windows, places = place_windows(windows, high, places, variation)
    tints = None
    if variation.photometric:
        scale = tuple(mean) or (0.0,) * channels, tuple(std) or (1.0,) * channels
        tints = color_maps(uniform, variation, *scale)
    return Plan(variation, uniform, places, tints, tuple(fill), (high, wide), windows)


def apply_plan(images: Tensor, plan: Plan) -> Tensor:
    """Augment (N, C, H, W) images, or (N, C, L) signals, by a plan; as `augment` does.

    Images of a plan with windows are the boxes that were cut of them.
    """
    if images.ndim == 3:
        vary = vary_strands if plan.strands else vary_signals
        return vary(images, plan.uniform.to(images.device), plan.ranges, plan.fill)
    places, tints, erase = plan.maps, plan.colors, plan.ranges.erase
    changed = places is not None or tints is not None
    if not (changed or erase):
        return images
    if changed and opencv.is_faster(images):
        pixels = None if places is None else to_pixels(places, *images.shape[2:], size=plan.size)
        images = opencv.augment(images, pixels, tints, plan.fill, plan.size)
    else:
        images = _warp(images, plan)
    if erase:
        images = erase_images(images, plan.uniform.to(images.device), erase)
    return images.contiguous(memory_format=torch.channels_last)


def move_masks(masks: Tensor, plan: Plan) -> Tensor:
    """Move (N, H, W) uint8 masks of class indices as `apply_plan` moves their images.

    By nearest neighbor, so that no index appears that was not there. Beyond the edge a mask is
    `IGNORE`, whether its image is padded with a value there or repeats the edge. Colors and erasing
    leave masks as they are.
    """
    if plan.maps is None:
        return masks
    if opencv.is_faster(masks[:, None]):
        places = to_pixels(plan.maps, *masks.shape[1:], size=plan.size)
        return opencv.move_masks(masks, places, IGNORE, plan.size)
    return warp(masks[:, None].float(), plan.maps, "nearest", (IGNORE,), plan.size)[:, 0].byte()


def _warp(images: Tensor, plan: Plan) -> Tensor:
    """Apply the maps with torch: the reference implementation, and the one used on a GPU."""
    if plan.maps is not None:
        images = warp(images, plan.maps, fill=plan.fill, size=plan.size)
    return images if plan.colors is None else apply_colors(images, *plan.colors)
