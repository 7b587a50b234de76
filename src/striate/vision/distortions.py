"""Distortions of images, each in levels from the image itself to one that is hard to recognize.

Images are (N, H, W, 1 or 3) uint8 before and after. What an image loses at its border by moving is
filled by reflecting it: black corners would be a cue of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError, unknown

Pixels = NDArray[np.uint8]
#: one image (H, W) or (H, W, 3), the level, random numbers of the image -> the image distorted
Change = Callable[[Pixels, float, np.random.Generator], Pixels]

_EDGE = cv2.BORDER_REFLECT_101
_WHITE = 255


@dataclass(frozen=True)
class Distortion:
    """A kind of distortion and its levels, the first of which is the image itself."""

    name: str
    levels: tuple[float, ...]
    unit: str  #: behind a level
    change: Change
    moves: bool = False  #: moves what the image shows
    colored: bool = False  #: changes color only, so a gray image stays as it is
    names: tuple[str, ...] = ()  #: of the levels, where they are no amounts

    def show(self, level: float) -> str:
        """Format a level: "30°", "0.05 of the side"."""
        if self.names:
            return self.names[self.levels.index(level)]
        return f"{level:g}{self.unit}"


def distort(
    pixels: Pixels, kind: str, level: float, rows: Sequence[int] | NDArray[np.int64], seed: int = 0
) -> Pixels:
    """Distort images (N, H, W, 1 or 3) by one level of a kind; the first level changes nothing.

    What is drawn at random (directions, noise, the place of an occlusion) depends on `seed` and on
    the row of an image only, so that it is the same at every level and in any batch. Raises
    OptionError for a kind or level that does not exist and for arrays of other shape or type.
    """
    if kind not in DISTORTIONS:
        raise unknown("distortion", kind, DISTORTIONS)
    found = DISTORTIONS[kind]
    if level not in found.levels:
        levels = ", ".join(f"{each:g}" for each in found.levels)
        raise OptionError(f"{kind} has the levels {levels}, but {level:g} came")
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        raise OptionError(
            "images to distort must be (N, H, W, 1 or 3) uint8, but "
            f"{pixels.shape} {pixels.dtype} came"
        )
    if len(rows) != len(pixels):
        raise OptionError(f"{len(pixels):,} images need as many rows, but {len(rows):,} came")
    if level == found.levels[0] or (found.colored and pixels.shape[3] == 1):
        return pixels.copy()
    band = 0 if pixels.shape[3] == 1 else slice(None)  # OpenCV drops a single channel
    result = np.empty_like(pixels)
    for image, row, changed in zip(pixels, rows, result, strict=True):
        random = np.random.default_rng((seed, int(row)))
        changed[..., band] = found.change(np.ascontiguousarray(image[..., band]), level, random)
    return result


def _shift(image: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Move in a random direction, by whole pixels: half ones would blur too."""
    high, wide = image.shape[:2]
    angle = random.uniform(0, 2 * np.pi)
    right, down = round(level * wide * np.cos(angle)), round(level * high * np.sin(angle))
    place = np.array([[1.0, 0, right], [0, 1, down]])
    return _warp(image, place)


