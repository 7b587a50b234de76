"""The one way from a file to a picture: upright, 8 bits, grey or RGB; or the finding that says why.

Training, evaluation, prediction and serving all call `decode`, so that they see the same pixels.
Nothing in a file makes it raise.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from striate.data.decoding import tiff
from striate.data.decoding.colours import (
    Converted,
    UnsuitableError,
    bytes_a_pixel,
    channels,
    flatten,
)
from striate.data.decoding.contents import Contents, bare_png, examine, kind, resemblance
from striate.data.decoding.reading import (
    Piece,
    RefusedError,
    complaints,
    content,
    piece,
    regular,
    silence,
)
from striate.data.listing import Finding, Record
from striate.data.preprocess import Preprocess

#: Pillow's reader of each format: no other is ever tried, whatever the file is called.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
}
_SUFFIXES = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), "JPEG"),
    **dict.fromkeys((".png", ".apng"), "PNG"),
    ".webp": "WEBP",
    ".gif": "GIF",
    **dict.fromkeys((".bmp", ".dib"), "BMP"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm"), "PPM"),
    **dict.fromkeys((".heic", ".heif", ".avif"), "HEIF"),
}
#: bytes a pixel that a library keeps beside the image: two canvases and a frame
_BESIDE = {"WEBP": 12}
_ORIENTATION = 274
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: how Pillow begins what it says of a whole file that it cannot decode
_UNSUPPORTED = ("unsupported", "cannot handle", "unknown pixel mode", "maxval must be")
#: Pillow's layouts of a PNG that it would cut to 8 bits
_DEEP = ("RGB;16B", "RGBA;16B", "LA;16B")
_MOST_SCANS, _MOST_SCANNED_MEGAPIXELS = 200, 1000
_TINY_SIDE, _LONG_RATIO = 8, 20


def decode(
    path: Path | str | bytes | Piece,
    shown: str,
    *,
    preprocess: Preprocess | None = None,
    largest_megabytes: int = 200,
) -> tuple[Image.Image | None, Record]:
    """A file, a piece of one, or bytes -> upright image of mode L or RGB, or None; and its record.

    None stands for one that cannot be used; `shown` is the name that findings carry. With
    `preprocess` a large JPEG is decoded at a half, a quarter or an eighth, never below the size
    that it asks for; the record keeps the full size.
    """
    record = Record()
    try:
        data = _bytes(path, largest_megabytes * 10**6)
        record = Record(digest=hashlib.sha256(data).hexdigest())
        with silence():
            return _decoded(data, shown, record, preprocess, largest_megabytes)
    except RefusedError as refusal:
        return None, replace(record, findings=(Finding(refusal.kind, shown, refusal.detail),))


def header(path: Path | str, shown: str) -> Record:
    """Size and channels of a picture, from its header: no pixel is decoded, no digest taken."""
    try:
        with regular(path) as file, silence():
            form = _form(file.read(4096))
            file.seek(0)
            if form == "TIFF":
                page = tiff.page(file)
                return Record("", *page.size, page.channels)
            image = _opened(form, file)
            # Pillow would decode a PNG to look for a tag behind the pixels.
            known = form != "PNG" or "exif" in image.info
            width, height = _upright_size(image.size, _orientation(image) if known else 1)
            return Record("", width, height, channels(image.mode, _raw(image)))
    except RefusedError as refusal:
        return Record(findings=(Finding(refusal.kind, shown, refusal.detail),))


@dataclass(frozen=True, slots=True)
class _Decoded:
    """An upright picture, and what was done to it."""

    image: Image.Image
    size: tuple[int, int]  #: of the whole, upright, before it was decoded small
    kinds: tuple[str, ...]


def _decoded(
    data: bytes, shown: str, record: Record, preprocess: Preprocess | None, megabytes: int
) -> tuple[Image.Image, Record]:
    form = _form(data)
    if form == "TIFF":
        found = _tiff(data, megabytes)
    else:
        found = _other(form, data, preprocess, megabytes)
    seen = [(kind, "") for kind in found.kinds] + _shape(*found.size) + _suffix(shown, form)
    findings = tuple(Finding(kind, shown, detail) for kind, detail in seen)
    channels = 1 if found.image.mode == "L" else 3
    return found.image, Record(record.digest, *found.size, channels, findings)


def _upright(
    found: Converted, size: tuple[int, int], orientation: int, *, animated: bool, turned: bool
) -> _Decoded:
    """The picture turned as its tag says, unless that was done."""
    kinds = [*found.kinds, *["animation"] * animated, *["rotated"] * (orientation != 1)]
    image = found.image
    if orientation != 1 and not turned:
        image = image.transpose(_TURNS[orientation])
    return _Decoded(image, _upright_size(size, orientation), tuple(kinds))


def _tiff(data: bytes, megabytes: int) -> _Decoded:
    if not examine("TIFF", data).whole:
        raise _cut("TIFF")
    page = tiff.page(io.BytesIO(data))
    _refuse_huge(len(data) + page.needed, page.size, megabytes)
    with complaints() as said:
        if page.by_pillow:
            image = _opened("TIFF", io.BytesIO(data))
            converted = _converted(image, "TIFF", data)
        else:
            from striate.data.decoding import samples  # NumPy, for the few who need it

            converted = samples.picture(page, data)
    if said:
        raise RefusedError("unreadable", f"it is damaged ({said[0]})")
    size = page.width, page.height
    # Pillow turns a TIFF while it decodes.
    return _upright(
        converted, size, page.orientation, animated=page.more, turned=page.by_pillow
    )


def _other(form: str, data: bytes, preprocess: Preprocess | None, megabytes: int) -> _Decoded:
    contents = examine(form, data)
    image = _whole(form, data, contents)
    full = image.size
    if preprocess is not None and isinstance(image, JpegImagePlugin.JpegImageFile):
        _draft(image, preprocess)
    _refuse_huge(len(data) + _bytes_needed(image, form, full, contents), full, megabytes)
    _refuse_slow(contents, full)
    if contents.damage:
        raise RefusedError("unreadable", f"it is damaged: {contents.damage}")
    if not contents.whole:
        raise _cut(form)
    converted = _converted(image, form, data)
    animated = contents.animated or getattr(image, "is_animated", False)
    # A PNG may have its tag behind the pixels.
    return _upright(converted, full, _orientation(image), animated=animated, turned=False)


def _bytes(path: Path | str | bytes | Piece, most: int) -> bytes:
    if isinstance(path, bytes):
        return path
    if not isinstance(path, tuple):
        return content(path, most)
    if path[2] > most:
        raise RefusedError("huge", f"{path[2]:,} bytes, the limit is {most // 10**6:,} MB")
    return piece(*path)


def _form(data: bytes) -> str:
    if not data:
        raise RefusedError("empty")
    form = kind(data)
    if not form:
        raise RefusedError("not a picture", resemblance(data))
    return form


def _whole(form: str, data: bytes, contents: Contents) -> ImageFile.ImageFile:
    """The picture with its header read; a damage of what no pixel needs is overlooked."""
    try:
        return _opened(form, io.BytesIO(data))
    except RefusedError as refusal:
        if not contents.whole:
            raise _cut(form) from refusal
        if form != "PNG":
            raise
    return _opened(form, io.BytesIO(bare_png(data)))


def _opened(form: str, file: BinaryIO) -> ImageFile.ImageFile:
    """The picture with its header read, by the reader of its format only."""
    try:
        return _READERS[form](file)
    except Exception as error:
        raise _refusal(error, f"the header of the {form} is damaged") from error


def _converted(image: ImageFile.ImageFile, form: str, data: bytes) -> Converted:
    """The pixels: decoded, 8 bits, not yet upright."""
    raw = _raw(image)
    try:
        if form == "PPM" and image.tile[0].codec_name == "ppm":
            from striate.data.decoding import deep

            return deep.netpbm(image, data)
        if raw in _DEEP:
            from striate.data.decoding import deep

            return deep.png(image, lambda: _opened(form, io.BytesIO(bare_png(data))))
        image.load()
        return flatten(image, raw, form)
    except Exception as error:
        raise _refusal(error, "it cannot be decoded") from error


def _cut(form: str) -> RefusedError:
    return RefusedError("truncated", f"the end of the {form} is missing")


def _refusal(error: Exception, what: str) -> RefusedError:
    """The finding for whatever Pillow raised: it has no error of its own for a damaged file."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, UnsuitableError):
        return RefusedError("unsupported", str(error))
    if isinstance(error, MemoryError):
        return RefusedError("unreadable", "decoding it takes more memory than there is")
    if isinstance(error, Image.DecompressionBombError):
        return RefusedError("huge", "Pillow refuses pictures of more than 178 megapixels")
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    if "truncated" in reason.lower():
        return RefusedError("truncated", reason)
    if reason.lower().startswith(_UNSUPPORTED):
        return RefusedError("unsupported", reason)
    return RefusedError("unreadable", f"{what} ({reason})")


