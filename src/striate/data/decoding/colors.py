"""Conversion of any pixel format to the two input modes: 8-bit gray (L) and 8-bit RGB.

Converts in bands of rows, so that memory holds little more than the image and its result.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops


class UnsuitableError(ValueError):
    """Valid pixels whose value range is undefined."""


@dataclass(frozen=True, slots=True)
class Converted:
    """Image of mode L or RGB, and the finding kinds of its conversions."""

    image: Image.Image
    kinds: tuple[str, ...] = ()


_BAND_PIXELS = 1 << 16
#: BMP layouts whose channels Pillow scales rounding down -> bits of red, green and blue
_FEW_BITS = {"BGR;15": (5, 5, 5), "BGR;16": (5, 6, 5), "BGRA;15": (5, 5, 5)}
_KINDS = {"1": "1 bit", "P": "palette", "PA": "palette", "CMYK": "cmyk", "LAB": "lab"}
_GRAY_MODES = {"1", "L", "LA", "La", "F"}
_SAVE = "save it with 8 or 16 bits a value"


def flatten(image: Image.Image, raw: str = "", form: str = "") -> Converted:
    """Convert a decoded image to L or RGB; `raw` is Pillow's name of the layout in the file.

    Raises UnsuitableError.
    """
    if raw in _FEW_BITS:
        image = image.point(_rounded(_FEW_BITS[raw], len(image.getbands())))
    if image.mode in {"L", "RGB"} and "transparency" not in image.info:
        return Converted(image)
    if image.mode.startswith("I"):
        return _whole_numbers(image)
    if image.mode == "F":
        return Converted(_unit_floats(image), ("float",))
    kinds = (_KINDS[image.mode],) if image.mode in _KINDS else ()
    target = "L" if image.mode in _GRAY_MODES else "RGB"
    if not image.has_transparency_data or (form == "BMP" and _hidden(image)):
        return Converted(convert(image, target), kinds)
    _read_transparency(image, raw)
    alphas = Alphas()
    shown = by_bands(image, target, lambda band: lay(band, target, alphas))
    return Converted(shown, (*kinds, *alphas.kinds))


def channels(mode: str, raw: str) -> int:
    """Return the number of channels that `flatten` will produce, from the header only."""
    # Pillow opens 16-bit gray with alpha as color.
    return 1 if mode in _GRAY_MODES or mode.startswith("I") or raw == "LA;16B" else 3


def bytes_a_pixel(mode: str) -> int:
    """Return the bytes per pixel of Pillow's in-memory image."""
    return {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}.get(mode, 4)


def convert(image: Image.Image, mode: str) -> Image.Image:
    """Convert the image to another mode."""
    if image.mode == mode:
        return image
    change: Callable[[Image.Image], Image.Image] = lambda band: band.convert(mode)  # noqa: E731
    return by_bands(image, mode, _from_lab() if image.mode == "LAB" else change)


