"""Maps of distances: brought to the size of an image, and drawn over it as heat."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import IGNORE

#: gray weights of red, green and blue (ITU-R BT.601)
_GRAY = np.array([0.299, 0.587, 0.114])
#: the distances that a PNG file tells apart reach to so many times that of the heat
REACH = 1.5
_HOT, _OPACITY = np.array([214.0, 39.0, 40.0]), 0.75

Distances = NDArray[np.floating[Any]]


def enlarge(distances: Distances, side: int) -> NDArray[np.float32]:
    """Interpolate distances (h, w) to a square of `side` pixels."""
    small = Image.fromarray(distances.astype(np.float32))
    return np.asarray(small.resize((side, side), Image.Resampling.BILINEAR))


def restore(
    distances: Distances, preprocess: Preprocess, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Return distances (h, w) in the size (width, height) of the image: (height, width).

    They are told apart in 254 steps; what was cropped has 0.
    """
    most = float(distances.max()) or 1.0
    steps = np.rint(enlarge(distances, preprocess.size) / most * (IGNORE - 1)).astype(np.uint8)
    found = preprocess.restore_mask(steps, *size)
    return np.where(found == IGNORE, 0, found / (IGNORE - 1) * most).astype(np.float32)


def encode(distances: Distances, heat: float) -> bytes:
    """Write distances (H, W) as a gray PNG file, white at `REACH` times the heat."""
    levels = np.clip(distances / max(REACH * heat, 1e-12), 0, 1) * 255
    file = io.BytesIO()
    Image.fromarray(np.rint(levels).astype(np.uint8)).save(file, "png")
    return file.getvalue()


def decode(png: bytes) -> NDArray[np.float32]:
    """Return the distances of a file, in multiples of the heat: (H, W)."""
    return np.asarray(Image.open(io.BytesIO(png)), np.float32) * (REACH / 255)


def draw_heat(pixels: NDArray[np.uint8], heat: Distances) -> NDArray[np.uint8]:
    """Lay red over the gray of an image (H, W, 1 or 3) where distances are above the heat of 1."""
    gray = pixels @ _GRAY if pixels.shape[2] == 3 else pixels[..., 0].astype(np.float64)
    share = (_OPACITY * np.clip((heat - 1) / (REACH - 1), 0, 1))[..., None]
    return np.rint((1 - share) * gray[..., None] + share * _HOT).astype(np.uint8)
