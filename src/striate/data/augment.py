"""Variation of training pictures: whole batches at once, on the device, a draw per picture.

Geometry is one affine map per picture and one resampling; colour is one scale and one shift per
picture. A draw is a row of uniform numbers that depends on seed, epoch and picture alone, so the
same picture varies in the same way whatever the batches, workers or interruptions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

DRAWS = 8  #: uniform numbers a picture and epoch


@dataclass(frozen=True)
class Variation:
    """Ranges of change; each is drawn evenly from minus to plus its value."""

    turn: float = 0.0  #: degrees
    shift: float = 0.0  #: share of the side
    scale: float = 0.0  #: share of the size
    mirror: bool = False  #: half of the pictures, left to right
    brightness: float = 0.0  #: share of the full range
    contrast: float = 0.0  #: share


VARIATIONS = {
    "none": Variation(),
    "light": Variation(turn=8, shift=0.06, scale=0.08),
    "standard": Variation(turn=8, shift=0.1, scale=0.1, mirror=True, brightness=0.1, contrast=0.15),
    "strong": Variation(turn=20, shift=0.15, scale=0.25, mirror=True, brightness=0.2, contrast=0.3),
}


def draws(count: int, seed: int, epoch: int) -> Tensor:
    """Uniform numbers from 0 to 1 for an epoch, (count, DRAWS) float32: a row a picture."""
    return torch.rand((count, DRAWS), generator=generator(seed, epoch, stream=1))


def generator(seed: int, epoch: int, stream: int) -> torch.Generator:
    """Random numbers that depend on these three alone."""
    (state,) = np.random.SeedSequence((seed, epoch, stream)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state))


def vary(pictures: Tensor, uniform: Tensor, variation: Variation) -> Tensor:
    """(N, C, H, W) float, normalised -> the same shape, varied by `uniform` (N, DRAWS).

    Outside the picture its edge is repeated. Contrast is taken about each picture's mean and
    brightness in units of the normalised range (a deviation of about 0.25 is assumed).
    """
    if variation == Variation():
        return pictures
    signed = uniform * 2 - 1
    grid = F.affine_grid(_maps(signed, variation), list(pictures.shape), align_corners=False)
    moved = F.grid_sample(
        pictures, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    if variation.contrast or variation.brightness:
        mean = moved.mean(dim=(1, 2, 3), keepdim=True)
        gain = (1 + variation.contrast * signed[:, 5]).reshape(-1, 1, 1, 1)
        light = (4 * variation.brightness * signed[:, 6]).reshape(-1, 1, 1, 1)
        moved = moved.mul_(gain).add_(mean * (1 - gain) + light)
    return moved.contiguous(memory_format=torch.channels_last)


def _maps(signed: Tensor, variation: Variation) -> Tensor:
    """(N, DRAWS) from -1 to 1 -> (N, 2, 3), from output to input positions."""
    angle = signed[:, 0] * (variation.turn * torch.pi / 180)
    size = 1 / (1 + variation.scale * signed[:, 1])
    flip = torch.where(signed[:, 4] < 0, -1.0, 1.0) if variation.mirror else 1.0
    across, down = 2 * variation.shift * signed[:, 2], 2 * variation.shift * signed[:, 3]
    cosine, sine = size * angle.cos(), size * angle.sin()
    rows = (cosine * flip, -sine, across, sine * flip, cosine, down)
    return torch.stack(rows, dim=1).reshape(-1, 2, 3)
