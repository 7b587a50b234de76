"""Image decoding: any file to an upright 8-bit gray or RGB image, or a finding.

Training, evaluation, prediction and serving all use `decode`, so that they get identical pixels.
It never raises because of a file's content.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageFile, JpegImagePlugin

from striate.data.decoding import tiff
from striate.data.decoding.colors import Converted, channels, flatten
from striate.data.decoding.files import (
    Place,
    RefusedError,
    check_regular,
    complaints,
    read_bytes,
    silence,
)
from striate.data.decoding.limits import (
    DEEP,
    LARGEST_MEGABYTES,
    draft,
    refuse_huge,
    refuse_unsound,
)
from striate.data.decoding.opening import (
    cut,
    form_of,
    layout,
    opened,
    orientation_of,
    refused,
    whole,
)
from striate.data.decoding.preprocess import Preprocess
from striate.data.decoding.sniff import bare_png, examine
from striate.data.listing.samples import ROTATED, Finding, Record, show_orientation

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
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TINY_SIDE, _LONG_RATIO = 8, 20


def decode(
    path: Place | bytes,
    shown: str,
    *,
    preprocess: Preprocess | None = None,
    largest_megabytes: int = LARGEST_MEGABYTES,
) -> tuple[Image.Image | None, Record]:
    """Decode what is at a place, or bytes -> upright L or RGB image, or None; and its record.

    None means unusable; `shown` is the name used in findings. With `preprocess`, a large JPEG is
    decoded at 1/2, 1/4 or 1/8 scale, never below the target size; the record keeps the full size.
    """
    record = Record()
    try:
        data = read_bytes(path, largest_megabytes * 10**6)
        record = Record(digest=hashlib.sha256(data).hexdigest())
        with silence():
            return _decoded(data, shown, record, preprocess, largest_megabytes)
    except RefusedError as refusal:
        return None, replace(record, findings=(Finding(refusal.kind, shown, refusal.detail),))


def header(path: Path | str, shown: str) -> Record:
    """Read size and channels from the header; no pixel is decoded and no digest computed."""
    try:
        with check_regular(path) as file, silence():
            form = form_of(file.read(4096))
            file.seek(0)
            if form == "TIFF":
                page = tiff.page(file)
                return Record("", *page.size, page.channels)
            image = opened(form, file)
            # Pillow would decode a PNG to find a tag after the pixels.
            known = form != "PNG" or "exif" in image.info
            width, height = _upright_size(image.size, orientation_of(image) if known else 1)
            return Record("", width, height, channels(image.mode, layout(image)))
    except RefusedError as refusal:
        return Record(findings=(Finding(refusal.kind, shown, refusal.detail),))


def read_orientation(path: Place | bytes) -> int:
    """Read the EXIF orientation, 1 to 8, of a file that `decode` accepts."""
    data = read_bytes(path, sys.maxsize)
    with silence():
        form = form_of(data)
        if form == "TIFF":
            return tiff.page(io.BytesIO(data)).orientation
        return orientation_of(opened(form, io.BytesIO(data)))


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Turn an image upright."""
    return image if orientation == 1 else image.transpose(_TURNS[orientation])


@dataclass(frozen=True, slots=True)
class _Decoded:
    """Upright image, and the conversions applied."""

    image: Image.Image
    size: tuple[int, int]  #: full upright size, before scaled decoding
    kinds: tuple[str, ...]
    orientation: int  #: of the stored image, as EXIF numbers it


def _decoded(
    data: bytes, shown: str, record: Record, preprocess: Preprocess | None, megabytes: int
) -> tuple[Image.Image, Record]:
    form = form_of(data)
    tagged = form == "TIFF"
    found = _tiff(data, megabytes) if tagged else _other(form, data, preprocess, megabytes)
    told = {ROTATED: show_orientation(found.orientation)}
    seen = (
        [(kind, told.get(kind, "")) for kind in found.kinds]
        + _shape(*found.size)
        + _suffix(shown, form)
    )
    findings = tuple(Finding(kind, shown, detail) for kind, detail in seen)
    channels = 1 if found.image.mode == "L" else 3
    return found.image, Record(record.digest, *found.size, channels, findings)


def _upright(
    found: Converted, size: tuple[int, int], orientation: int, *, animated: bool, turned: bool
) -> _Decoded:
    """Apply the EXIF orientation, unless already applied."""
    kinds = [*found.kinds, *["animation"] * animated, *[ROTATED] * (orientation != 1)]
    image = found.image
    if not turned:
        image = turn(image, orientation)
    return _Decoded(image, _upright_size(size, orientation), tuple(kinds), orientation)


def _tiff(data: bytes, megabytes: int) -> _Decoded:
    if not examine("TIFF", data).whole:
        raise cut("TIFF")
    page = tiff.page(io.BytesIO(data))
    refuse_huge(len(data) + page.needed, page.size, megabytes)
    with complaints() as said:
        if page.by_pillow:
            image = opened("TIFF", io.BytesIO(data))
            converted = _converted(image, "TIFF", data)
        else:
            from striate.data.decoding import tiff_values

            converted = tiff_values.image(page, data)
    if said:
        raise RefusedError("unreadable", f"it is damaged ({said[0]})")
    size = page.width, page.height
    # Pillow applies the orientation of a TIFF while decoding.
    return _upright(converted, size, page.orientation, animated=page.more, turned=page.by_pillow)


def _other(form: str, data: bytes, preprocess: Preprocess | None, megabytes: int) -> _Decoded:
    contents = examine(form, data)
    image = whole(form, data, contents)
    full = image.size
    if preprocess is not None and isinstance(image, JpegImagePlugin.JpegImageFile):
        draft(image, preprocess)
    refuse_unsound(image, form, data, full, contents, megabytes)
    converted = _converted(image, form, data)
    animated = contents.animated or getattr(image, "is_animated", False)
    # The tag of a PNG may come after the pixels.
    return _upright(converted, full, orientation_of(image), animated=animated, turned=False)


def _converted(image: ImageFile.ImageFile, form: str, data: bytes) -> Converted:
    """Decode to 8-bit pixels, orientation not yet applied."""
    raw = layout(image)
    try:
        if form == "PPM" and image.tile[0].codec_name == "ppm":
            from striate.data.decoding import sixteen_bit

            return sixteen_bit.netpbm(image, data)
        if raw in DEEP:
            from striate.data.decoding import sixteen_bit

            return sixteen_bit.png(image, lambda: opened(form, io.BytesIO(bare_png(data))))
        image.load()
        return flatten(image, raw, form)
    except Exception as error:
        raise refused(error, "it cannot be decoded") from error


def _upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation >= 5 else size


def _shape(width: int, height: int) -> list[tuple[str, str]]:
    shown = f"{width:,} x {height:,} pixels"
    short, long = sorted((width, height))
    seen = [("tiny", shown)] if short < _TINY_SIDE else []
    return seen + ([("long", shown)] if long > _LONG_RATIO * short else [])


def _suffix(shown: str, form: str) -> list[tuple[str, str]]:
    suffix = os.path.splitext(shown)[1].lower()  # noqa: PTH122 - a Path costs 20 us an image
    expected = _SUFFIXES.get(suffix, form)
    return [] if expected == form else [("wrong suffix", f"a {form} named {suffix}")]
