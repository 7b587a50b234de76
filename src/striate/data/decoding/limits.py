"""Memory and time limits of decoding, estimated before any pixel is decoded."""

from __future__ import annotations

from PIL import ImageFile, JpegImagePlugin

from striate.data.decoding.colors import bytes_a_pixel, channels
from striate.data.decoding.files import RefusedError
from striate.data.decoding.opening import cut, layout, orientation_of
from striate.data.decoding.preprocess import Preprocess
from striate.data.decoding.sniff import FileStructure

#: default memory limit for decoding an image, as of the option `largest`
LARGEST_MEGABYTES = 200
#: bytes per pixel a library allocates beside the image: two canvases and a frame
_BESIDE = {"WEBP": 12}
#: layouts of a PNG that Pillow would truncate to 8 bits
DEEP = ("RGB;16B", "RGBA;16B", "LA;16B")
_MOST_SCANS, _MOST_SCANNED_MEGAPIXELS = 200, 1000


def draft(image: JpegImagePlugin.JpegImageFile, preprocess: Preprocess) -> None:
    """Set the JPEG scale: halved while every side stays at least as long as its target."""
    width, height = image.size
    shrunk = {"letterbox": max, "crop": min}.get(preprocess.fit)
    # With stretch, sides scale independently; otherwise both scale with the deciding one.
    by = (width, height) if shrunk is None else (shrunk(width, height),) * 2
    needed = -(-width * preprocess.size // by[0]), -(-height * preprocess.size // by[1])
    if min(width // needed[0], height // needed[1]) >= 2:
        image.draft(None, needed)


def bytes_needed(
    image: ImageFile.ImageFile, form: str, full: tuple[int, int], contents: FileStructure
) -> int:
    """Return the peak memory of decoding in bytes, excluding the file itself."""
    plain = image.mode in {"L", "RGB"} and "transparency" not in image.info
    made = 1 if channels(image.mode, raw := layout(image)) == 1 else 4
    a_pixel = bytes_a_pixel(image.mode) + (0 if plain else made)
    if raw in DEEP:  # decoded twice: high bytes, then low bytes
        a_pixel = 2 * bytes_a_pixel(image.mode) + made
    a_pixel += _BESIDE.get(form, 0)
    if orientation_of(image) != 1 if form != "PNG" else "exif" in image.info:
        a_pixel = max(a_pixel, 2 * made)
    pixels = image.width * image.height * a_pixel
    # At any scale, a progressive JPEG keeps two bytes per coefficient of the full image.
    if contents.in_passes and isinstance(image, JpegImagePlugin.JpegImageFile):
        pixels += 2 * int(full[0] * full[1] * _coefficients(image))
    return pixels


def _coefficients(image: JpegImagePlugin.JpegImageFile) -> float:
    """Return coefficients per pixel of a JPEG: 3 without chroma subsampling, 1.5 with 4:2:0."""
    most = max(wide for _, wide, _, _ in image.layer) * max(high for _, _, high, _ in image.layer)
    return sum(wide * high for _, wide, high, _ in image.layer) / most


def refuse_unsound(
    image: ImageFile.ImageFile,
    form: str,
    data: bytes,
    full: tuple[int, int],
    contents: FileStructure,
    megabytes: int,
) -> None:
    """Raise RefusedError for a file that takes too much to decode, is damaged or cut."""
    refuse_huge(len(data) + bytes_needed(image, form, full, contents), full, megabytes)
    refuse_slow(contents, full)
    if contents.damage:
        raise RefusedError("unreadable", f"it is damaged: {contents.damage}")
    if not contents.whole:
        raise cut(form)


def refuse_huge(needed: int, size: tuple[int, int], megabytes: int) -> None:
    if needed > megabytes * 10**6:
        raise RefusedError(
            "huge",
            f"{size[0]:,} x {size[1]:,} pixels need {-(-needed // 10**6):,} MB, "
            f"the limit is {megabytes:,} MB",
        )


def refuse_slow(contents: FileStructure, size: tuple[int, int]) -> None:
    megapixels = size[0] * size[1] / 1e6
    if contents.in_passes and (
        contents.scans > _MOST_SCANS or contents.scans * megapixels > _MOST_SCANNED_MEGAPIXELS
    ):
        raise RefusedError(
            "too slow", f"{contents.scans:,} scans of {megapixels:,.1f} megapixels in one JPEG"
        )
