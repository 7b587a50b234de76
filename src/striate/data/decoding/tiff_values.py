"""Conversion of TIFF samples to an 8-bit image, as defined by the tags."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.data.decoding import tiff
from striate.data.decoding.colors import Converted, convert, on_white
from striate.data.decoding.files import RefusedError
from striate.data.decoding.tiff import Page

_WHITE_SIGNED = 65535  #: white in files that store 16 bits as signed 32
_SAVE = "save it with 8 or 16 bits a value"
_UNPACKED_PIXELS = 1 << 16  #: pixels unpacked and scaled at a time


def image(page: Page, data: bytes) -> Converted:
    """Decode the first page as L or RGB, orientation not applied. Raises RefusedError."""
    values, alpha = _eight_bits(page, data)
    kinds = _kinds(page)
    match page.photometric:
        case tiff.PALETTE:
            image = Image.fromarray(values, "RGB")
        case tiff.CMYK:
            image = convert(Image.fromarray(values, "CMYK"), "RGB")
        case tiff.YCBCR:
            image = convert(Image.fromarray(values, "YCbCr"), "RGB")
        case tiff.LAB | tiff.ICC_LAB:
            if page.photometric == tiff.ICC_LAB:
                values[..., 1:] ^= 128  # Pillow takes these as signed
            image = convert(Image.frombytes("LAB", values.shape[1::-1], values), "RGB")
        case _:
            image = Image.fromarray(values[..., 0] if page.channels == 1 else values)
    if alpha is None:
        return Converted(image, kinds)
    multiplied = page.alpha is not None and page.alpha[1]
    return on_white(image, Image.fromarray(alpha), kinds, multiplied=multiplied)


def _kinds(page: Page) -> tuple[str, ...]:
    deep = "float" if page.format == tiff.FLOAT else "16 bit" if page.bits > 8 else ""
    if page.photometric == tiff.PALETTE:
        deep = ""  # only the palette indices are deep
    one = "1 bit" if page.bits == 1 and page.channels == 1 else ""
    colors = {tiff.PALETTE: "palette", tiff.CMYK: "cmyk", tiff.LAB: "lab", tiff.ICC_LAB: "lab"}
    return tuple(filter(None, (deep, one, colors.get(page.photometric, ""))))


def _eight_bits(page: Page, data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Return colors (H, W, bands) and alpha (H, W), scaled to 8 bits."""
    colors = tiff.COLORS[page.photometric]
    bands = 3 if page.photometric == tiff.PALETTE else colors
    values = np.empty((page.height, page.width, bands), np.uint8)
    alpha = None if page.alpha is None else np.empty(values.shape[:2], np.uint8)
    scale = _Scale(page)
    for plane, left, top, block in _blocks(page, data):
        place = slice(top, top + block.shape[0]), slice(left, left + block.shape[1])
        if plane is None:
            values[place] = scale.colors(block[..., :colors])
            if alpha is not None and page.alpha is not None:
                alpha[place] = scale.plain(block[..., page.alpha[0]])
        elif plane < colors:
            found = scale.colors(block)
            # a palette's single plane holds indices of three colors
            values[place][..., plane : plane + found.shape[-1]] = found
        elif alpha is not None:
            alpha[place] = scale.plain(block[..., 0])
    scale.check(int(values.max()))
    return values, alpha


