"""File sniffing from bytes only: format, truncation, frames.

Pillow decodes a PNG without its last 16 bytes and a JPEG without its end, so the end is checked
here. References: ISO 10918-1 annex B; the specifications of PNG, GIF89a, TIFF 6.0, BigTIFF and
WebP.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BITMAP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
#: Possessive quantifiers: no backtracking, so that no file is scanned twice.
_NETPBM = re.compile(rb"P[1-6]\s(?:\s|#[^\r\n]*+[\r\n])*+\d++\s")

_COMMENT = rb"<!--(?:(?!-->).)*+-->"
#: signatures of other files found among images -> description
_OTHERS = (
    (rb"%PDF", "a PDF document"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing (EPS)"),
    (rb"(?>\s|<\?xml[^>]*>|%b|<!DOCTYPE svg[^>]*>)*+<svg" % _COMMENT, "an SVG drawing"),
    (rb"(?is)(?>\s|%b)*+<(?:!doctype html|html|head|body)" % _COMMENT, "a web page (HTML)"),
    (rb"\s*<\?xml", "an XML document"),
    (rb"PK\x03\x04|PK\x05\x06", "a zip archive"),
    (rb"\x1f\x8b", "a gzip file"),
    (rb"BZh|\xfd7zXZ|7z\xbc\xaf|Rar!", "an archive"),
    (rb".{4}ftyp(?:hei|hev|mif|msf)", "a HEIC image; convert it to JPEG first"),
    (rb".{4}ftypavi", "an AVIF image; convert it to JPEG first"),
    (rb".{4}ftyp|.{4}moov|RIFF.{4}AVI |\x1aE\xdf\xa3", "a video"),
    (rb"8BPS", "a Photoshop file; export it as PNG first"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL image; convert it to JPEG first"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image; convert it to PNG first"),
    (rb"\0\0\x01\0", "an icon (ICO)"),
    (rb"SIMPLE  =", "a FITS file"),
    (rb".{128}DICM", "a DICOM file; export it as PNG first"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\x09\0|\x01\0\0\0.{36} EMF", "a Windows metafile"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"\x89HDF", "an HDF5 file"),
    (rb"RIFF.{4}WAVE|ID3|OggS|fLaC", "a sound file"),
    (rb"\x7fELF|MZ", "a program"),
)


@dataclass(frozen=True, slots=True)
class FileStructure:
    """Properties of an image file found before decoding."""

    whole: bool  #: False if bytes are missing at the end
    damage: str = ""  #: damage in a complete file
    animated: bool = False  #: GIF only; for other formats Pillow reports it at no cost
    scans: int = 0  #: JPEG: number of scans to decode
    in_passes: bool = False  #: JPEG that keeps all coefficients in memory while decoding


def sniff_format(data: bytes) -> str:
    """Return Pillow's name of the format from the first bytes; "" if striate does not read it."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data.startswith(b"RIFF") and data[8:12] in b"WEBP":
        return "WEBP"
    header = int.from_bytes(data[14:18], "little")
    if data.startswith(b"BM") and (header in _BITMAP_HEADERS or len(data) < 18):
        return "BMP"
    if len(data) > 1:
        for signature, name in _SIGNATURES:
            if signature.startswith(data):
                return name
    return "PPM" if _NETPBM.match(data[:1024]) else ""


def guess_other_format(data: bytes) -> str:
    """Describe a file that is not an image, for error messages."""
    start = data[:4096]
    for pattern, name in _OTHERS:
        if re.match(pattern, start, re.DOTALL):
            return f"it looks like {name}"
    if not start.strip(b"\0"):
        return "it holds only zero bytes"
    printable = sum(byte >= 32 or byte in b"\t\n\r\f" for byte in start)
    if b"\0" not in start and printable > 0.95 * len(start):
        return "it looks like text"
    return f"its first bytes are {start[:8].hex(' ')}"


def examine(kind: str, data: bytes) -> FileStructure:
    """Walk the structure of the file without decoding."""
    return _WALKS[kind](data)


_MARKER = re.compile(rb"\xff[^\xff\x00\x01\xd0-\xd8]")
#: markers that may follow a scan: tables, the next scan, applications, comments
_AFTER_SCANS = frozenset({0xC4, 0xCC, *range(0xDA, 0xDE), *range(0xE0, 0xF0), 0xFE})


