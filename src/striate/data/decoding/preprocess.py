"""The one way from an image to a network's input; it travels with the network it trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PIL import Image

from striate.data.decoding.colors import by_bands

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Fit = Literal["letterbox", "crop", "stretch"]


@dataclass(frozen=True)
class Preprocess:
    """Size, fit, color and normalization. Nothing else in striate resizes or normalizes.

    `letterbox` keeps the whole image and fills the rest with black, `crop` keeps the middle
    square, `stretch` ignores the proportions.
    """

    size: int  #: side in pixels of the square a network sees
    channels: int  #: 1 gray, 3 RGB
    fit: Fit = "letterbox"
    mean: tuple[float, ...] = ()  #: a channel, on the scale 0 to 1
    std: tuple[float, ...] = ()

    @property
    def padding(self) -> tuple[float, ...]:
        """What letterbox fills with, normalized, a value a channel; empty where nothing is filled.

        Where a training image is moved, this is around it too.
        """
        if self.fit != "letterbox":
            return ()
        return tuple(-m / d for m, d in zip(self.mean, self.std, strict=True))

    def to_array(self, image: Image.Image) -> NDArray[np.uint8]:
        """Upright 8-bit L or RGB image -> (size, size, channels) uint8, 0 to 255."""
        import numpy as np  # loading it takes half of the time in which a decoding process starts

        fitted = np.asarray(self.resize(image), dtype=np.uint8)
        return fitted.reshape(self.size, self.size, self.channels)

    def resize(self, image: Image.Image) -> Image.Image:
        """The same as an image: its bytes are those of the array."""
        mode = "L" if self.channels == 1 else "RGB"
        if mode == "L":  # made gray before it is resized: the other way it is rounded twice
            image = by_bands(image, mode, lambda band: band.convert(mode))
        fitted = image if image.size == (self.size, self.size) else self._fitted(image)
        return fitted.convert(mode)

    def normalize(self, pixels: Tensor) -> Tensor:
        """(N, size, size, channels) uint8 -> (N, channels, size, size) float32, channels last."""
        _, _, wide, channels = pixels.shape
        # a whole row at once: three channels are too few for a processor's vectors
        times = wide if channels > 1 else 1
        values = pixels.flatten(2).float()
        mean = (values.new_tensor(self.mean) * 255).repeat(times)
        std = (values.new_tensor(self.std) * 255).repeat(times)
        return values.sub_(mean).div_(std).view(pixels.shape).permute(0, 3, 1, 2)

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
