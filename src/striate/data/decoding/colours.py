"""From whatever a file stores to the two modes a network sees: 8-bit grey (L) and 8-bit RGB."""

from __future__ import annotations

import functools
import math

from PIL import Image


class UnsuitableError(ValueError):
    """The pixels are intact, but no rule says what their values look like."""


def flatten(image: Image.Image, raw: str) -> tuple[Image.Image, tuple[str, ...]]:
    """A decoded image -> L or RGB, and the kinds of finding that say what was converted.

    `raw` is Pillow's name of the layout inside the file. Raises UnsuitableError.
    """
    if image.mode in {"L", "RGB"} and "transparency" not in image.info and ";16" not in raw:
        return image, ()
    kinds: list[str] = []
    if image.mode.startswith("I"):
        kinds.append("16 bit")
        image = _whole_numbers(image, 4095 if raw == "I;12" else 65535)
    elif ";16" in raw:
        kinds.append("16 bit")
        _shorten_transparency(image)
    if image.mode == "F":
        kinds.append("float")
        image = _unit_floats(image)
    if image.has_transparency_data:
        grey = image.mode in {"1", "L", "LA", "La"} or raw == "LA;16B"
        kinds += [_KINDS[image.mode]] if image.mode in _KINDS else []
        image, seen = _on_white(image, "L" if grey else "RGB")
        return image, (*kinds, *(("transparency",) if seen else ()))
    if image.mode in _KINDS:
        kinds.append(_KINDS[image.mode])
    return _opaque(image), tuple(kinds)


def channels(mode: str, raw: str) -> int:
    """How many channels `flatten` will give, from the header alone."""
    # Pillow opens grey and alpha of 16 bits as colour.
    grey = mode in {"1", "L", "LA", "La", "F"} or mode.startswith("I") or raw == "LA;16B"
    return 1 if grey else 3


_KINDS = {"1": "1 bit", "P": "palette", "PA": "palette", "CMYK": "cmyk", "LAB": "lab"}


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in {"L", "RGB"}:
        return image
    if image.mode == "LAB":
        return _from_lab(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image.Image, mode: str) -> tuple[Image.Image, bool]:
    """The picture on white paper, and whether any of the paper shows."""
    image = image.convert("LA" if image.mode in {"1", "L", "LA", "La"} else "RGBA")
    alpha = image.getchannel("A")
    opaque = image.convert(mode)
    if alpha.getextrema() == (255, 255):
        return opaque, False
    paper = Image.new(mode, image.size, 255 if mode == "L" else (255, 255, 255))
    paper.paste(opaque, mask=alpha)
    return paper, True


def _whole_numbers(image: Image.Image, largest: int) -> Image.Image:
    """Whole numbers of more than 8 bits -> L, or LA where the file names a transparent value."""
    values = image.convert("I")
    least, most = values.getextrema()
    if not (isinstance(least, int | float) and isinstance(most, int | float)):
        raise UnsuitableError("the values have no order")
    if least < 0 or most > largest:
        raise UnsuitableError(
            f"whole numbers from {least:,.0f} to {most:,.0f} where 0 to {largest:,} is known; "
            "save it with 8 or 16 bits a value"
        )
    grey = values.point(_scale(largest), "L")
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(values.point([0 if v == clear else 255 for v in range(65536)], "L"))
    return grey


@functools.cache
def _scale(largest: int) -> list[int]:
    """0 to largest -> 0 to 255, rounded to the nearest."""
    return [min(255, (value * 255 + largest // 2) // largest) for value in range(65536)]


def _unit_floats(image: Image.Image) -> Image.Image:
    """Floating-point values from 0 to 1 -> L."""
    # One value that is not finite makes the mean so; the extrema would step over it.
    mean = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    least, most = image.getextrema()
    if not (isinstance(mean, float) and isinstance(least, float) and isinstance(most, float)):
        raise UnsuitableError("the values have no order")
    if not math.isfinite(mean):
        raise UnsuitableError("some values are not finite numbers; save it with 8 or 16 bits")
    if least < 0 or most > 1:
        raise UnsuitableError(
            f"floating-point values from {least:.4g} to {most:.4g} where 0 to 1 is known; "
            "save it with 8 or 16 bits a value"
        )
    return image.point(lambda value: value * 255 + 0.5).convert("L")


def _shorten_transparency(image: Image.Image) -> None:
    """Pillow keeps 16 bits of the colour that is transparent, but 8 bits of the pixels."""
    clear = image.info.get("transparency")
    if isinstance(clear, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in clear)


def _from_lab(image: Image.Image) -> Image.Image:
    # A second library is loaded, for the one file in a million.
    from PIL import ImageCms

    source, target = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    return image if converted is None else converted