def _jpeg(data: bytes) -> FileStructure:
    place, scans, progressive = 2, 0, False
    while found := _MARKER.search(data, place):
        code, place = data[found.end() - 1], found.end()
        if code == 0xD9:
            return FileStructure(whole=True, scans=scans, in_passes=progressive or scans > 1)
        if scans and code not in _AFTER_SCANS:
            damage = f"marker {code:02x} stands among its pixels"
            return FileStructure(True, damage, scans=scans, in_passes=progressive or scans > 1)
        scans += code == 0xDA
        progressive |= code == 0xC2
        place += int.from_bytes(data[place : place + 2], "big")
    return FileStructure(whole=False, scans=scans, in_passes=progressive or scans > 1)


def _png(data: bytes) -> FileStructure:
    bytes_of, name = memoryview(data), b""
    for name, start, end in png_chunks(data):
        if end > len(data):
            return FileStructure(whole=False)
        promised = int.from_bytes(data[end - 4 : end], "big")
        if zlib.crc32(bytes_of[start + 4 : end - 4]) != promised:
            shown = name.decode("ascii", "backslashreplace")
            return FileStructure(whole=True, damage=f"the checksum of its chunk {shown} is wrong")
    return FileStructure(whole=name == b"IEND")


def bare_png(data: bytes) -> bytes:
    """Remove the chunks of a PNG that its pixels do not need, such as text and profiles."""
    parts = [data[start:end] for name, start, end in png_chunks(data) if name in _PNG_NEEDED]
    return data[:8] + b"".join(parts)


_PNG_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"}


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each PNG chunk up to IEND; the last may end beyond the data."""
    start, name = 8, b""
    while name != b"IEND" and start + 12 <= len(data):
        name = data[start + 4 : start + 8]
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        yield name, start, end
        start = end


def _webp(data: bytes) -> FileStructure:
    return FileStructure(
        whole=len(data) >= 12 and len(data) >= 8 + int.from_bytes(data[4:8], "little")
    )


def _gif(data: bytes) -> FileStructure:
    frames = 0
    try:
        place = 13 + _gif_palette(data[10])
        while (block := data[place]) != 0x3B:
            if block == 0x2C:
                frames += 1
                place += 11 + _gif_palette(data[place + 9])
            else:
                place += 2 if block == 0x21 else 1
            while block in {0x2C, 0x21} and data[place]:
                place += 1 + data[place]
            place += block in {0x2C, 0x21}
    except IndexError:
        return FileStructure(whole=False, animated=frames > 1)
    return FileStructure(whole=True, animated=frames > 1)


def _gif_palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _bmp(data: bytes) -> FileStructure:
    if len(data) < 38:
        return FileStructure(whole=False)
    start, header = struct.unpack_from("<I", data, 10)[0], data[14]
    if header < 40:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression, stored = 0, 0
    else:
        width, height, _, bits, compression, stored = struct.unpack_from("<iiHHII", data, 18)
    if compression in {0, 3, 6}:
        stored = (width * bits + 31) // 32 * 4 * abs(height)
    return FileStructure(whole=start + stored <= len(data))


#: bytes per value, by TIFF field type
_TIFF_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
#: tags required to locate pixels: sample sizes, offsets and lengths of strips and tiles
_TIFF_NEEDED = {258, 273, 277, 279, 320, 324, 325, 338, 339}


def _tiff(data: bytes) -> FileStructure:
    """Check that the first IFD, and all it refers to except the pixels, is present."""
    order = "<" if data[0] == 0x49 else ">"
    wide = 0x2B in data[2:4]
    try:
        (first,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 8 if wide else 4)
        (count,) = struct.unpack_from(order + ("Q" if wide else "H"), data, first)
        entry = struct.Struct(order + ("HHQQ" if wide else "HHII"))
        start = first + (8 if wide else 2)
        for place in range(start, start + min(count, 65535) * entry.size, entry.size):
            tag, kind, values, at = entry.unpack_from(data, place)
            size = _TIFF_BYTES.get(kind, 0) * values
            if tag in _TIFF_NEEDED and size > (8 if wide else 4) and at + size > len(data):
                return FileStructure(whole=False)
    except struct.error:
        return FileStructure(whole=False)
    return FileStructure(whole=True)


def _ppm(_data: bytes) -> FileStructure:
    return FileStructure(whole=True)


_WALKS = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
    "TIFF": _tiff,
    "PPM": _ppm,
}