def boxes(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield crop boxes that cover an image in bands of rows."""
    wide, high = size
    rows = max(1, _BAND_PIXELS // wide)
    for top in range(0, high, rows):
        yield 0, top, wide, min(top + rows, high)


def by_bands(
    image: Image.Image, mode: str, change: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """Apply `change` to the image in bands of rows."""
    if image.width * image.height <= _BAND_PIXELS:
        return change(image)
    changed = Image.new(mode, image.size)
    for box in boxes(image.size):
        changed.paste(change(image.crop(box)), box[:2])
    return changed


class Alphas:
    """Minimum and maximum alpha seen, and the finding kinds that follow."""

    def __init__(self) -> None:
        self._least, self._most = 255, 0
        self._seen = False

    def see(self, alpha: Image.Image) -> tuple[int, int]:
        """Update with an alpha channel; return its minimum and maximum."""
        least, most = alpha.getextrema()
        assert isinstance(least, int | float)
        assert isinstance(most, int | float)
        self._least, self._most = min(self._least, int(least)), max(self._most, int(most))
        self._seen = True
        return int(least), int(most)

    @property
    def kinds(self) -> tuple[str, ...]:
        if not self._seen or self._least == 255:
            return ()
        return ("transparency",) if self._most else ("invisible",)


def on_white(
    image: Image.Image, alpha: Image.Image, kinds: tuple[str, ...], *, multiplied: bool
) -> Converted:
    """Composite an L or RGB image on white; `multiplied`: alpha is premultiplied."""
    alphas = Alphas()
    alphas.see(alpha)
    clear = ImageChops.invert(alpha)
    if multiplied:
        mask = clear if image.mode == "L" else Image.merge("RGB", [clear] * 3)
        image = ImageChops.add(image, mask)
    else:
        image.paste(_white(image.mode), mask=clear)
    return Converted(image, (*kinds, *alphas.kinds))


def lay(band: Image.Image, mode: str, alphas: Alphas) -> Image.Image:
    """Composite an image with its own transparency on white."""
    band = band.convert("LA" if mode == "L" else "RGBA")
    alpha, plain = band.getchannel("A"), band.convert(mode)
    if alphas.see(alpha)[0] == 255:
        return plain
    paper = Image.new(mode, band.size, _white(mode))
    paper.paste(plain, mask=alpha)
    return paper


@functools.cache
def _rounded(bits: tuple[int, ...], bands: int) -> list[int]:
    """Return a lookup table from Pillow's truncated low-bit channels to rounded 0 to 255."""
    table: list[int] = []
    for top in [(1 << each) - 1 for each in bits]:
        nearest = {value * 255 // top: (value * 255 + top // 2) // top for value in range(top + 1)}
        table += [nearest.get(value, value) for value in range(256)]
    return table + list(range(256)) * (bands - len(bits))


def _white(mode: str) -> Any:
    return 255 if mode == "L" else (255, 255, 255)


def _hidden(image: Image.Image) -> bool:
    return image.mode == "RGBA" and Alphas().see(image.getchannel("A"))[1] == 0


def _read_transparency(image: Image.Image, raw: str) -> None:
    """Scale a PNG's transparent color: Pillow compares its stored value with scaled pixels."""
    clear = image.info.get("transparency")
    depth = {"L;2": 2, "L;4": 4}.get(raw, 8)
    top = (1 << depth) - 1
    if isinstance(clear, int) and image.mode == "L":
        image.info["transparency"] = (clear & top) * 255 // top
    if isinstance(clear, tuple):
        image.info["transparency"] = tuple(value & 255 for value in clear)


def _whole_numbers(image: Image.Image) -> Converted:
    """Convert 16-bit integers to L."""
    least, most = image.getextrema()
    if not (isinstance(least, int | float) and isinstance(most, int | float)):
        raise UnsuitableError("the values have no order")
    if least < 0 or most > 65535:
        raise UnsuitableError(
            f"whole numbers from {least:,.0f} to {most:,.0f} where 0 to 65,535 is known; {_SAVE}"
        )
    clear, alphas = image.info.get("transparency"), Alphas()
    hides = [0 if value == clear else 255 for value in range(65536)]

    def change(band: Image.Image) -> Image.Image:
        values = band.convert("I")
        gray = values.point(_scale(), "L")
        if clear is None:
            return gray
        gray.putalpha(values.point(hides, "L"))
        return lay(gray, "L", alphas)

    return Converted(by_bands(image, "L", change), ("16 bit", *alphas.kinds))


@functools.cache
def _scale() -> list[int]:
    """Return the lookup table 0 to 65,535 -> 0 to 255, rounded to nearest."""
    return [(value * 255 + 32767) // 65535 for value in range(65536)]


def _unit_floats(image: Image.Image) -> Image.Image:
    """Convert floating-point values from 0 to 1 to L."""
    # A non-finite value makes the mean non-finite; the extrema would skip it.
    mean = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    least, most = image.getextrema()
    if not (isinstance(mean, float) and isinstance(least, float) and isinstance(most, float)):
        raise UnsuitableError("the values have no order")
    if not math.isfinite(mean):
        raise UnsuitableError("some values are not finite numbers; save it with 8 or 16 bits")
    if least < 0 or most > 1:
        raise UnsuitableError(
            f"floating-point values from {least:.4g} to {most:.4g} where 0 to 1 is known; {_SAVE}"
        )
    return by_bands(
        image, "L", lambda band: band.point(lambda value: value * 255 + 0.5).convert("L")
    )


@functools.cache
def _from_lab() -> Callable[[Image.Image], Image.Image]:
    # Imported lazily: loads a second library that is rarely needed.
    from PIL import ImageCms

    source, target = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    change = ImageCms.buildTransform(source, target, "LAB", "RGB")

    def changed(band: Image.Image) -> Image.Image:
        return ImageCms.applyTransform(band, change) or band

    return changed
