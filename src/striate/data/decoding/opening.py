"""Opens an image and reads its header, with Pillow's reader for its format only."""

from __future__ import annotations

import io
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

from striate.data.decoding.colors import UnsuitableError
from striate.data.decoding.files import RefusedError
from striate.data.decoding.sniff import FileStructure, bare_png, guess_other_format, sniff_format

#: Pillow's reader of each format: no other is tried, whatever the file suffix.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
}
_ORIENTATION = 274
#: prefixes of Pillow's errors for complete files that it cannot decode
_UNSUPPORTED = ("unsupported", "cannot handle", "unknown pixel mode", "maxval must be")


def form_of(data: bytes) -> str:
    if not data:
        raise RefusedError("empty")
    form = sniff_format(data)
    if not form:
        raise RefusedError("not an image", guess_other_format(data))
    return form


def whole(form: str, data: bytes, contents: FileStructure) -> ImageFile.ImageFile:
    """Open an image and read its header; damaged chunks that no pixel needs are skipped."""
    try:
        return opened(form, io.BytesIO(data))
    except RefusedError as refusal:
        if not contents.whole:
            raise cut(form) from refusal
        if form != "PNG":
            raise
    return opened(form, io.BytesIO(bare_png(data)))


def opened(form: str, file: BinaryIO) -> ImageFile.ImageFile:
    """Open an image with the reader of its format only."""
    try:
        return _READERS[form](file)
    except Exception as error:
        raise refused(error, f"the header of the {form} is damaged") from error


def cut(form: str) -> RefusedError:
    return RefusedError("truncated", f"the end of the {form} is missing")


def refused(error: Exception, what: str) -> RefusedError:
    """Return the finding for a Pillow exception.

    Pillow has no exception class for damaged files.
    """
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, UnsuitableError):
        return RefusedError("unsupported", str(error))
    if isinstance(error, MemoryError):
        return RefusedError("unreadable", "decoding it takes more memory than there is")
    if isinstance(error, Image.DecompressionBombError):
        return RefusedError("huge", "Pillow refuses images of more than 178 megapixels")
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    if "truncated" in reason.lower():
        return RefusedError("truncated", reason)
    if reason.lower().startswith(_UNSUPPORTED):
        return RefusedError("unsupported", reason)
    return RefusedError("unreadable", f"{what} ({reason})")


def layout(image: ImageFile.ImageFile) -> str:
    """Return the pixel layout in the file, such as "RGB;16B"."""
    arguments = image.tile[0].args if image.tile else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if the tag is unreadable."""
    if isinstance(image, JpegImagePlugin.JpegImageFile) and not image.info.keys() & {"exif", "xmp"}:
        return 1
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - Pillow raises anything on a damaged tag
        return 1
    return found if found in range(2, 9) else 1
