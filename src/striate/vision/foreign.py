"""Images that show nothing: what a network should say of them is none of its classes.

They are made, not collected, so that every model can be tried on them: the same seed gives the same
images. Each kind is unlike photographs in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.vision.samples import sample

Pixels = NDArray[np.uint8]
#: the side in pixels, random numbers -> one image (side, side, 3)
_Make = Callable[[int, np.random.Generator], Pixels]

_PHOTOGRAPHS = ("brick", "camera", "cat")
_COARSE = 8  #: points a side of smooth noise
_STROKES = 12  #: most lines of a scribble
_PATCHES = 4  #: a side into which an image is cut


def make_foreign(
    kind: str, count: int, size: int, channels: int, *, known: Pixels, seed: int = 0
) -> Pixels:
    """Return foreign images of a kind: (count, size, size, channels) uint8.

    `kind` is one of FOREIGN; `known` (N, size, size, channels) are images of which pieces are taken
    in "shuffled". Raises KeyError.
    """
    randoms = [np.random.default_rng((seed, number)) for number in range(count)]
    if kind == "shuffled":
        return np.stack([_shuffle(known[at % len(known)], each) for at, each in enumerate(randoms)])
    images = np.stack([_MAKES[kind](size, each) for each in randoms])
    if channels == 3:
        return images
    return np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images])[..., None]


def _noise(side: int, random: np.random.Generator) -> Pixels:
    return random.integers(0, 256, (side, side, 3), np.uint8)


def _smooth(side: int, random: np.random.Generator) -> Pixels:
    coarse = _noise(_COARSE, random)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def _stripes(side: int, random: np.random.Generator) -> Pixels:
    angle, periods = random.uniform(0, np.pi), random.uniform(2, side / 8)
    down, across = np.mgrid[:side, :side] / side
    wave = np.sin(2 * np.pi * periods * (across * np.cos(angle) + down * np.sin(angle)))
    one, other = random.uniform(0, 255, (2, 3))
    return (one + (other - one) * (wave[..., None] + 1) / 2).astype(np.uint8)


def _plain(side: int, random: np.random.Generator) -> Pixels:
    return np.full((side, side, 3), random.integers(0, 256, 3), np.uint8)


def _scribble(side: int, random: np.random.Generator) -> Pixels:
    image = _plain(side, random)
    color = random.integers(0, 256, 3).tolist()
    for _ in range(random.integers(2, _STROKES + 1)):
        start, end = random.integers(0, side, (2, 2)).tolist()
        cv2.line(image, start, end, color, max(1, side // 40), cv2.LINE_AA)
    return image


def _photograph(side: int, random: np.random.Generator) -> Pixels:
    """Return a square piece of a sample photograph, at least a quarter of it."""
    image = sample(_PHOTOGRAPHS[random.integers(len(_PHOTOGRAPHS))])
    image = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    piece = int(random.integers(min(image.shape[:2]) // 2, min(image.shape[:2]) + 1))
    top, left = (int(random.integers(0, length - piece + 1)) for length in image.shape[:2])
    square = image[top : top + piece, left : left + piece]
    return np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _shuffle(image: Pixels, random: np.random.Generator) -> Pixels:
    """Return an image (H, H, C) cut into squares that change places; the rest stays."""
    shuffled, side = image.copy(), len(image) // _PATCHES
    corners = [(row * side, column * side) for row in range(_PATCHES) for column in range(_PATCHES)]
    for (top, left), place in zip(corners, random.permutation(len(corners)), strict=True):
        row, column = corners[place]
        shuffled[top : top + side, left : left + side] = image[
            row : row + side, column : column + side
        ]
    return shuffled


_MAKES: Mapping[str, _Make] = {
    "noise": _noise,
    "smooth noise": _smooth,
    "stripes": _stripes,
    "plain color": _plain,
    "scribbles": _scribble,
    "photographs": _photograph,
}
#: kind -> what it shows
FOREIGN: Mapping[str, str] = {
    "noise": "random pixels",
    "smooth noise": "soft spots of random colors",
    "stripes": "stripes of two colors",
    "plain color": "one color",
    "scribbles": "lines on one color",
    "photographs": "pieces of a brick wall, a cameraman and a cat",
    "shuffled": "known images cut into 16 squares that changed places",
}
