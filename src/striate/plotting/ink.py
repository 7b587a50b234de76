"""Drawing primitives of figures: fonts, text width, framed images, colors."""

from __future__ import annotations

import functools
import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from striate.plotting import shapes

INK, PAPER = shapes.INK["light"], shapes.PAPER["light"]
GRAY, LINE = "#5b6470", "#c9ced4"


@functools.cache
def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def text_width(text: str, size: float) -> int:
    """Return the width of a line of text in pixels."""
    return round(font(size).getlength(text))


@dataclass(frozen=True)
class Word:
    """A word as a mask, and where it lies."""

    mask: Image.Image
    left: int  #: of the place on the baseline where it begins
    top: int
    advance: float  #: from there to where the next word begins


@functools.lru_cache(4096)  # a glyph takes long, and many sheets say the same
def draw_word(word: str, size: float, *, bold: bool) -> Word:
    face, stroke = font(size), 0.3 if bold else 0.0
    left, top, right, bottom = face.getbbox(word, anchor="ls", stroke_width=stroke)
    left, top = math.floor(left), math.floor(top)
    mask = Image.new("L", (max(1, math.ceil(right) - left), max(1, math.ceil(bottom) - top)))
    ImageDraw.Draw(mask).text((-left, -top), word, 255, face, "ls", stroke_width=stroke)
    return Word(mask, left, top, face.getlength(word))


def shorten(text: str, size: float, most: int) -> str:
    """Replace the middle of a text by "..." if it is wider than `most` pixels."""
    if text_width(text, size) <= most:
        return text
    keep = len(text) - 1
    while keep > 1 and text_width(_without_middle(text, keep), size) > most:
        keep -= 1
    return _without_middle(text, keep)


def _without_middle(text: str, keep: int) -> str:
    return f"{text[: (keep + 1) // 2]}...{text[len(text) - keep // 2 :]}"


def paste_framed(figure: Image.Image, image: Image.Image, place: tuple[int, int]) -> None:
    """Paste an image with a frame, its upper left corner at `place`."""
    figure.paste(image, place)
    left, top = place
    frame = (left - 1, top - 1, left + image.width, top + image.height)
    ImageDraw.Draw(figure).rectangle(frame, outline=LINE)


def lay_out(images: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    """Put images (N, H, W, C) side by side in so many rows, column by column; black at the end."""
    columns = math.ceil(len(images) / rows)
    height, width, channels = images.shape[1:]
    padded = np.zeros((columns, rows, height, width, channels), np.uint8)
    padded.reshape(-1, height, width, channels)[: len(images)] = images
    return padded.transpose(1, 2, 0, 3, 4).reshape(rows * height, columns * width, channels)


def encode(image: Image.Image, kind: str, **settings: Any) -> bytes:
    """Encode an image as the bytes of a "png" or "jpeg" file."""
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def encode_pixels(pixels: NDArray[np.uint8]) -> bytes:
    """Encode pixels (H, W, 1 or 3) as the bytes of a PNG file."""
    return encode(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), "png")


def encode_file(image: Image.Image, suffix: str) -> bytes:
    """Encode as the suffix says; JPEG at high quality, its colors at full resolution."""
    if suffix.lower() == ".png":
        return encode(image, "png")
    return encode(image, "jpeg", quality=95, subsampling=0)
