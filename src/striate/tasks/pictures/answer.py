"""Answer of a task whose answers are pictures."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.data.decoding.preprocess import Preprocess
from striate.plotting.ink import encode
from striate.tasks.answers import Answers
from striate.text import MISSING


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """The picture that is answered; kept as a PNG file, which needs less memory."""

    width: int = 0
    height: int = 0
    png: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, picture: NDArray[np.uint8]) -> PictureAnswer:
        """Return the answer of pixels (H, W, 1 or 3)."""
        high, wide, channels = picture.shape
        image = Image.fromarray(picture[..., 0] if channels == 1 else picture)
        return cls(wide, high, encode(image, "png"))

    @property
    def picture(self) -> NDArray[np.uint8]:
        """Its pixels (H, W, 1 or 3)."""
        return np.atleast_3d(np.asarray(Image.open(io.BytesIO(self.png))))

    def draw(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return it beside its image (H, W, 1 or 3), which is enlarged to its height: (H, W, 3)."""
        answer = Image.open(io.BytesIO(self.png)).convert("RGB")
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
        image = image.resize(answer.size, Image.Resampling.NEAREST)
        return np.concatenate([np.asarray(image), np.asarray(answer)], axis=1)

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """Width and height in pixels."""
        return "width", "height"

    @property
    def columns(self) -> tuple[str, ...]:
        """The size of the picture."""
        return ("picture",)

    def csv_cells(self) -> tuple[str, ...]:
        """Return width and height in pixels."""
        return str(self.width), str(self.height)

    def cells(self) -> tuple[str, ...]:
        """Return "256 x 192 pixels"."""
        return (f"{self.width} x {self.height} pixels" if self.png else MISSING,)

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return width and height."""
        return ("picture", "pixels"), ("width", str(self.width)), ("height", str(self.height))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"width": self.width, "height": self.height}


def to_bytes(pictures: NDArray[Any]) -> NDArray[np.uint8]:
    """(..., C, H, W) from 0 to 1 -> (..., H, W, C) uint8, rounded; what is beyond is cut off."""
    return np.rint(np.moveaxis(pictures, -3, -1).clip(0, 1) * 255).astype(np.uint8)


#: of an example beside an exported model
_PYTHON = """\
picture = (decoded.transpose(1, 2, 0).clip(0, 1) * 255).round().astype("uint8")
Image.fromarray(picture.squeeze()).save(path + ".answer.png")
"""


_SCRIPT = """\
const [channels, height, width] = shape, pixels = new Uint8ClampedArray(4 * height * width);
for (let at = 0; at < height * width; at++) {
  for (let c = 0; c < 3; c++)
    pixels[4 * at + c] = 255 * decoded[(c % channels) * height * width + at];
  pixels[4 * at + 3] = 255;
}
return {title: `${width} x ${height}`, rows: [], picture: new ImageData(pixels, width, height)};"""


@dataclass(frozen=True)
class PictureAnswers(Answers):
    """A picture, as large as its image or a multiple."""

    kind: ClassVar[str] = "image"
    head: ClassVar[str] = "image"
    own_size: ClassVar[bool] = True
    decodes: ClassVar[str] = "pictures"
    pipeline: ClassVar[str] = "image-to-image"

    @property
    def blank(self) -> PictureAnswer:
        """No picture."""
        return PictureAnswer()

    def constant(self, name: str, default: float) -> float:
        """Return a setting that belongs to the model."""
        return self.spec.constants.get(name, (default,))[0]

    @property
    def scale(self) -> int:
        """Side of an answer, in sides of its image."""
        return int(self.constant("scale", 1))

    def restore(
        self, decoded: NDArray[Any], preprocess: Preprocess, size: tuple[int, int]
    ) -> NDArray[Any]:
        """Return a picture (C, h, w) in the size of its image times the scale, without padding.

        Of what the center of `fit="crop"` leaves out nothing is answered.
        """
        import cv2  # imported lazily: few answers are enlarged

        wide, high = size
        frame = (self.scale * edge for edge in preprocess.frame(wide, high))
        top, left, low, right = frame
        if preprocess.fit == "crop":
            wide = high = min(size)
        picture = np.moveaxis(decoded, 0, -1)[top:low, left:right]
        large = cv2.resize(
            picture, (self.scale * wide, self.scale * high), interpolation=cv2.INTER_CUBIC
        )
        return np.moveaxis(np.atleast_3d(large), -1, 0)

    def write_python(self) -> str:
        """Return lines that print the answer of a row."""
        return _PYTHON

    def write_script(self) -> str:
        """Return lines that show the picture."""
        return _SCRIPT

    def answer(self, decoded: NDArray[Any], top: int) -> PictureAnswer:
        """Return the answer of a picture (C, H, W)."""
        return PictureAnswer.of(to_bytes(decoded))


@dataclass(frozen=True)
class SquareAnswers(PictureAnswers):
    """A picture of an image as the network sees it, which has one size."""

    own_size: ClassVar[bool] = False