class _Scale:
    """Scales stored values to 0 to 255; tracks their minimum and maximum."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._least, self._most = np.inf, -np.inf
        self._finite = True
        signed = page.format == tiff.SIGNED
        self._top = _WHITE_SIGNED if signed else (1 << page.bits) - 1
        if page.photometric == tiff.PALETTE:
            entries = np.array(page.color_map, np.uint32)
            # 8 bits if no entry needs more, as in libtiff
            deep = entries.max() > 255
            eight = (entries * 255 + 32767) // 65535 if deep else entries
            self._palette = eight.astype(np.uint8).reshape(3, -1).T

    def colors(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        if self._page.photometric == tiff.PALETTE:
            return self._palette[values[..., 0]]
        eight = self.plain(values)
        return 255 - eight if self._page.photometric == tiff.WHITE_IS_ZERO else eight

    def plain(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Scale and round to nearest.

        Out-of-range values are arbitrary, and `check` refuses them.
        """
        if self._page.bits == 8:
            return values.astype(np.uint8, copy=False)
        least, most = values.min(), values.max()
        self._finite &= bool(np.isfinite(least) and np.isfinite(most))
        self._least, self._most = min(self._least, float(least)), max(self._most, float(most))
        if self._page.format == tiff.FLOAT:
            return (np.clip(np.nan_to_num(values), 0, 1) * 255 + 0.5).astype(np.uint8)
        if self._page.bits > 32:
            return np.rint(values / float(self._top) * 255).astype(np.uint8)
        wide = np.uint32 if self._page.bits <= 16 else np.int64
        return ((values.astype(wide) * 255 + self._top // 2) // self._top).astype(np.uint8)

    def check(self, largest: int) -> None:
        """Refuse values that cannot be scaled, or that scale to nothing."""
        least, most = self._least, self._most
        if not self._finite:
            raise _unsupported("some values are not finite numbers; save it with 8 or 16 bits")
        if self._page.format == tiff.FLOAT and (least < 0 or most > 1):
            raise _unsupported(
                f"floating-point values from {least:.4g} to {most:.4g} where 0 to 1 is known; "
                f"{_SAVE}"
            )
        if self._page.format == tiff.SIGNED and (least < 0 or most > self._top):
            raise _unsupported(
                f"whole numbers from {least:,.0f} to {most:,.0f} where 0 to {self._top:,} is "
                f"known; {_SAVE}"
            )
        if self._page.bits > 16 and most > 0 and largest == 0:
            raise _unsupported(
                f"whole numbers up to {most:,.0f} where white is {self._top:,}: nothing of it "
                f"would be seen; {_SAVE}"
            )


def _unsupported(what: str) -> RefusedError:
    return RefusedError("unsupported", what)


def _blocks(page: Page, data: bytes) -> Iterator[tuple[int | None, int, int, NDArray[Any]]]:
    """Yield plane (None: all), left, top and values (rows, columns, samples) of each block."""
    wide, high = page.chunk
    across, down = -(-page.width // wide), -(-page.height // high)
    samples = page.samples if page.planes == 1 else 1
    row = (wide * samples * page.bits + 7) // 8
    some = max(1, _UNPACKED_PIXELS // wide)
    for plane, y, x in product(range(page.planes), range(down), range(across)):
        left, top = x * wide, y * high
        rows = high if page.tiled else min(high, page.height - top)
        raw = _bytes(page, data, (plane * down + y) * across + x, rows * row).reshape(rows, row)
        for first in range(0, min(rows, page.height - top), some):
            numbers = _numbers(page, raw[first : first + some], samples)
            kept = numbers[: page.height - top - first, : page.width - left]
            yield None if page.planes == 1 else plane, left, top + first, kept


def _bytes(page: Page, data: bytes, index: int, size: int) -> NDArray[np.uint8]:
    """Return the decompressed bytes of a strip or tile."""
    packed = page.compression != tiff.NONE
    if index >= len(page.offsets) or (packed and index >= len(page.lengths)):
        raise RefusedError("truncated", "strips of the TIFF are missing")
    start = page.offsets[index]
    # lengths of uncompressed data are wrong in many files, and not needed
    stored = memoryview(data)[start : start + (page.lengths[index] if packed else size)]
    if page.reversed_bits:
        stored = bytes(stored).translate(_REVERSED)
    try:
        found = _unpacked(page.compression, stored, size)
    except (zlib.error, ValueError, OSError, SyntaxError) as error:
        raise RefusedError("unreadable", f"a strip of the TIFF is damaged ({error})") from error
    if len(found) < size:
        raise RefusedError("truncated", "the end of the TIFF is missing")
    return np.frombuffer(found, np.uint8, size)


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _unpacked(compression: int, stored: bytes | memoryview, size: int) -> bytes | memoryview:
    if compression == tiff.NONE:
        return stored
    if compression in tiff.DEFLATE:
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(stored, size)
        unpacker.decompress(unpacker.unconsumed_tail, 1)  # the checksum is at the end
        return found
    if compression == tiff.PACKBITS:
        return Image.frombytes("L", (size, 1), bytes(stored), "packbits", "L").tobytes()
    # All others: wrapped as a TIFF of one strip with byte values.
    tags = {256: size, 257: 1, 258: 8, 259: compression, 262: 1, 277: 1, 278: 1}
    tags |= {273: 8 + 2 + 9 * 12 + 4, 279: len(stored)}
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    made = b"".join((struct.pack("<2sHIH", b"II", 42, 8, len(tags)), rows, bytes(4), stored))
    return Image.open(io.BytesIO(made), formats=["TIFF"]).tobytes()


def _numbers(page: Page, raw: NDArray[np.uint8], samples: int) -> NDArray[Any]:
    """Unpack bytes (rows, length) -> values (rows, columns, samples)."""
    rows, bits = len(raw), page.bits
    count = page.chunk[0] * samples
    if page.predictor == 3:
        sums = np.cumsum(raw.reshape(rows, -1, samples), axis=1, dtype=np.uint8)
        swapped = sums.reshape(rows, bits // 8, count).swapaxes(1, 2)
        numbers = np.ascontiguousarray(swapped).view(f">f{bits // 8}")
    elif bits in (8, 16, 32, 64):
        letter = "f" if page.format == tiff.FLOAT else "i" if page.format == tiff.SIGNED else "u"
        numbers = raw.view(f"{page.order}u{bits // 8}").astype(f"=u{bits // 8}", copy=False)
        if page.predictor == 2:
            differences = numbers.reshape(rows, -1, samples)
            numbers = np.cumsum(differences, axis=1, dtype=numbers.dtype)
        numbers = numbers.view(f"{letter}{bits // 8}")
    else:
        each = np.unpackbits(raw, axis=1)[:, : count * bits].reshape(rows, count, bits)
        if bits % 8 == 0 and page.order == "<":
            each = each.reshape(rows, count, bits // 8, 8)[:, :, ::-1].reshape(rows, count, bits)
        powers = np.uint64(1) << np.arange(bits, dtype=np.uint64)[::-1]
        numbers = each @ powers if bits > 8 else each @ powers.astype(np.uint8)
    return numbers.reshape(rows, page.chunk[0], samples)
