"""Colors of classes, in masks and around boxes."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

#: seven that color-blind people tell apart, of Okabe and Ito 2008, https://jfly.uni-koeln.de/color/,
#: then those of Green-Armytage 2010, "A Colour Alphabet and the Limits of Colour Coding", Colour:
#: Design & Creativity 5, 10, without black and gray, each the farthest from all before it
_COLORS = (
    0xE69F00, 0x56B4E9, 0x009E73, 0xF0E442, 0x0072B2, 0xD55E00, 0xCC79A7,
    0x4C005C, 0x740AFF, 0x990000, 0x5EF1F2, 0xC20088, 0x005C31, 0x003380,
    0xF0A3FF, 0x2BCE48, 0xFFCC99, 0xFF0010, 0x993F00, 0x8F7C00,
)  # fmt: skip
_GOLDEN = 0.618034  #: share of the circle of hues between further colors
_LIGHTNESS = (0.35, 0.55, 0.75)


def class_colors(classes: int) -> NDArray[np.uint8]:
    """Return red, green and blue (K, 3) of so many classes; always the same."""
    known = [((color >> 16), (color >> 8) & 255, color & 255) for color in _COLORS[:classes]]
    for number in range(classes - len(known)):
        lightness = _LIGHTNESS[number % len(_LIGHTNESS)]
        shares = colorsys.hls_to_rgb(number * _GOLDEN % 1, lightness, 0.65)
        red, green, blue = (round(255 * share) for share in shares)
        known.append((red, green, blue))
    return np.array(known, np.uint8)


def color_classes(names: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """Return the color of each class."""
    listed = list(names)
    colors: list[list[int]] = class_colors(len(listed)).tolist()
    return {
        name: (red, green, blue) for name, (red, green, blue) in zip(listed, colors, strict=True)
    }


def show_color(color: Sequence[int]) -> str:
    """(128, 0, 255) -> "#8000ff"."""
    red, green, blue = color
    return f"#{red:02x}{green:02x}{blue:02x}"
