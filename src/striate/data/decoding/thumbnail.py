"""How an image looks, in a few numbers: a thumbnail to compare, and measures of its quality."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

THUMBNAIL = 8  #: side of a thumbnail in pixels
_SAMPLED = 64  #: places along a side where a large image is sampled
_LUMA = 0.299, 0.587, 0.114  #: of red, green and blue, as in Pillow
_VIEW = 256  #: longest side at which quality is measured, as networks see no finer detail


class Quality(NamedTuple):
    """Measures of one image at 256 pixels or less; gray levels from 0 to 255."""

    sharpness: float  #: log of the energy of the Laplacian over that of the gradient
    low: float  #: gray level that 5 % of the pixels stay below
    high: float  #: gray level that 95 % of the pixels stay below
    clipped: float  #: share of pixels at 250 or above


def make_thumbnails(
    images: Iterable[NDArray[np.uint8]], *, resized: bool = False
) -> NDArray[np.uint8]:
    """Return 8x8 gray levels (N, 64) of images that all are (H, W, 3), (H, W, 1) or (H, W).

    Their aspect ratio is ignored. What lies on the edge of two cells counts for both, so that a
    copy cropped by little has nearly the same. Large images that were `resized` are sampled, as
    there is little detail between the samples.
    """
    import cv2  # imported lazily: a worker starts faster without
    import numpy as np

    size = 2 * THUMBNAIL, 2 * THUMBNAIL
    centers = 2 * np.arange(THUMBNAIL, dtype=np.float32) + 0.5
    shares = (1 - np.abs(np.arange(size[0]) - centers[:, None]) / 2).clip(min=0)
    shares /= shares.sum(axis=1, keepdims=True)

    def reduce(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if resized and min(image.shape[:2]) > _SAMPLED:
            sampled = cv2.resize(image, (_SAMPLED, _SAMPLED), interpolation=cv2.INTER_LINEAR)
            return np.asarray(cv2.resize(sampled, size, interpolation=cv2.INTER_AREA), np.uint8)
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)

    def overlaps(side: int) -> NDArray[np.float32]:
        """Return the share (16, side) of each pixel in the 16 parts of a side."""
        edges = np.linspace(0, side, size[0] + 1, dtype=np.float32)[:, None]
        covered = (edges - np.arange(side, dtype=np.float32)).clip(0, 1)
        return (np.diff(covered, axis=0) * (size[0] / side)).astype(np.float32)

    fine = list(images)
    down = across = shares
    sizes = {image.shape[:2] for image in fine}
    high, wide = min(sizes)
    if len(sizes) == 1 and size[0] <= min(high, wide) and max(high, wide) <= _SAMPLED:
        down, across = shares @ overlaps(high), shares @ overlaps(wide)  # quicker, many at once
    else:
        fine = [reduce(image) for image in fine]
    shown = np.stack(fine).astype(np.float32)
    if shown.ndim == 4:
        shown = shown @ np.array(_LUMA, np.float32) if shown.shape[3] == 3 else shown[..., 0]
    return (down @ shown @ across.T).round().astype(np.uint8).reshape(len(shown), -1)


def measure_quality(image: Image.Image) -> Quality:
    """Measure sharpness and exposure of an L or RGB image."""
    import cv2  # imported lazily: a worker starts faster without
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
