"""Preprocessing from an image to a network's input; saved with the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from PIL import Image

from striate.data.decoding.colors import convert
from striate.data.listing.samples import IGNORE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Fit = Literal["letterbox", "crop", "stretch"]
Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class Preprocess:
    """Size, fit, color and normalization. Nothing else in striate resizes or normalizes.

    `letterbox` keeps the whole image and pads with black, `crop` keeps the center square,
    `stretch` ignores the aspect ratio. That of other inputs is derived from it.
    """

    inputs: ClassVar[str] = "image"  #: what it is for, as `Card.input_kind`
    dtype: ClassVar[str] = "uint8"  #: of a decoded row

    size: int  #: side of the square input in pixels
    channels: int  #: 1 gray, 3 RGB
    fit: Fit = "letterbox"
    mean: tuple[float, ...] = ()  #: per channel, on the scale 0 to 1
    std: tuple[float, ...] = ()
    interpolation: Interpolation = "bilinear"  #: antialiased, as Pillow's

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of a decoded image."""
        return self.size, self.size, self.channels

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the network's input for one image."""
        return self.channels, self.size, self.size

    @property
    def sides(self) -> str:
        """Return the size in words."""
        return f"{self.size}x{self.size} pixels"

    def describe(self) -> str:
        """Return size, color and fit in words."""
        color = "gray" if self.channels == 1 else "color"
        return f"{self.sides}, {color}, {self.fit}"

    def to_json(self) -> dict[str, Any]:
        """Return the record in a model file."""
        kind = {} if self.inputs == "image" else {"inputs": self.inputs}
        return {**kind, **asdict(self)}

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """Shape of what is shown of an image."""
        return self.row_shape

    def pictures(self, rows: NDArray[Any]) -> NDArray[np.uint8]:
        """Return decoded images, one or (N, ...), as they are shown."""
        return rows

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
            image = convert(image, mode)
        fitted = image if image.size == (self.size, self.size) else self._fitted(image)
        return convert(fitted, mode)

    def resize_mask(self, mask: Image.Image, decoded: tuple[int, int]) -> Image.Image:
        """Place class indices, an L image, exactly where `resize` places their image.

        By nearest neighbor; letterbox padding is `IGNORE`. `decoded` is the size of the image given
        to `resize`, which is smaller than its mask if it is a JPEG decoded at a smaller scale.
        """
        box, inner, place = self._placement(*decoded)
        (wide, high), (across, down) = mask.size, decoded
        left, top, right, low = box
        full = left * wide / across, top * high / down, right * wide / across, low * high / down
        canvas = Image.new("L", (self.size, self.size), IGNORE)
        canvas.paste(mask.resize(inner, Image.Resampling.NEAREST, box=full), place)
        return canvas

    def restore_mask(self, mask: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
        """Return class indices (size, size) of an input in the size of its image, (height, width).

        By nearest neighbor, and without letterbox padding; what was cropped is `IGNORE`.
        """
        import numpy as np

        box, inner, place = self._placement(width, height)
        rows, columns = (
            (np.arange(side) + 0.5 - box[axis]) * inner[axis] / (box[axis + 2] - box[axis])
            for axis, side in ((1, height), (0, width))
        )
        down, across = (
            (places >= 0) & (places < count)
            for places, count in ((rows, inner[1]), (columns, inner[0]))
        )
        restored = np.full((height, width), IGNORE, np.uint8)
        picked = np.ix_(rows[down].astype(int) + place[1], columns[across].astype(int) + place[0])
        restored[np.ix_(down, across)] = mask[picked]
        return restored

    def place_boxes(
        self, corners: NDArray[np.float64], sizes: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Place boxes (B, 4) of images of `sizes` (B, 2), width and height, where `resize` does.

        Boxes are left, top, right, bottom in pixels, clipped to what is shown of their image.
        """
        import numpy as np

        known, which = np.unique(sizes, axis=0, return_inverse=True)
        places = [self._placement(round(wide), round(high)) for wide, high in known.tolist()]
        flat = [[*box, *inner, *place] for box, inner, place in places]
        placed = np.array(flat, np.float64).reshape(-1, 8)[which.reshape(-1)]
        boxes, inner, place = np.split(placed, (4, 6), axis=1)
        scale = inner / (boxes[:, 2:] - boxes[:, :2])
        moved = (corners.reshape(-1, 2, 2) - boxes[:, None, :2]) * scale[:, None]
        return (moved.clip(0, inner[:, None]) + place[:, None]).reshape(-1, 4)

    def restore_boxes(
        self, corners: NDArray[np.floating[Any]], width: int, height: int
    ) -> NDArray[np.float64]:
        """Return boxes (B, 4) of an input in pixels of its image, clipped to the image."""
        import numpy as np

        box, inner, place = self._placement(width, height)
        left, top, right, low = box
        scale = np.array([(right - left) / inner[0], (low - top) / inner[1]])
        moved = (corners.reshape(-1, 2, 2) - np.array(place)) * scale + np.array([left, top])
        return moved.clip(0, np.array([width, height])).reshape(-1, 4)

    def frame(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return where an image lies in the input: first row and column, end row and column."""
        _, (wide, high), (left, top) = self._placement(width, height)
        return top, left, top + high, left + wide

    def normalize(self, pixels: Tensor) -> Tensor:
        """(N, size, size, channels) uint8 -> (N, channels, size, size) float32, channels last."""
        _, _, wide, channels = pixels.shape
        # a whole row at once: three channels are too few for SIMD vectors
        times = wide if channels > 1 else 1
        values = pixels.flatten(2).float()
        mean = (values.new_tensor(self.mean) * 255).repeat(times)
        std = (values.new_tensor(self.std) * 255).repeat(times)
        return values.sub_(mean).div_(std).view(pixels.shape).permute(0, 3, 1, 2)

    def variants(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return what of the network's inputs is answered for and averaged: these alone."""
        return (inputs,)

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
        """Resize along the rows, then along the columns: in one call, Pillow chooses the order."""
        (left, top, right, low), inner, place = self._placement(*image.size)
        method, high = Image.Resampling[self.interpolation.upper()], image.height
        rows = image.resize((inner[0], high), method, box=(left, 0, right, high))
        fitted = rows.resize(inner, method, box=(0, top, inner[0], low))
        if inner == (self.size, self.size):
            return fitted
        canvas = Image.new(image.mode, (self.size, self.size))
        canvas.paste(fitted, place)
        return canvas

    def _placement(
        self, width: int, height: int
    ) -> tuple[tuple[float, float, float, float], tuple[int, int], tuple[int, int]]:
        """Return the part of an image that is used, its size in the input, and its place there."""
        side, whole = self.size, (0, 0, width, height)
        if self.fit == "stretch":
            return whole, (side, side), (0, 0)
        if self.fit == "crop":
            edge = min(width, height)
            left, top = (width - edge) / 2, (height - edge) / 2
            return (left, top, left + edge, top + edge), (side, side), (0, 0)
        scale = side / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        return whole, inner, ((side - inner[0]) // 2, (side - inner[1]) // 2)
