"""Plots of 1-D signals as curves, for use as figure panels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from striate.plotting.color import RED
from striate.plotting.ink import INK, LINE, PAPER, font, text_width
from striate.plotting.panels import Panel
from striate.text import format_amount

_SMALL = 19  # font size
_PEN, _DOT = 2, 4  # pixels
_DOTTED = 16  #: most samples drawn with dots


def curve_panel(numbers: NDArray[Any], side: int, title: str, lines: tuple[str, ...] = ()) -> Panel:
    """Draw (N,) as a curve `side` pixels wide and half as high."""
    return Panel(curve(numbers, side, side // 2), title, lines)


def curve(numbers: NDArray[Any], wide: int, high: int) -> Image.Image:
    """Draw (N,) from minimum to maximum, both labeled, with a line at 0."""
    low, top = min(0.0, float(numbers.min())), max(0.0, float(numbers.max()))
    reach = (top - low) or 1.0
    labels = [(number, format_amount(number)) for number in dict.fromkeys((top, 0.0, low))]
    left = max(text_width(text, _SMALL) for _, text in labels) + 12
    image = Image.new("RGB", (wide, high), PAPER)
    draw = ImageDraw.Draw(image)

    def height(values: Any) -> Any:
        return _SMALL + (top - values) / reach * (high - 2 * _SMALL)

    for number, text in labels:
        far = number == 0 or abs(height(number) - height(0.0)) > _SMALL
        draw.line((left, height(number), wide, height(number)), LINE)
        if far:
            draw.text((left - 8, height(number)), text, INK, font(_SMALL), "rm")
    ends = (left + _DOT, wide - _DOT - 1)
    across = np.linspace(*ends, len(numbers)) if len(numbers) > 1 else np.array([sum(ends) / 2])
    points = list(zip(across.tolist(), height(numbers.astype(np.float64)).tolist(), strict=True))
    draw.line(points, RED, _PEN)
    if len(points) <= _DOTTED:
        for x, y in points:
            draw.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), RED)
    return image
