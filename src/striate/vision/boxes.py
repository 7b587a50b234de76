"""What a search found, drawn on the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from striate.vision.search import Matches

if TYPE_CHECKING:
    from PIL import Image

COLOUR = "#d6006c"  #: stands out from grey, and from most photos
_TEXT = 10  # pixels


def drawn(image: Any, matches: Matches, *, colour: str = COLOUR) -> Image.Image:
    """(H, W) or (H, W, 3) -> an RGB picture with a box around each match, its score above it.

    uint8 is shown as it is; other numbers are spread from their least, black, to their greatest.
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(_shown(np.asarray(image))).convert("RGB")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(_TEXT)
    high, wide = matches.size
    for (row, column), score in zip(matches.positions.tolist(), matches.scores, strict=True):
        pen.rectangle((column, row, column + wide - 1, row + high - 1), outline=colour)
        pen.text((column + 1, row - 1), f"{score:.2f}", fill=colour, font=font, anchor="ls")
    return picture


def _shown(values: Any) -> Any:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.dtype == np.uint8:
        return values
    values = values.astype(np.float64)
    low, high = values.min(), values.max()
    return np.rint((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)
