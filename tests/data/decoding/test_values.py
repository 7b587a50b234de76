"""Values of PNG, BMP and PPM come out as their specifications say; damage is named."""

from __future__ import annotations

import itertools
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.data.decoding.decode import decode
from striate.data.decoding.sniff import guess_other_format, sniff_format
from tests.data import images as images
from tests.data.images import encoded, noise, png

RNG = np.random.default_rng(8)


def decoded(data: bytes) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], list[str]]:
    image, record = decode(data, "a")
    assert image is not None, record
    return np.asarray(image), [f.kind for f in record.findings if f.kind not in ("tiny", "long")]


def refused(data: bytes) -> tuple[str, str]:
    image, record = decode(data, "a")
    assert image is None
    return record.findings[0].kind, record.findings[0].detail


def rounded(values: np.ndarray[Any, Any], top: int) -> np.ndarray[Any, Any]:
    return (2 * values.astype(np.int64) * 255 + top) // (2 * top)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_gray_that_a_png_calls_transparent_is_white_at_every_depth(depth: int) -> None:
    top = (1 << depth) - 1
    values = RNG.integers(0, top + 1, (8, 16))
    clear = int(values[3, 4])
    digits = "".join(f"{value:0{depth}b}" for row in values for value in row)
    raw = int(digits, 2).to_bytes(len(digits) // 8, "big")
    step = len(raw) // 8
    rows = b"".join(b"\0" + raw[at : at + step] for at in range(0, len(raw), step))
    # only as many bits as a value has are looked at
    for stored in {clear} if depth == 1 else {clear, (clear | ~top) & 0xFFFF}:
        before = [(b"tRNS", struct.pack(">H", stored))]
        found, kinds = decoded(png(16, 8, depth=depth, color=0, rows=rows, before=before))
        assert (found == np.where(values == clear, 255, rounded(values, top))).all()
        assert kinds == ["1 bit"] * (depth == 1) + ["16 bit"] * (depth == 16) + ["transparency"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_rounded_to_the_nearest_in_every_kind_of_png(channels: int) -> None:
    values = RNG.integers(0, 65536, (300, 300, channels)).astype(np.uint16)
    values[0, :256, :] = np.arange(256)[:, None] * 257 + 129  # just beyond the middle
    if channels in (2, 4):
        values[..., -1] = 65535
    found, kinds = decoded(images.deep_png(values))
    expected = rounded(values[..., : 1 if channels < 3 else 3], 65535)
    assert (found.reshape(expected.shape) == expected).all()
    assert kinds == ["16 bit"]


def test_a_color_of_sixteen_bits_is_transparent_and_its_neighbors_are_not() -> None:
    values = np.full((8, 8, 3), 0x1234, np.uint16)
    values[..., 2] += np.arange(8, dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    clear = struct.pack(">HHH", *values[0, 3].tolist())
    found, kinds = decoded(png(8, 8, depth=16, rows=rows, before=[(b"tRNS", clear)]))
    assert (found[:, 3] == 255).all()
    assert (np.delete(found, 3, axis=1) == 0x12).all()
    assert kinds == ["16 bit", "transparency"]


def test_every_bit_of_a_png_counts() -> None:
    data = encoded(noise(12, 10).convert("LA"), pnginfo=None)
    whole, _ = decoded(data)
    for place, bit in itertools.product(range(8, len(data)), range(8)):
        hurt = bytearray(data)
        hurt[place] ^= 1 << bit
        image, record = decode(bytes(hurt), "a")
        assert image is None, (place, bit)
        assert record.findings[0].kind in ("unreadable", "truncated", "huge")
    assert refused(data[:-1] + bytes([data[-1] ^ 1])) == (
        "unreadable",
        "it is damaged: the checksum of its chunk IEND is wrong",
    )
    assert whole.shape == (10, 12)


def bmp(info: bytes, pixels: bytes) -> bytes:
    start = 14 + len(info)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + info + pixels


def test_a_bmp_whose_alpha_is_nowhere_set_is_opaque_and_another_is_laid_on_white() -> None:
    def file(alphas: list[int]) -> bytes:
        pixels = b"".join(bytes([10, 20, 30, alpha]) for alpha in alphas)
        head = struct.pack("<IiiHHIIiiII", 124, len(alphas), 1, 1, 32, 3, len(pixels), 0, 0, 0, 0)
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        return bmp((head + masks).ljust(124, b"\0"), pixels)

    found, kinds = decoded(file([0, 0]))
    assert (found.tolist(), kinds) == ([[[30, 20, 10]] * 2], [])
    found, kinds = decoded(file([0, 255]))
    assert (found.tolist(), kinds) == ([[[255] * 3, [30, 20, 10]]], ["transparency"])


def test_a_png_of_which_nothing_is_visible_is_noticed() -> None:
    clear = noise().convert("RGBA")
    clear.putalpha(0)
    for form in ("PNG", "WEBP", "TIFF"):
        found, kinds = decoded(encoded(clear, form))
        assert ((found == 255).all(), kinds) == (True, ["invisible"])


@pytest.mark.parametrize(
    ("masks", "bits"), [((0xF800, 0x7E0, 0x1F), 6), ((0x7C00, 0x3E0, 0x1F), 5)]
)
def test_five_and_six_bits_of_a_bmp_are_rounded_and_no_sixteen_bits(
    masks: tuple[int, int, int], bits: int
) -> None:
    levels = np.arange(32)
    green = levels * ((1 << bits) - 1) // 31
    words = levels << (5 + bits) | green << 5 | levels
    head = struct.pack("<IiiHHIIiiII3I", 40, 32, 1, 1, 16, 3, 64, 0, 0, 0, 0, *masks)
    found, kinds = decoded(bmp(head, words.astype("<u2").tobytes()))
    expected = [rounded(levels, 31), rounded(green, (1 << bits) - 1), rounded(levels, 31)]
    assert (found[0] == np.stack(expected, -1)).all()
    assert kinds == []


@pytest.mark.parametrize("largest", [1, 7, 100, 254, 255, 256, 1000, 4095, 65535])
@pytest.mark.parametrize("letter", ["P5", "P6"])
def test_a_ppm_is_scaled_by_its_own_largest_value(letter: str, largest: int) -> None:
    bands = 1 if letter == "P5" else 3
    values = RNG.integers(0, largest + 1, (9, 12, bands))
    raw = values.astype(">u2" if largest > 255 else "u1").tobytes()
    data = f"{letter} 12 9 {largest}\n".encode() + raw
    found, kinds = decoded(data)
    assert np.abs(found.reshape(values.shape) - values * 255 / largest).max() <= 0.5
    assert kinds == (["16 bit"] if largest > 255 else [])
    if largest != 255:
        assert refused(data[:-1])[0] == "truncated"


def test_a_large_ppm_of_an_odd_largest_value_takes_little_time() -> None:
    data = b"P6 2000 1500 200\n" + bytes(9_000_000)
    before = time.process_time()
    decoded(data)
    assert time.process_time() - before < 1


def test_what_a_reader_does_not_know_is_not_called_damaged() -> None:
    head = struct.pack("<IiiHHIIiiII3I", 40, 2, 1, 1, 16, 3, 4, 0, 0, 0, 0, 0xF000, 0xF00, 0xF0)
    assert refused(bmp(head, bytes(4)))[0] == "unsupported"
    assert refused(b"P5 2 2 70000\n" + bytes(8))[0] == "unsupported"


def test_a_marker_among_the_pixels_of_a_jpeg_is_damage() -> None:
    data = bytearray(encoded(noise(200, 200), "JPEG"))
    start = data.index(b"\xff\xda") + 200
    data[start : start + 2] = b"\xff\x40"
    kind_of, detail = refused(bytes(data))
    assert (kind_of, detail) == ("unreadable", "it is damaged: marker 40 stands among its pixels")


@pytest.mark.parametrize(
    "data",
    [
        b"P5 " + b"# " * 4000,
        b"P5 " + b"#\n " * 4000,
        b"P5" + b" \n" * 4000,
        b"P5 " + b"1" * 8000,
        b"<!---->" * 2000,
        b"<!--" * 2000,
        b"<!-- -" * 2000,
        b"<?xml" * 2000,
        b"<?xml>" * 2000,
        b"<!DOCTYPE svg>" * 1000,
        b" \n" * 4000,
        b"\n<!DOCTYPE svg <!-- --> " * 500,
    ],
)
def test_whatever_a_file_begins_with_it_is_told_at_once(data: bytes) -> None:
    before = time.process_time()
    assert sniff_format(data) == ""
    assert guess_other_format(data)
    assert time.process_time() - before < 0.1


def test_comments_in_the_header_of_a_ppm_are_read_over() -> None:
    data = b"P5\n# one\n#two\n 3 # three\r\n2\n255\n" + bytes(range(6))
    assert decoded(data)[0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_chunks_that_no_pixel_needs_are_checked_as_well() -> None:
    data = encoded(noise())
    text = b"tEXtk\0v"
    chunk = struct.pack(">I", 3) + text + struct.pack(">I", zlib.crc32(text))
    assert decoded(data[:33] + chunk + data[33:])[1] == []
    hurt = chunk[:-1] + bytes([chunk[-1] ^ 1])
    assert refused(data[:33] + hurt + data[33:]) == (
        "unreadable",
        "it is damaged: the checksum of its chunk tEXt is wrong",
    )


def test_an_image_of_pillow_keeps_its_own_values() -> None:
    assert decoded(encoded(Image.new("L", (20, 20), 7)))[0].tolist() == [[7] * 20] * 20
