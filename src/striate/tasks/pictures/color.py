"""Luminance and chroma of pictures, as JPEG parts them, and pictures as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Pixels = NDArray[np.uint8]

#: ITU-R BT.601, as JPEG and Pillow's mode L: luminance, then blue and red chroma from -0.5 to 0.5
_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def to_luminance(images: Tensor) -> Tensor:
    """(N, 3, H, W) from 0 to 1 -> (N, 1, H, W) the same."""
    return _mixed(images, _TO_YCC[:1])


def to_chroma(images: Tensor) -> Tensor:
    """(N, 3, H, W) from 0 to 1 -> (N, 2, H, W) from -0.5 to 0.5."""
    return _mixed(images, _TO_YCC[1:])


def to_rgb(luminance: Tensor, chroma: Tensor) -> Tensor:
    """(N, 1, H, W) and (N, 2, H, W) -> (N, 3, H, W)."""
    return _mixed(torch.cat([luminance, chroma], dim=1), _TO_RGB)


def _mixed(images: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("oc,nchw->nohw", images.new_tensor(matrix), images)


def to_bytes(pictures: NDArray[Any]) -> Pixels:
    """(..., C, H, W) from 0 to 1 -> (..., H, W, C) uint8, rounded; what is beyond is cut off."""
    return np.rint(np.moveaxis(pictures, -3, -1).clip(0, 1) * 255).astype(np.uint8)