def _raw(image: ImageFile.ImageFile) -> str:
    """The layout of a pixel inside the file, such as "RGB;16B"."""
    arguments = image.tile[0].args if image.tile else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _orientation(image: Image.Image) -> int:
    """1 to 8, as EXIF counts them; a tag that cannot be read means upright."""
    if isinstance(image, JpegImagePlugin.JpegImageFile) and not image.info.keys() & {"exif", "xmp"}:
        return 1
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - Pillow raises anything on a damaged tag
        return 1
    return found if found in _TURNS else 1


def _upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation >= 5 else size


def _draft(image: JpegImagePlugin.JpegImageFile, preprocess: Preprocess) -> None:
    """Let the decoder halve as often as leaves every side at least as long as it will be."""
    width, height = image.size
    shrunk = {"letterbox": max, "crop": min}.get(preprocess.fit)
    # Stretched, each side shrinks by itself; otherwise both shrink as the deciding one does.
    by = (width, height) if shrunk is None else (shrunk(width, height),) * 2
    needed = -(-width * preprocess.size // by[0]), -(-height * preprocess.size // by[1])
    if min(width // needed[0], height // needed[1]) >= 2:
        image.draft(None, needed)


def _bytes_needed(
    image: ImageFile.ImageFile, form: str, full: tuple[int, int], contents: Contents
) -> int:
    """Bytes of memory that decoding takes at most at once, beside the file itself."""
    plain = image.mode in {"L", "RGB"} and "transparency" not in image.info
    made = 1 if channels(image.mode, raw := _raw(image)) == 1 else 4
    a_pixel = bytes_a_pixel(image.mode) + (0 if plain else made)
    if raw in _DEEP:
        a_pixel += bytes_a_pixel(image.mode)
    a_pixel += _BESIDE.get(form, 0)
    if _orientation(image) != 1 if form != "PNG" else "exif" in image.info:
        a_pixel = max(a_pixel, 2 * made)
    pixels = image.width * image.height * a_pixel
    # However small it is decoded, a JPEG in passes keeps two bytes a coefficient of the whole.
    if contents.in_passes and isinstance(image, JpegImagePlugin.JpegImageFile):
        pixels += 2 * int(full[0] * full[1] * _coefficients(image))
    return pixels


def _coefficients(image: JpegImagePlugin.JpegImageFile) -> float:
    """Of a pixel of a JPEG: 3 where no color is subsampled, 1.5 where both are halved."""
    most = max(wide for _, wide, _, _ in image.layer) * max(high for _, _, high, _ in image.layer)
    return sum(wide * high for _, wide, high, _ in image.layer) / most


def _refuse_huge(needed: int, size: tuple[int, int], megabytes: int) -> None:
    if needed > megabytes * 10**6:
        raise RefusedError(
            "huge",
            f"{size[0]:,} x {size[1]:,} pixels need {-(-needed // 10**6):,} MB, "
            f"the limit is {megabytes:,} MB",
        )


def _refuse_slow(contents: Contents, size: tuple[int, int]) -> None:
    megapixels = size[0] * size[1] / 1e6
    if contents.in_passes and (
        contents.scans > _MOST_SCANS or contents.scans * megapixels > _MOST_SCANNED_MEGAPIXELS
    ):
        raise RefusedError(
            "too slow", f"{contents.scans:,} scans of {megapixels:,.1f} megapixels in one JPEG"
        )


def _shape(width: int, height: int) -> list[tuple[str, str]]:
    shown = f"{width:,} x {height:,} pixels"
    short, long = sorted((width, height))
    seen = [("tiny", shown)] if short < _TINY_SIDE else []
    return seen + ([("long", shown)] if long > _LONG_RATIO * short else [])


def _suffix(shown: str, form: str) -> list[tuple[str, str]]:
    suffix = os.path.splitext(shown)[1].lower()  # noqa: PTH122 - a Path costs 20 us a picture
    expected = _SUFFIXES.get(suffix, form)
    return [] if expected == form else [("wrong suffix", f"a {form} named {suffix}")]
