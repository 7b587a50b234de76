"""Preprocessing from an image to a network's input; saved with the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from PIL import Image

from striate.data.decoding.colors import by_bands

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Fit = Literal["letterbox", "crop", "stretch"]


@dataclass(frozen=True)
class Preprocess:
    """Size, fit, color and normalization. Nothing else in striate resizes or normalizes.

    `letterbox` keeps the whole image and pads with black, `crop` keeps the center square,
    `stretch` ignores the aspect ratio.
    """

    size: int  #: side of the square input in pixels
    channels: int  #: 1 gray, 3 RGB
    fit: Fit = "letterbox"
    mean: tuple[float, ...] = ()  #: per channel, on the scale 0 to 1
    std: tuple[float, ...] = ()

    @property
    def padding(self) -> tuple[float, ...]:
        """Normalized letterbox padding, one value per channel; empty if nothing is padded.

        Geometric augmentation pads with it too.
        """
        if self.fit != "letterbox":
            return ()
        return tuple(-m / d for m, d in zip(self.mean, self.std, strict=True))

    def to_array(self, image: Image.Image) -> NDArray[np.uint8]:
        """Convert an upright 8-bit L or RGB image to (size, size, channels) uint8, 0 to 255."""
        import numpy as np  # imported lazily: it takes half of a worker's start-up time

        fitted = np.asarray(self.resize(image), dtype=np.uint8)
        return fitted.reshape(self.size, self.size, self.channels)

    def resize(self, image: Image.Image) -> Image.Image:
        """Resize like `to_array`, but return an image: its bytes are those of the array."""
        mode = "L" if self.channels == 1 else "RGB"
        if mode == "L":  # gray before resizing: the reverse rounds twice
            image = by_bands(image, mode, lambda band: band.convert(mode))
        fitted = image if image.size == (self.size, self.size) else self._fitted(image)
        return fitted.convert(mode)

    def normalize(self, pixels: Tensor) -> Tensor:
        """(N, size, size, channels) uint8 -> (N, channels, size, size) float32, channels last."""
        _, _, wide, channels = pixels.shape
        # a whole row at once: three channels are too few for SIMD vectors
        times = wide if channels > 1 else 1
        values = pixels.flatten(2).float()
        mean = (values.new_tensor(self.mean) * 255).repeat(times)
        std = (values.new_tensor(self.std) * 255).repeat(times)
        return values.sub_(mean).div_(std).view(pixels.shape).permute(0, 3, 1, 2)

    def with_statistics(self, images: Iterable[NDArray[np.uint8]]) -> Preprocess:
        """Return it with the mean and std per channel of images (size, size, channels)."""
        import cv2  # imported lazily, like NumPy
        import numpy as np

        moments = np.array([cv2.meanStdDev(image) for image in images])
        means, spreads = moments[..., 0].swapaxes(0, 1) / 255  # (images, channels) each
        mean = means.mean(axis=0)
        std = np.sqrt((spreads**2 + (means - mean) ** 2).mean(axis=0)).clip(min=1 / 255)
        return replace(self, mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    def _fitted(self, image: Image.Image) -> Image.Image:
        side = self.size
        width, height = image.size
        if self.fit == "stretch":
            return image.resize((side, side), Image.Resampling.BILINEAR)
        if self.fit == "crop":
            edge = min(width, height)
            left, top = (width - edge) / 2, (height - edge) / 2
            box = (left, top, left + edge, top + edge)
            return image.resize((side, side), Image.Resampling.BILINEAR, box=box)
        scale = side / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        canvas = Image.new(image.mode, (side, side))
        place = (side - inner[0]) // 2, (side - inner[1]) // 2
        canvas.paste(image.resize(inner, Image.Resampling.BILINEAR), place)
        return canvas
