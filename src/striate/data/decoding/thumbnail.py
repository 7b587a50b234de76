"""How an image looks, in a few numbers: a thumbnail to compare, and measures of its quality."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

THUMBNAIL = 8  #: side of a thumbnail in pixels
_VIEW = 256  #: longest side at which quality is measured, as networks see no finer detail


class Quality(NamedTuple):
    """Measures of one image at 256 pixels or less; gray levels from 0 to 255."""

    sharpness: float  #: log of the energy of the Laplacian over that of the gradient
    low: float  #: gray level that 5 % of the pixels stay below
    high: float  #: gray level that 95 % of the pixels stay below
    clipped: float  #: share of pixels at 250 or above


def make_thumbnail(image: Image.Image) -> bytes:
    """Return 8x8 gray levels, row by row, of an L or RGB image; its aspect ratio is ignored."""
    side = THUMBNAIL, THUMBNAIL
    return image.resize(side, Image.Resampling.BILINEAR, reducing_gap=2.0).convert("L").tobytes()


def measure_quality(image: Image.Image) -> Quality:
    """Measure sharpness and exposure of an L or RGB image."""
    import cv2  # imported lazily: only `check` measures, and a worker starts faster without
    import numpy as np

    gray = image.convert("L")
    gray.thumbnail((_VIEW, _VIEW), Image.Resampling.BILINEAR)
    pixels = np.asarray(gray)
    low, high = np.percentile(pixels, (5, 95))
    levels = pixels.astype(np.float32)
    laplacian = cv2.Laplacian(levels, cv2.CV_32F)
    energy = sum(float((np.diff(levels, axis=axis) ** 2).sum()) for axis in (0, 1))
    noise = 0.1 * pixels.size  # of rounding to whole gray levels
    sharpness = np.log((float((laplacian**2).sum()) + noise) / (energy + noise))
    return Quality(float(sharpness), float(low), float(high), float((pixels >= 250).mean()))