def _turn(image: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Turn around the middle, clockwise or not at random."""
    middle = ((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2)
    angle = level if random.random() < 0.5 else -level
    return _warp(image, cv2.getRotationMatrix2D(middle, angle, 1.0))


def _warp(image: Pixels, place: Any) -> Pixels:
    size = image.shape[1], image.shape[0]
    return np.asarray(cv2.warpAffine(image, place, size, None, cv2.INTER_LINEAR, _EDGE), np.uint8)


def _scale(image: Pixels, level: float, _random: np.random.Generator) -> Pixels:
    """Shrink by averaging areas, and put the small image in the middle."""
    high, wide = image.shape[:2]
    size = max(1, round(wide * level)), max(1, round(high * level))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    left, top = (wide - size[0]) // 2, (high - size[1]) // 2
    ends = top, high - size[1] - top, left, wide - size[0] - left
    return np.asarray(cv2.copyMakeBorder(small, *ends, _EDGE), np.uint8)


def _mirror(image: Pixels, level: float, _random: np.random.Generator) -> Pixels:
    return np.asarray(cv2.flip(image, {1: 1, 2: 0, 3: -1}[int(level)]), np.uint8)


def _brightness(image: Pixels, level: float, _random: np.random.Generator) -> Pixels:
    return _looked_up(image, level * np.arange(256))


def _contrast(image: Pixels, level: float, _random: np.random.Generator) -> Pixels:
    """Draw the values towards the mean gray of the image."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    mean = float(gray.mean())
    return _looked_up(image, mean + level * (np.arange(256) - mean))


def _looked_up(image: Pixels, values: NDArray[np.floating[Any]]) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)[image]


def _hue(image: Pixels, level: float, _random: np.random.Generator) -> Pixels:
    """Turn the hue in HSV; saturation and value stay."""
    split = cv2.cvtColor(image.astype(np.float32) / _WHITE, cv2.COLOR_RGB2HSV)
    split[..., 0] = (split[..., 0] + level) % 360
    return np.rint(cv2.cvtColor(split, cv2.COLOR_HSV2RGB) * _WHITE).astype(np.uint8)


def _blur(image: Pixels, level: float, _random: np.random.Generator) -> Pixels:
    """Gaussian, its sigma a share of the side."""
    sigma = level * max(image.shape[:2])
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=_EDGE), np.uint8)


def _noise(image: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Gaussian, its sigma a share of the way from black to white; independent in each channel."""
    drawn = random.standard_normal(image.shape, np.float32)
    return np.rint(image + level * _WHITE * drawn).clip(0, 255).astype(np.uint8)


def _jpeg(image: Pixels, level: float, _random: np.random.Generator) -> Pixels:
    how = [cv2.IMWRITE_JPEG_QUALITY, int(level)]
    _, data = cv2.imencode(".jpg", image[..., ::-1] if image.ndim == 3 else image, how)
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)
    return decoded[..., ::-1] if image.ndim == 3 else decoded  # OpenCV takes blue first


def _occlude(image: Pixels, level: float, random: np.random.Generator) -> Pixels:
    """Cover a rectangle of this share of both sides, anywhere inside, with the mean color."""
    high, wide = image.shape[:2]
    tall, broad = max(1, round(level * high)), max(1, round(level * wide))
    top = int(random.random() * (high - tall + 1))
    left = int(random.random() * (wide - broad + 1))
    covered = image.copy()
    covered[top : top + tall, left : left + broad] = np.rint(image.mean(axis=(0, 1)))
    return covered


_MIRRORS = ("none", "hflip", "vflip", "both")
_KINDS = (
    Distortion("shift", (0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3), " of the side", _shift, moves=True),
    Distortion("turn", (0, 5, 10, 20, 30, 45, 90), "°", _turn, moves=True),
    Distortion("scale", (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4), " times the size", _scale, moves=True),
    Distortion("mirror", (0, 1, 2, 3), "", _mirror, moves=True, names=_MIRRORS),
    Distortion("brightness", (1, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1), " times", _brightness),
    Distortion("contrast", (1, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1), " times", _contrast),
    Distortion("hue", (0, 15, 30, 60, 90, 120, 180), "°", _hue, colored=True),
    Distortion("blur", (0, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08), " of the side", _blur),
    Distortion("noise", (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3), " of white", _noise),
    Distortion(
        "JPEG quality", (100, 80, 50, 30, 20, 10, 5), "", _jpeg,
        names=("no JPEG", "80", "50", "30", "20", "10", "5"),
    ),
    Distortion("occlusion", (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), " of the sides", _occlude),
)  # fmt: skip
#: every kind by its name, in the order in which they are reported
DISTORTIONS = {kind.name: kind for kind in _KINDS}
