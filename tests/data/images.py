"""Small odd images for tests, as bytes of files: turned, hostile, cut, in every mode."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

#: name of a format -> Pillow's options with which it keeps every pixel (JPEG: nearly)
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
}
SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tiff",
}
#: EXIF orientation -> what was done to the upright image before it was stored
STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def corners(width: int = 48, height: int = 32) -> Image.Image:
    """An RGB image whose four quarters have four colors: it differs from all its turns."""
    image = Image.new("RGB", (width, height), (200, 40, 30))
    image.paste((40, 160, 60), (width // 2, 0, width, height // 2))
    image.paste((30, 60, 190), (0, height // 2, width // 2, height))
    image.paste((220, 220, 90), (width // 2, height // 2, width, height))
    return image


def noise(width: int = 32, height: int = 32, seed: int = 7) -> Image.Image:
    """An RGB image of random smooth blotches; another seed, another image."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """The file of an image."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def turned(image: Image.Image, orientation: int, form: str) -> bytes:
    """A file that stores the image turned, and whose EXIF tag says how to turn it back."""
    stored = image if orientation == 1 else image.transpose(STORED_AS[orientation])
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(stored, form, exif=exif, **FORMATS[form])


def class_folders(
    root: Path, counts: dict[str, int], *, form: str = "PNG", side: int = 32
) -> list[Path]:
    """root/class/0.png ...: as many different images a class as asked for; their paths."""
    paths: list[Path] = []
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = root / name / f"{number:03}{SUFFIXES[form]}"
            path.write_bytes(encoded(noise(side, side, seed=len(paths)), form, **FORMATS[form]))
            paths.append(path)
    return paths


def png(
    width: int,
    height: int,
    *,
    depth: int = 8,
    color: int = 2,
    rows: bytes = b"",
    before: Iterable[tuple[bytes, bytes]] = (),
    after: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """A PNG with any header, true or not; `rows` are the filtered rows before compression."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(rows)), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def solid_png(side: int) -> bytes:
    """A square RGB image of one color, written without ever holding it in memory."""
    packer = zlib.compressobj(9)
    row = b"\0" + b"\x40\x80\xc0" * side
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def deep_png(values: np.ndarray[Any, np.dtype[np.uint16]]) -> bytes:
    """(H, W, C) of 16 bits -> PNG; C = 1 gray, 2 gray and alpha, 3 color, 4 color and alpha."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    return png(width, height, depth=16, color=color, rows=rows)


def many_scans(image: Image.Image, scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated: each costs the decoder a whole pass."""
    data = encoded(image, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + b"\xff\xd9"


def animation(form: str, frames: int, side: int = 16) -> bytes:
    """An image that moves; the first frame is `noise(side, side, seed=0)`."""
    images = [noise(side, side, seed=frame) for frame in range(frames)]
    options = {"duration": 100, **FORMATS[form]}
    return encoded(images[0], form, save_all=True, append_images=images[1:], **options)


def endless_gif(frames: int) -> bytes:
    """A GIF of 1 x 1 pixel frames, 20 bytes each."""
    start = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\xff\0\0\0\xff\0"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return start + frame * frames + b";"


def endless_apng(frames: int) -> bytes:
    """An animated PNG of 1 x 1 pixel frames."""
    row = zlib.compress(b"\0\x40\x80\xc0")
    after: list[tuple[bytes, bytes]] = []
    for number in range(1, frames):
        after.append((b"fcTL", _frame(2 * number - 1)))
        after.append((b"fdAT", struct.pack(">I", 2 * number) + row))
    before = [(b"acTL", struct.pack(">II", frames, 0)), (b"fcTL", _frame(0))]
    return png(1, 1, rows=b"\0\x40\x80\xc0", before=before, after=after)


def _frame(number: int) -> bytes:
    return struct.pack(">IIIIIHHBB", number, 1, 1, 0, 0, 1, 10, 0, 0)


def looping_tiff(image: Image.Image) -> bytes:
    """A TIFF whose first page names itself as the next."""
    data = bytearray(encoded(image, "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    return bytes(data)


def twelve_bit_tiff(values: list[int]) -> bytes:
    """A TIFF of one row of gray values from 0 to 4095; an even number of them."""
    bits = "".join(f"{value:012b}" for value in values)
    row = int(bits, 2).to_bytes(len(bits) // 8, "big")
    tags = {256: len(values), 257: 1, 258: 12, 259: 1, 262: 1, 273: 126, 277: 1, 278: 1}
    tags[279] = len(row)
    table = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items())
    header = b"II*\0" + struct.pack("<IH", 8, len(tags)) + table + bytes(4)
    return header.ljust(126, b"\0") + row


def wide_webp(side: int) -> bytes:
    """An animated WebP whose header claims a square canvas, for which libwebp takes memory."""
    data = bytearray(animation("WEBP", 2))
    data[24:30] = (side - 1).to_bytes(3, "little") * 2
    return bytes(data)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
