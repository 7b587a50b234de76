"""Text in a figure: Pillow's own font, one ink, one gray."""

from __future__ import annotations

import functools

from PIL import ImageFont

INK, GRAY, LINE, PAPER = "#1f2328", "#5b6470", "#c9ced4", "#ffffff"


@functools.cache
def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def text_width(text: str, size: float) -> int:
    """Pixels that a line of text takes."""
    return round(font(size).getlength(text))


def shorten(text: str, size: float, most: int) -> str:
    """The text, its middle replaced by "..." where it is wider than `most` pixels."""
    if text_width(text, size) <= most:
        return text
    keep = len(text) - 1
    while keep > 1 and text_width(_without_middle(text, keep), size) > most:
        keep -= 1
    return _without_middle(text, keep)


def _without_middle(text: str, keep: int) -> str:
    return f"{text[: (keep + 1) // 2]}...{text[len(text) - keep // 2 :]}"
