"""Images embedded in the report page: thumbnails as `data:` URLs, and large matrices."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.plotting.ink import encode
from striate.plotting.shapes import BLUE, ORANGE, rgb

#: longest side of images stored losslessly as PNG and enlarged without smoothing;
#: larger ones are JPEG, a tenth of the bytes
EXACT = 48
#: longest side of a thumbnail in pixels, and its target size in bytes
LARGEST, MOST_BYTES = 256, 20_000
#: the same of an image of a cell of the confusion matrix
SMALL = 96
_QUALITIES = (88, 70, 45, 20)  #: JPEG qualities, tried until the size fits

RIGHT, WRONG = rgb(BLUE), rgb(ORANGE)


def encode_thumbnail(pixels: NDArray[np.uint8]) -> str:
    """Encode (H, W, 1 or 3), 0 to 255, as a `data:` URL."""
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if max(image.size) <= EXACT:
        return _address("png", encode(image, "png", optimize=True))
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    data = encode(image, "jpeg", quality=_QUALITIES[0])
    for quality in _QUALITIES[1:]:
        if len(data) > MOST_BYTES:
            data = encode(image, "jpeg", quality=quality)
    return _address("jpeg", data)


def encode_small(pixels: NDArray[np.uint8]) -> str:
    """Encode (H, W, 1 or 3), 0 to 255, as a `data:` URL of about 2 KB; small images losslessly.

    WebP: a JPEG of this size is tables by half. Where nothing is lost, quality is effort.
    """
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    lossless = max(image.size) <= EXACT
    image.thumbnail((SMALL, SMALL), Image.Resampling.LANCZOS)
    return _address(
        "webp", encode(image, "webp", quality=20 if lossless else 60, lossless=lossless, method=2)
    )


def draw_matrix(matrix: NDArray[np.int64]) -> bytes:
    """Draw (K, K) counts as a PNG, one pixel per cell, transparent where 0."""
    shades = shade_matrix(matrix)
    cells = np.zeros((*matrix.shape, 4), dtype=np.uint8)
    cells[..., :3] = WRONG
    cells[..., 3] = np.rint(255 * shades)
    diagonal = np.arange(len(matrix))
    cells[diagonal, diagonal, :3] = RIGHT
    return encode(Image.fromarray(cells), "png", optimize=True)


def shade_matrix(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the color intensity of each cell of (K, K) counts, 0 to 1.

    The row share on the diagonal, its square root elsewhere: one error in a hundred stays visible.
    """
    rows = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(rows, 1)
    return np.where(np.eye(len(matrix), dtype=bool), shares, np.sqrt(shares))


def _address(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
