"""Color scales: gray for image values, diverging blue to red for signed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.plotting.shapes import PAPER, PEN, rgb
from striate.text import count_noun, format_amount

Kind = Literal["plain", "stretched", "diverging"]

BLACK, WHITE, BLUE, RED = (0, 0, 0), (255, 255, 255), (16, 62, 130), (150, 16, 34)
SIGN = (0, 190, 80)  #: a green that is seen on any color of a scale
#: at a third of the scale, so that weak values stay visible
_PALE_BLUE, _PALE_RED = (104, 160, 214), (236, 122, 104)
_STEPS = 127  #: colors on each side of zero
_SLACK = 1e-4  #: tolerance for rounding errors, as a share of white
_INDEXED = 119  #: colors on each side of zero in a palette, which has letters too
SIGN_AT, INK_AT, PAPER_AT = 239, 240, 255  #: places in a palette: signs, letters from ink to paper


@dataclass(frozen=True, slots=True)
class Scale:
    """A color scale; `least` and `most` are the values at its ends."""

    kind: Kind
    least: float
    most: float
    outside: int = 0  #: how many values are beyond the ends and clipped

    def describe(self, *, color: bool = False) -> str:
        """Describe the scale in words, for reading values off the colors."""
        ends = f"{format_amount(self.least)} to {format_amount(self.most)}"
        if self.kind == "diverging":
            strongest = "; of the channels the one farthest from 0" if color else ""
            return f"{ends}, blue to red, 0 is white{strongest}"
        beyond = f"; {count_noun(self.outside, 'number')} beyond it" if self.outside else ""
        return f"{ends}, black to white{beyond}"


def choose_scale(numbers: NDArray[Any], white: float = 255, *, clip: bool = False) -> Scale:
    """Choose the scale of an array: plain if within 0 to `white`, diverging if signed.

    Otherwise stretched, from 0 to the maximum. Nothing is clipped, unless `clip` forces the plain
    scale.
    """
    least, most = float(numbers.min()), float(numbers.max())
    slack = _SLACK * white
    if -slack <= least and most <= white + slack:
        return Scale("plain", 0, white)
    if clip:
        outside = (numbers < -slack) | (numbers > white + slack)
        return Scale("plain", 0, white, int(np.count_nonzero(outside)))
    if least >= -slack:
        return Scale("stretched", 0, most)
    reach = max(-least, most)
    return Scale("diverging", -reach, reach)


def colorize(numbers: NDArray[Any], scale: Scale) -> NDArray[np.uint8]:
    """Map (H, W) or (H, W, 3) to uint8 of the same shape; a diverging scale gives (H, W, 3).

    On a diverging scale the channel with the largest magnitude sets the color: three signed
    channels as red, green and blue could not be read back as values.
    """
    if scale.kind != "diverging":
        shades = np.asarray(numbers, np.float32) * np.float32(255 / scale.most)
        return np.rint(np.clip(shades, 0, 255)).astype(np.uint8)
    if numbers.ndim == 3:
        most, least = numbers.max(axis=2), numbers.min(axis=2)
        numbers = np.where(most >= -least, most, least)
    steps = np.rint(np.asarray(numbers, np.float32) * np.float32(_STEPS / scale.most))
    return _PALETTE[(steps + _STEPS).astype(np.uint8)]


def index_colors(numbers: NDArray[np.float32], scale: Scale) -> NDArray[np.uint8]:
    """Map numbers to places in the palette of a scale; those beyond it to its ends."""
    most = 2 * _INDEXED
    middle = _INDEXED if scale.kind == "diverging" else 0
    steps = numbers * np.float32((most - middle) / scale.most)
    steps += middle + 0.5
    return np.clip(steps, 0, most, out=steps).astype(np.uint8)


def palette_of(scale: Scale) -> bytes:
    """Return what images of one byte a pixel are drawn in: a scale, signs, from ink to paper."""
    return _DIVERGING if scale.kind == "diverging" else _GRAY


def _diverge(side: int) -> NDArray[np.uint8]:
    """Return colors from blue to red, so many on each side of white."""
    stops = np.array([BLUE, _PALE_BLUE, WHITE, _PALE_RED, RED], np.float64)
    places = np.array([-1, -1 / 3, 0, 1 / 3, 1]) * side
    steps = np.arange(-side, side + 1)
    every = [np.interp(steps, places, stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(every, axis=-1)).astype(np.uint8)


_PALETTE = _diverge(_STEPS)
_BESIDE = SIGN, *np.linspace(rgb(PEN), rgb(PAPER["light"]), PAPER_AT - INK_AT + 1)
_GRAYS = np.linspace(BLACK, WHITE, SIGN_AT)
_DIVERGING, _GRAY = (
    np.rint(np.vstack([colors, *_BESIDE])).astype(np.uint8).tobytes()
    for colors in (_diverge(_INDEXED), _GRAYS)
)
