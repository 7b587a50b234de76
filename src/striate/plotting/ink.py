"""Drawing primitives of figures: fonts, text width, framed images, colors."""

from __future__ import annotations

import functools

from PIL import Image, ImageDraw, ImageFont

INK, GRAY, LINE, PAPER = "#1f2328", "#5b6470", "#c9ced4", "#ffffff"


@functools.cache
def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def text_width(text: str, size: float) -> int:
    """Return the width of a line of text in pixels."""
    return round(font(size).getlength(text))


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
