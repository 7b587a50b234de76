"""Bounding boxes of matches, drawn on the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from striate.errors import OptionError
from striate.plotting.ink import font

if TYPE_CHECKING:
    from striate.vision.template_match import Matches

COLOR = "#d6006c"  #: visible on gray and on most photographs
_TEXT = 10  # pixels


def draw_matches(image: Any, matches: Matches, *, color: str = COLOR) -> Image.Image:
    """Draw a box with its score for each match on (H, W) or (H, W, 3); return an RGB image.

    uint8 is shown unchanged; other dtypes are scaled from minimum (black) to maximum (white).
    Raises OptionError for other shapes.
    """
    pixels = Image.fromarray(_shown(image)).convert("RGB")
    pen = ImageDraw.Draw(pixels)
    high, wide = matches.size
    for (row, column), score in zip(matches.positions.tolist(), matches.scores, strict=True):
        pen.rectangle((column, row, column + wide - 1, row + high - 1), outline=color)
        pen.text((column + 1, row - 1), f"{score:.2f}", fill=color, font=font(_TEXT), anchor="ls")
    return pixels


def _shown(image: Any) -> NDArray[np.uint8]:
    from striate.vision.arrays import floats  # imported lazily: it loads OpenCV

    values = floats(image, "the image")
    if values.ndim < 2 or values.shape[2:] not in ((), (1,), (3,)):
        raise OptionError(f"the image must be (H, W) or (H, W, 3), but {values.shape} came")
    if values.shape[2:] == (1,):
        values = values[:, :, 0]
    if str(getattr(image, "dtype", "")).removeprefix("torch.") != "uint8":
        low, high = values.min(), values.max()
        values = (values - low) * (255 / ((high - low) or 1))
    return np.rint(values).astype(np.uint8)
