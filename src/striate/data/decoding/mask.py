"""Mask decoding: an image file to a class index for each pixel, or a finding; or to a picture.

It never raises because of a file's content. Imported lazily by the worker: it needs NumPy.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from striate.data.decoding.decode import decode, turn
from striate.data.decoding.files import Place, RefusedError, complaints, read_bytes, silence
from striate.data.decoding.limits import DEEP, LARGEST_MEGABYTES, refuse_unsound
from striate.data.decoding.mask_codes import look_up
from striate.data.decoding.opening import form_of, layout, orientation_of, refused, whole
from striate.data.decoding.sniff import examine
from striate.data.listing.masks import MaskCodes
from striate.data.listing.samples import Finding, MaskRecord, Palette, Record

#: gray of 2 and 4 bits, which Pillow spreads over 0 to 255
_SPREAD = {"L;2": 85, "L;4": 17}
_COLORED = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}


def decode_mask(
    path: Place | bytes,
    shown: str,
    codes: MaskCodes,
    size: tuple[int, int],
    orientation: Callable[[], int],
    *,
    largest_megabytes: int = LARGEST_MEGABYTES,
) -> tuple[Image.Image | None, MaskRecord]:
    """Decode a mask -> class indices as an L image of `size`, or None; and its record.

    None means unusable. `size` is that of the upright image, and `orientation` returns the image's
    EXIF orientation: it turns a mask that has the size of the stored image only.
    """
    record = MaskRecord()
    try:
        data = read_bytes(path, largest_megabytes * 10**6)
        record = MaskRecord(hashlib.sha256(data).hexdigest())
        with silence():
            image, raw = _loaded(data, largest_megabytes)
            image = _upright(image, size, orientation)
            stored, colored = _stored(image, raw, codes)
            found = look_up(stored, codes, colored=colored)
    except (RefusedError, MemoryError) as error:
        refusal = refused(error, "")
        return None, replace(record, findings=(Finding(refusal.kind, shown, refusal.detail),))
    palette = _palette(image, found.seen) if image.mode == "P" and not colored else ()
    findings = (Finding("blended mask", shown, found.blended),) if found.blended else ()
    mask = Image.fromarray(found.indices)
    pixels = tuple((index, count) for index, count in enumerate(mask.histogram()) if count)
    return mask, replace(record, palette=palette, findings=findings, pixels=pixels)


def decode_target(
    path: Place | bytes,
    shown: str,
    source: Record,
    *,
    largest_megabytes: int = LARGEST_MEGABYTES,
) -> tuple[Image.Image | None, MaskRecord]:
    """Decode the target of an image with the record `source` -> an L or RGB image; its record.

    None means unusable: the file cannot be read, or is of another size.
    """
    image, found = decode(path, shown, largest_megabytes=largest_megabytes)
    record = MaskRecord(found.digest, findings=found.findings)
    if image is None or image.size == (source.width, source.height):
        return image, record
    sizes = f"{image.width:,} x {image.height:,} pixels", f"{source.width:,} x {source.height:,}"
    finding = Finding("target size", shown, f"{sizes[0]}, its input {sizes[1]}")
    return None, MaskRecord(found.digest, findings=(*found.findings, finding))


def _loaded(data: bytes, megabytes: int) -> tuple[ImageFile.ImageFile, str]:
    """Return the image and Pillow's name of the layout in the file."""
    form = form_of(data)
    contents = examine(form, data)
    image = whole(form, data, contents)
    _refuse_lossy(form, data, image)
    raw = layout(image)
    refuse_unsound(image, form, data, image.size, contents, megabytes)
    if raw in DEEP or (form == "PPM" and image.tile[0].codec_name == "ppm"):
        raise RefusedError("unsupported", "save masks with 8 bits a value, as PNG")
    with complaints() if form == "TIFF" else contextlib.nullcontext([]) as said:
        try:
            image.load()
        except Exception as error:
            raise refused(error, "it cannot be decoded") from error
    if said:
        raise RefusedError("unreadable", f"it is damaged ({said[0]})")
    return image, raw


def _refuse_lossy(form: str, data: bytes, image: ImageFile.ImageFile) -> None:
    """Raise RefusedError for a format that stores other values than it was given."""
    if form == "JPEG":
        raise RefusedError("lossy mask", "a JPEG")
    if form == "WEBP" and b"VP8L" not in data:
        raise RefusedError("lossy mask", "a WEBP that is not lossless")
    if form == "TIFF" and "jpeg" in str(image.info.get("compression")):
        raise RefusedError("lossy mask", "a TIFF compressed as JPEG")


def _upright(
    image: Image.Image, size: tuple[int, int], orientation: Callable[[], int]
) -> Image.Image:
    """Turn a mask as its own EXIF tag says, or as its image's does where only that fits."""
    own = orientation_of(image)  # not of a TIFF, which Pillow has turned
    upright = turn(image, own)
    if upright.size != size and own == 1 and upright.size == size[::-1]:
        upright = turn(upright, orientation())
    if upright.size != size:
        raise RefusedError(
            "mask size",
            f"{upright.width:,} x {upright.height:,} pixels, its image {size[0]:,} x {size[1]:,}",
        )
    return upright


def _stored(image: Image.Image, raw: str, codes: MaskCodes) -> tuple[NDArray[Any], bool]:
    """Return what the file holds at each pixel, (H, W), and whether it is colors, 0xRRGGBB."""
    mode = image.mode
    if mode not in _COLORED and not mode.startswith("I"):
        raise RefusedError("unsupported", f"a mask of mode {mode}; save it gray, as PNG")
    if codes.values:
        if mode == "P" or mode.startswith("I"):
            return np.asarray(image), False
        if mode in {"1", "L", "LA"}:
            gray = np.asarray(image.getchannel(0)).astype(np.uint8)
            return gray // _SPREAD.get(raw, 1), False
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)
    if codes.values and not codes.colors and (red == green).all() and (green == blue).all():
        return red, False
    return red.astype(np.uint32) << 16 | green.astype(np.uint32) << 8 | blue, True


def _palette(image: Image.Image, seen: Iterable[int]) -> Palette:
    known = image.getpalette("RGB") or []
    used = [index for index in seen if 3 * index + 2 < len(known)]
    return tuple((i, int.from_bytes(known[3 * i : 3 * i + 3], "big")) for i in used)
