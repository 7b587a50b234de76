"""Random windows of training images, so that large images are trained on piece by piece.

A window is cut from its augmented image, but only its own pixels are computed: its map leads to a
box of the image, and that box is cut before anything else is done.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from striate.data.augment.ranges import AugmentRanges
from striate.data.decoding.preprocess import Preprocess

_BESIDE = 4  #: pixels of a box beyond those of its window: interpolation, and rounding on each side


@dataclass(frozen=True, slots=True)
class Crop:
    """Side of the windows, and where each image of a split lies in the input."""

    side: int  #: in pixels
    frames: Tensor  #: (N, 4) int64: of `Preprocess.frame`


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of a batch of square images, and the boxes that hold all pixels they show."""

    side: int  #: of a window in pixels
    box: int  #: side of a box
    corners: Tensor  #: (N, 2) int64: first row and column of each box

    def cut(self, images: Tensor) -> Tensor:
        """Cut the boxes: (N, size, size, ...) -> (N, box, box, ...)."""
        return torch.stack(
            [
                image[top : top + self.box, left : left + self.box]
                for image, (top, left) in zip(images, self.corners.tolist(), strict=True)
            ]
        )

    def slice(self, first: int, last: int) -> Windows:
        """Return the windows of images `first` to `last` (exclusive)."""
        return Windows(self.side, self.box, self.corners[first:last])


def find_frames(sizes: Iterable[tuple[int, int]], preprocess: Preprocess) -> Tensor:
    """Return where images of the given widths and heights lie in the input, (N, 4) int64."""
    known: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    frames = (known.get(size) or known.setdefault(size, preprocess.frame(*size)) for size in sizes)
    return torch.tensor(list(frames), dtype=torch.int64).reshape(-1, 4)


def draw_windows(drawn: Tensor, frames: Tensor, side: int, size: int) -> Windows:
    """Return a window of each image of `size` pixels a side; the boxes are the windows.

    The first two columns of `drawn` (N, 2 or more) are uniform in [0, 1). Windows lie inside their
    frame (N, 4), or around it along an axis where it is smaller.
    """
    first, last = frames[:, :2], frames[:, 2:] - side
    low = torch.minimum(first, last).clamp(0, size - side)
    high = torch.maximum(first, last).clamp(0, size - side)
    return Windows(side, side, low + (drawn[:, :2].double() * (high - low + 1)).long())


def place_windows(
    windows: Windows, size: int, maps: Tensor, variation: AugmentRanges
) -> tuple[Windows, Tensor]:
    """Return windows of augmented images with the boxes of the images that they show.

    `maps` (N, 2, 3), as of `affine_maps` with these ranges, are those of the whole images; those
    from windows to boxes are returned.
    """
    side, box = windows.side, _box_side(variation, windows.side, size)
    middles = (2 * windows.corners.flip(1) + side).double() / size - 1  # across, down
    middles = torch.einsum("nij,nj->ni", maps[:, :, :2], middles) + maps[:, :, 2]
    first = ((middles + 1) * (size / 2) - box / 2).round().clamp(0, size - box)
    offset = middles - ((2 * first + box) / size - 1)
    inside = torch.cat((maps[:, :, :2] * (side / size), offset[:, :, None]), dim=2) * (size / box)
    return Windows(side, box, first.long().flip(1)), inside


def _box_side(variation: AugmentRanges, side: int, size: int) -> int:
    """Return a side of boxes, in pixels, that holds what any window can show.

    It depends on the ranges alone, so that an image is the same in any batch.
    """
    angle = math.radians(min(45, variation.rotate))
    slant = math.tan(math.radians(variation.shear))
    wider = math.cos(angle) + math.sin(angle) + slant
    enlarged = math.sqrt(1 + variation.aspect) / max(1 - variation.scale, 1e-9)
    return math.ceil(min(size, side * wider * enlarged + _BESIDE))
