"""Answer of a task whose answers are pictures."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.plotting.ink import encode
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
