"""Traits of an image that should say nothing of what it shows: its file, its frame, its colors."""

from __future__ import annotations

import io
import math
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from striate.data.decoding.decode import decode
from striate.data.decoding.files import Piece, RefusedError, read_bytes, silence
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.opening import form_of, opened
from striate.data.decoding.preprocess import Preprocess

Floats = NDArray[np.float64]
Gray = NDArray[np.float32]

_SIDES = ("top border", "bottom border", "left border", "right border")
#: group -> its traits, in the order of a row; the corners, a group too, are measured beside them
GROUPS: dict[str, tuple[str, ...]] = {
    "size": ("pixels", "width", "height"),
    "aspect ratio": ("aspect ratio",),
    "file format": ("format", "mode"),
    "bytes": ("bytes per pixel",),
    "JPEG quality": ("quantization", "tables"),
    "camera tag": ("camera",),
    "border": _SIDES,
    "color": ("red less green", "blue less green", "saturation"),
    "brightness": ("brightness", "contrast", "darkest", "lightest"),
    "sharpness": ("sharpness",),
}
TRAITS = tuple(trait for traits in GROUPS.values() for trait in traits)
#: traits whose values are names, as numbers without an order
NAMED = ("format", "mode", "tables", "camera")
CELLS = 6  #: of a corner, along a side; each has three numbers
CORNERS = (4, CELLS * CELLS * 3)

_SIDE = 256  #: pixels at which a large JPEG is decoded, at least
_BORDER, _DEEPEST, _CORNER = 0.01, 0.15, 0.12  #: of a side
_STRAYS = 0.2  #: share of the pixels of a strip
_SLOPE = 4  #: gray levels by which a sky may change from a strip to the next but one
_CAMERA = (0x010F, 0x0110, 0x0131)  #: tags of EXIF: make, model, software
_FILE_TRAITS = 10


def measure_file(
    place: str | Piece, largest_megabytes: int = LARGEST_MEGABYTES
) -> tuple[Floats, Floats] | None:
    """Return traits (T,) and corners `CORNERS` of a file; None if it cannot be decoded.

    A trait is NaN where there is none, as the quality of a PNG.
    """
    try:
        data = read_bytes(place, largest_megabytes * 10**6)
    except RefusedError:
        return None
    preprocess = Preprocess(_SIDE, 3, "letterbox")
    image, record = decode(data, "", preprocess=preprocess, largest_megabytes=largest_megabytes)
    if image is None:
        return None
    traits, corners = measure_pixels(np.asarray(image))
    traits[:_FILE_TRAITS] = _measure_container(data, record.width, record.height)
    return traits, corners


def measure_pixels(pixels: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return traits (T,) and corners `CORNERS` of an image (H, W), (H, W, 1) or (H, W, 3).

    Those of a file are NaN.
    """
    color = np.broadcast_to(np.atleast_3d(pixels), (*pixels.shape[:2], 3)).astype(np.float32)
    gray = color.mean(axis=2)
    border = [_border(side) for side in (gray, gray[::-1], gray.T, gray.T[::-1])]
    red, green, blue = color.mean(axis=(0, 1))
    saturation = (color.max(axis=2) - color.min(axis=2)).mean()
    tones = gray.mean(), gray.std(), *np.quantile(gray, [0.01, 0.99])
    colors = red - green, blue - green, saturation
    file = [math.nan] * _FILE_TRAITS
    traits = np.array([*file, *border, *colors, *tones, _sharpness(gray)], np.float64)
    return traits, _corners(color)


def _measure_container(data: bytes, width: int, height: int) -> list[float]:
    """Return the traits of a file that was decoded.

    Bytes are those of a JPEG: how far others shrink depends on what they show.
    """
    mode, camera, tables, weight, quality = "", "", b"", math.nan, math.nan
    with silence():
        form = form_of(data)
        try:
            image = opened(form, io.BytesIO(data))
            mode = image.mode
            camera = repr([image.getexif().get(tag) for tag in _CAMERA])
            if isinstance(image, JpegImagePlugin.JpegImageFile):
                values = np.array([image.quantization[key] for key in sorted(image.quantization)])
                quality, tables = float(values.mean()), values.tobytes()
                weight = math.log(len(data) / (width * height))
        except (RefusedError, OSError, ValueError, SyntaxError):
            pass  # Pillow does not open every file that is decoded
    sizes = math.log(width * height), math.log(width), math.log(height), math.log(width / height)
    names = [float(crc32(name)) for name in (form.encode(), mode.encode(), tables, camera.encode())]
    return [*sizes, *names[:2], weight, quality, *names[2:]]


def _border(gray: Gray) -> float:
    """Return how clearly a border ends on a straight line near the top of a gray image.

    Where it ends, four fifths of a strip have its level and as many of the next but one have not,
    while a drawing on a plain ground begins with a few pixels; and no strip further down has that
    level again, as stripes do. The log of how far strips stray from the level, outside over inside;
    a factor of less than two is nothing.
    """
    deep = max(1, round(_BORDER * len(gray)))
    apart = np.abs(gray[: len(gray) // 2] - np.median(gray[:deep]))
    strips = apart[: len(apart) // deep * deep].reshape(-1, deep * gray.shape[1])
    if len(strips) < 3:
        return 0.0
    few = round(_STRAYS * strips.shape[1])
    strips = np.partition(strips, (few, -1 - few), axis=1)
    other, level = strips[:, few], strips[:, -1 - few]
    inside = np.minimum(other, np.minimum.accumulate(level[::-1])[::-1])[2:]
    outside = np.maximum.accumulate(level)[:-2]
    ends = np.log((outside + _SLOPE) / (inside + _SLOPE))[: max(1, round(_DEEPEST / _BORDER))]
    return min(0.0, float(ends.min()) + math.log(2))


def _sharpness(gray: Gray) -> float:
    """Return the log of the standard deviation of the Laplacian over that of the image."""
    edges = float(cv2.Laplacian(gray, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE).std())
    return math.log((edges + 1) / (float(gray.std()) + 1))


def _corners(color: NDArray[np.float32]) -> Floats:
    """Return brightness and two color differences of the cells of each corner.

    Each less its median in the corner: what stands out of it is seen on any background.
    """
    deep, wide = (max(1, round(_CORNER * side)) for side in color.shape[:2])
    found = np.empty((4, CELLS, CELLS, 3))
    places = [(rows, columns) for rows in (slice(deep), slice(-deep, None))
              for columns in (slice(wide), slice(-wide, None))]  # fmt: skip
    for corner, place in zip(found, places, strict=True):
        cells = cv2.resize(color[place], (CELLS, CELLS), interpolation=cv2.INTER_AREA)
        red, green, blue = np.moveaxis(cells, 2, 0)
        corner[:] = np.stack([(red + green + blue) / 3, red - green, blue - green], axis=2)
        corner -= np.median(corner, axis=(0, 1))
    return found.reshape(CORNERS)
