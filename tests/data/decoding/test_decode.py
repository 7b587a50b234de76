"""Every file gives the right upright 8-bit image or the right finding, never an exception."""

from __future__ import annotations

import hashlib
import os
import resource
import socket
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from striate.data.decoding.decode import decode, header
from striate.data.decoding.files import silence
from striate.data.decoding.preprocess import Fit, Preprocess
from striate.data.listing.samples import FINDINGS, Finding, Record
from tests.data import images as images
from tests.data.images import FORMATS, SUFFIXES, corners, deep_png, encoded, noise, turned


def kinds(data: bytes, shown: str = "image") -> list[str]:
    _, record = decode(data, shown)
    return [finding.kind for finding in record.findings]


def pixels(data: bytes) -> np.ndarray:
    image, record = decode(data, "image")
    assert image is not None, record
    assert image.mode in {"L", "RGB"}
    assert record.channels == len(image.getbands())
    return np.asarray(image)


def refusal(data: bytes, shown: str = "image") -> tuple[str, str]:
    image, record = decode(data, shown)
    assert image is None
    assert not record.usable
    (finding,) = record.findings
    assert finding.path == shown
    return finding.kind, finding.detail


# Whole and plain


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_gives_its_pixels_size_and_digest(form: str, tmp_path: Path) -> None:
    data = encoded(corners(), form, **FORMATS[form])
    path = tmp_path / f"a{SUFFIXES[form]}"
    path.write_bytes(data)
    image, record = decode(path, "a")
    assert image is not None
    assert np.abs(np.asarray(image, float) - np.asarray(corners(), float)).max() <= 6
    assert (record.width, record.height, record.channels) == (48, 32, 3)
    assert record.digest == hashlib.sha256(data).hexdigest()
    assert [finding.kind for finding in record.findings] == (["palette"] if form == "GIF" else [])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_eight_orientations_give_the_same_pixels(form: str) -> None:
    upright = pixels(turned(corners(), 1, form))
    for orientation in range(2, 9):
        data = turned(corners(), orientation, form)
        # A JPEG that was turned before it was stored has other rounding errors.
        assert np.abs(pixels(data).astype(int) - upright).max() <= (6 if form == "JPEG" else 0)
        record = decode(data, "a")[1]
        assert (record.width, record.height) == (48, 32)
        assert record.findings == (Finding("rotated", "a", f"orientation {orientation}"),)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_header_alone_gives_the_upright_size(form: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(turned(corners(), 6, form))
    assert header(path, "a") == Record("", 48, 32, 3)


def test_a_tag_behind_the_pixels_of_a_png_turns_it_too() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(corners().transpose(Image.Transpose.ROTATE_90))
    chunk = b"eXIf" + exif.tobytes()[6:]
    end = data.rindex(b"IEND") - 4
    size, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    behind = data[:end] + size + chunk + check + data[end:]
    assert (pixels(behind) == np.asarray(corners())).all()
    assert kinds(behind) == ["rotated"]


@pytest.mark.parametrize(
    ("fit", "size", "decoded"),
    [
        ("letterbox", 80, (80, 50)),
        ("letterbox", 81, (160, 100)),
        ("letterbox", 320, (320, 200)),
        ("letterbox", 321, (640, 400)),
        ("letterbox", 900, (640, 400)),
        ("crop", 50, (80, 50)),
        ("crop", 51, (160, 100)),
        ("crop", 201, (640, 400)),
        ("stretch", 50, (80, 50)),
        ("stretch", 51, (160, 100)),
        ("stretch", 201, (640, 400)),
    ],
)
def test_a_large_jpeg_is_decoded_small_but_never_below_what_is_asked_for(
    fit: Fit, size: int, decoded: tuple[int, int]
) -> None:
    data = turned(noise(640, 400), 6, "JPEG")
    preprocess = Preprocess(size, 3, fit)
    image, record = decode(data, "a", preprocess=preprocess)
    full = decode(data, "a")[0]
    assert image is not None
    assert full is not None
    assert image.size == decoded
    assert (record.width, record.height) == full.size == (640, 400)
    apart = preprocess.to_array(image).astype(int) - preprocess.to_array(full)
    assert np.abs(apart).mean() < 1.3


# Conversions

RAMP = np.linspace(0, 65535, 40 * 30).astype(np.uint16).reshape(30, 40)


def _with_chunk(data: bytes, name: bytes, content: bytes) -> bytes:
    place = data.index(b"IDAT") - 4
    chunk = name + content
    check = struct.pack(">I", zlib.crc32(chunk))
    return data[:place] + struct.pack(">I", len(content)) + chunk + check + data[place:]


DEEP: dict[str, Callable[[], bytes]] = {
    "png": lambda: encoded(Image.fromarray(RAMP)),
    "color png": lambda: deep_png(np.stack([RAMP] * 3, -1)),
    "opaque gray png": lambda: deep_png(np.stack([RAMP, RAMP * 0 + 65535], -1)),
    "opaque color png": lambda: deep_png(np.stack([RAMP] * 3 + [RAMP * 0 + 65535], -1)),
    "tiff": lambda: encoded(Image.fromarray(RAMP), "TIFF"),
    "tiff in reverse order": lambda: encoded(Image.fromarray(RAMP.astype(">u2")), "TIFF"),
    "packed tiff": lambda: encoded(Image.fromarray(RAMP), "TIFF", compression="tiff_lzw"),
    "32 bit tiff": lambda: encoded(Image.fromarray(RAMP.astype(np.int32)), "TIFF"),
    "pgm": lambda: b"P5 40 30 65535\n" + RAMP.astype(">u2").tobytes(),
}


@pytest.mark.parametrize("name", DEEP)
def test_sixteen_bits_are_scaled_and_not_clipped(name: str) -> None:
    data = DEEP[name]()
    found = pixels(data)
    expected = RAMP / 257 if found.ndim == 2 else np.repeat(RAMP[..., None] / 257, 3, -1)
    assert np.abs(found - expected).mean() <= 0.5
    assert found.ndim == (3 if "color" in name else 2)
    assert kinds(data) == ["16 bit"]


def test_floats_from_zero_to_one_are_scaled_and_others_refused() -> None:
    def tiff(values: np.ndarray) -> bytes:
        return encoded(Image.fromarray(values.astype(np.float32)), "TIFF")

    unit = RAMP / 65535
    assert np.abs(pixels(tiff(unit)) - unit * 255).max() <= 0.51
    assert kinds(tiff(unit)) == ["float"]
    save = "; save it with 8 or 16 bits a value"
    assert refusal(tiff(unit * 900 - 4)) == (
        "unsupported",
        f"floating-point values from -4 to 896 where 0 to 1 is known{save}",
    )
    unit[3, 4] = np.nan
    assert refusal(tiff(unit)) == (
        "unsupported",
        f"some values are not finite numbers{save}".removesuffix(" a value"),
    )


def test_whole_numbers_beyond_sixteen_bits_are_refused() -> None:
    data = encoded(Image.fromarray(RAMP.astype(np.int32) * 3 - 7), "TIFF")
    assert refusal(data) == (
        "unsupported",
        (
            "whole numbers from -7 to 196,598 where 0 to 65,535 is known; "
            "save it with 8 or 16 bits a value"
        ),
    )


def _seen(image: Image.Image) -> Image.Image:
    """What Pillow itself shows of an image on white."""
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


def _veiled(mode: str) -> Image.Image:
    image = noise(40, 30).convert(mode)
    image.putalpha(Image.linear_gradient("L").resize((40, 30)))
    return image


TRANSPARENT = {
    "RGBA png": (_veiled("RGB"), "PNG", {}, []),
    "RGBA webp": (_veiled("RGB"), "WEBP", {"lossless": True, "exact": True}, []),
    "RGBA tiff": (_veiled("RGB"), "TIFF", {}, []),
    "LA png": (_veiled("L"), "PNG", {}, []),
    "one color of a png": (noise(40, 30), "PNG", {"transparency": (93, 63, 121)}, []),
    "one gray of a png": (noise(40, 30).convert("L"), "PNG", {"transparency": 100}, []),
    "one of two": (noise(40, 30).convert("1"), "PNG", {"transparency": 0}, ["1 bit"]),
    "palette png": (noise(40, 30).quantize(32), "PNG", {"transparency": 3}, ["palette"]),
    "steps": (
        noise(40, 30).quantize(32),
        "PNG",
        {"transparency": bytes(range(0, 256, 8))},
        ["palette"],
    ),
    "gif": (noise(40, 30).quantize(32), "GIF", {"transparency": 3}, ["palette"]),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_what_is_transparent_is_laid_on_white(name: str) -> None:
    image, form, options, also = TRANSPARENT[name]
    if name == "one color of a png":
        options = {"transparency": image.getpixel((5, 6))}
    data = encoded(image, form, **options)
    if "transparency" in options:
        image = image.copy()
        image.info["transparency"] = options["transparency"]
    found = pixels(data)
    expected = np.asarray(_seen(image))
    plain = image.convert("RGBA").convert("RGB")
    assert (np.asarray(plain) != expected).any()
    assert (
        np.abs(found.astype(int) - (expected[..., 0] if found.ndim == 2 else expected)).max() <= 1
    )
    assert kinds(data) == [*also, "transparency"]


def test_an_alpha_channel_that_hides_nothing_is_no_finding() -> None:
    data = encoded(noise().convert("RGBA"))
    assert (pixels(data) == np.asarray(noise())).all()
    assert kinds(data) == []


def test_sixteen_bits_with_a_transparent_gray_are_laid_on_white() -> None:
    value = int(RAMP[3, 4])
    data = _with_chunk(DEEP["png"](), b"tRNS", struct.pack(">H", value))
    found = pixels(data)
    assert found[3, 4] == 255
    assert abs(int(found[3, 5]) - RAMP[3, 5] / 257) < 1
    assert kinds(data) == ["16 bit", "transparency"]


def test_sixteen_bits_with_a_transparent_color_are_laid_on_white() -> None:
    values = np.stack([RAMP] * 3, -1)
    clear = tuple(int(value) for value in values[3, 4])
    found = pixels(_with_chunk(deep_png(values), b"tRNS", struct.pack(">HHH", *clear)))
    assert found[3, 4].tolist() == [255, 255, 255]
    assert (found[3, 14] < 30).all()


def test_twelve_bits_are_scaled_by_their_own_largest_value() -> None:
    data = images.twelve_bit_tiff([0x000, 0xFFF, 0x800, 0x400])
    assert pixels(data).tolist() == [[0, 255, 128, 64]]
    assert kinds(data) == ["16 bit", "tiny"]


def _lab() -> Image.Image:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(noise(), *profiles, outputMode="LAB")
    assert image is not None
    return image


CONVERTED: dict[str, tuple[Callable[[], bytes], str, float]] = {
    "palette": (lambda: encoded(corners().quantize(8)), "palette", 0),
    "cmyk as Adobe writes it": (
        lambda: encoded(noise().convert("CMYK"), "JPEG", quality=98, subsampling=0),
        "cmyk",
        2,
    ),
    "cmyk tiff": (lambda: encoded(noise().convert("CMYK"), "TIFF"), "cmyk", 0),
    "lab": (lambda: encoded(_lab(), "TIFF"), "lab", 2),
    "1 bit": (lambda: encoded(noise().convert("1")), "1 bit", 0),
    "1 bit bmp": (lambda: encoded(noise().convert("1"), "BMP"), "1 bit", 0),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_other_colors_are_converted_and_said(name: str) -> None:
    make, kind, error = CONVERTED[name]
    found = pixels(make())
    original = corners() if kind == "palette" else noise()
    expected = np.asarray(original.convert("1").convert("L") if kind == "1 bit" else original)
    assert np.abs(found.astype(int) - expected).mean() <= error
    assert kinds(make()) == [kind]


def test_ycck_is_read_as_pillow_reads_it() -> None:
    data = encoded(noise().convert("CMYK"), "JPEG", quality=98)
    place = data.index(b"Adobe") + 11
    ycck = data[:place] + b"\x02" + data[place + 1 :]
    assert kinds(ycck) == ["cmyk"]
    assert (pixels(ycck) != pixels(data)).any()


@pytest.mark.parametrize("name", [*DEEP, *TRANSPARENT, *CONVERTED])
def test_the_header_foretells_the_channels(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    if name in TRANSPARENT:
        image, form, options, _ = TRANSPARENT[name]
        path.write_bytes(encoded(image, form, **options))
    else:
        path.write_bytes(DEEP[name]() if name in DEEP else CONVERTED[name][0]())
    assert header(path, "a").channels == decode(path, "a")[1].channels


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_is_used(form: str) -> None:
    data = images.animation(form, frames=3)
    assert np.abs(pixels(data).astype(int) - np.asarray(noise(16, 16, seed=0))).mean() < 8
    assert "animation" in kinds(data)
    assert "animation" not in kinds(encoded(noise(16, 16), form))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((7, 9), [("tiny", "7 x 9 pixels")]),
        ((8, 160), []),
        ((8, 161), [("long", "8 x 161 pixels")]),
        ((20000, 1), [("tiny", "20,000 x 1 pixels"), ("long", "20,000 x 1 pixels")]),
    ],
)
def test_tiny_and_long_images_are_noticed(
    size: tuple[int, int], expected: list[tuple[str, str]]
) -> None:
    _, record = decode(encoded(Image.new("L", size, 99)), "a")
    assert [(finding.kind, finding.detail) for finding in record.findings] == expected
    assert (record.width, record.height, record.channels) == (*size, 1)


@pytest.mark.parametrize(
    ("name", "form", "detail"),
    [
        ("a.png", "JPEG", "a JPEG named .png"),
        ("a.JPG", "WEBP", "a WEBP named .jpg"),
        ("a.heic", "JPEG", "a JPEG named .heic"),
        ("a.JPEG", "JPEG", None),
        ("a.jfif", "JPEG", None),
        ("a.tif", "TIFF", None),
        ("a.png.jpg", "JPEG", None),
        ("a", "JPEG", None),
        ("a.v2", "PNG", None),
    ],
)
def test_content_decides_and_a_wrong_suffix_is_said(
    name: str, form: str, detail: str | None
) -> None:
    _, record = decode(encoded(noise(), form), name)
    expected = () if detail is None else (Finding("wrong suffix", name, detail),)
    assert record.findings == expected


def test_an_image_of_two_for_a_3d_screen_is_its_first() -> None:
    data = encoded(noise(seed=0), "MPO", save_all=True, append_images=[noise(seed=1)], quality=95)
    assert np.abs(pixels(data).astype(int) - np.asarray(noise(seed=0))).mean() < 3
    assert kinds(data, "a.jpg") == []


def test_every_finding_has_a_rule() -> None:
    assert {"1 bit", "lab", "16 bit", "float", "cmyk", "palette", "transparency"} <= set(FINDINGS)


# Damaged


SHORTENED: dict[str, Callable[[], bytes]] = {
    **{form: lambda form=form: encoded(noise(), form, **FORMATS[form]) for form in FORMATS},
    "progressive": lambda: encoded(noise(), "JPEG", progressive=True),
    "gray PNG": lambda: encoded(noise().convert("L")),
    "lossy WEBP": lambda: encoded(noise(), "WEBP"),
    "moving WEBP": lambda: images.animation("WEBP", 2),
    "LZW TIFF": lambda: encoded(noise(), "TIFF", compression="tiff_lzw"),
    "big TIFF": lambda: encoded(noise(), "TIFF", big_tiff=True),
    "JPEG in TIFF": lambda: encoded(noise(), "TIFF", compression="jpeg"),
    "padded BMP": lambda: encoded(noise(33, 30).convert("L"), "BMP"),
}


@pytest.mark.parametrize("name", SHORTENED)
def test_whatever_is_cut_off_is_noticed_and_what_follows_is_not(name: str) -> None:
    data = SHORTENED[name]()
    assert decode(data, "a")[1].usable
    assert decode(data + b"anything at all", "a")[1].usable
    lengths = {len(data) * k // 64 for k in range(1, 64)} | {len(data) - k for k in range(1, 65)}
    found = {refusal(data[:length])[0] for length in lengths if length > 3}
    assert "truncated" in found
    assert found <= ({"truncated", "unreadable"} if "TIFF" in name else {"truncated"})


def test_the_detail_names_the_format_that_is_cut() -> None:
    assert refusal(encoded(noise(), "JPEG")[:-1]) == ("truncated", "the end of the JPEG is missing")


def test_pillows_switch_for_truncated_files_stays_as_it_was() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


WRONG = {
    "text": (b"caf\xc3\xa9, milk\n" * 9, "it looks like text"),
    "html": (b"\n<!DOCTYPE html><html><p>404</p>", "it looks like a web page (HTML)"),
    "html without type": (b"<HTML><body>no", "it looks like a web page (HTML)"),
    "svg": (b'<?xml version="1.0"?>\n<!-- x --><svg xmlns="">', "it looks like an SVG drawing"),
    "xml": (b'<?xml version="1.0"?><plist>', "it looks like an XML document"),
    "pdf": (b"%PDF-1.7\n%\xe2", "it looks like a PDF document"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "it looks like a PostScript drawing (EPS)"),
    "dos eps": (b"\xc5\xd0\xd3\xc6\x20\0", "it looks like a PostScript drawing (EPS)"),
    "zip": (b"PK\x03\x04\x14\0", "it looks like a zip archive"),
    "gzip": (b"\x1f\x8b\x08\0", "it looks like a gzip file"),
    "heic": (b"\0\0\0\x18ftypheic", "it looks like a HEIC image; convert it to JPEG first"),
    "avif": (b"\0\0\0\x20ftypavif", "it looks like an AVIF image; convert it to JPEG first"),
    "video": (b"\0\0\0\x20ftypisom", "it looks like a video"),
    "psd": (b"8BPS\0\x01", "it looks like a Photoshop file; export it as PNG first"),
    "jpeg xl": (b"\xff\x0a\0\0", "it looks like a JPEG XL image; convert it to JPEG first"),
    "jpeg 2000": (
        b"\0\0\0\x0cjP  \r\n\x87\n",
        "it looks like a JPEG 2000 image; convert it to PNG first",
    ),
    "icon": (b"\0\0\x01\0\x01\0", "it looks like an icon (ICO)"),
    "fits": (b"SIMPLE  =    T", "it looks like a FITS file"),
    "dicom": (bytes(128) + b"DICM", "it looks like a DICOM file; export it as PNG first"),
    "wmf": (b"\xd7\xcd\xc6\x9a\0\0", "it looks like a Windows metafile"),
    "numpy": (b"\x93NUMPY\x01", "it looks like a NumPy array"),
    "zeros": (bytes(600), "it holds only zero bytes"),
    "random": (
        b"\x07\x93\xfe\0\x11\x85\x90\xaa\xbb",
        "its first bytes are 07 93 fe 00 11 85 90 aa",
    ),
    "BM is no bitmap": (b"BMW and other cars, a list", "it looks like text"),
    "P5 is no bitmap": (b"P5 is the name of a bus", "it looks like text"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_image_is_named_for_what_it_is(name: str) -> None:
    data, detail = WRONG[name]
    assert refusal(data, "a.jpg") == ("not an image", detail)


def test_an_empty_file_is_empty() -> None:
    image, record = decode(b"", "a")
    assert image is None
    assert record == Record(hashlib.sha256(b"").hexdigest(), findings=(Finding("empty", "a"),))


def test_a_damaged_middle_is_unreadable_and_the_digest_stays() -> None:
    data = bytearray(encoded(noise()))
    place = data.index(b"IDAT") + 40
    data[place : place + 20] = bytes(20)
    reason = "it is damaged: the checksum of its chunk IDAT is wrong"
    assert refusal(bytes(data)) == ("unreadable", reason)
    assert decode(bytes(data), "a")[1].digest == hashlib.sha256(data).hexdigest()


def test_random_damage_never_raises() -> None:
    random = np.random.default_rng(5)
    for form in FORMATS:
        data = np.frombuffer(encoded(noise(), form, **FORMATS[form]), np.uint8)
        for _ in range(60):
            damaged = data.copy()
            damaged[random.integers(0, len(data), 3)] = random.integers(0, 256, 3)
            image, record = decode(damaged.tobytes(), "a")
            assert record.usable == (image is not None)
            assert all(finding.kind in FINDINGS for finding in record.findings)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"iCCP", b"garbage"),
        (b"iCCP", b"k\0\0" + zlib.compress(bytes(50_000_000))),
        (b"zTXt", b"k\0\0" + zlib.compress(bytes(50_000_000))),
    ],
)
def test_a_png_is_read_whatever_its_profile_and_texts_hold(chunk: tuple[bytes, bytes]) -> None:
    assert (pixels(_with_chunk(encoded(noise()), *chunk)) == np.asarray(noise())).all()
    assert kinds(_with_chunk(turned(noise(), 6, "PNG"), *chunk)) == ["rotated"]


def test_a_color_profile_and_a_tag_that_cannot_be_read_are_ignored() -> None:
    data = encoded(noise(), "JPEG", icc_profile=b"garbage" * 9, exif=b"Exif\0\0garbage")
    assert (pixels(data) == pixels(encoded(noise(), "JPEG"))).all()
    assert kinds(data) == []


# Hostile


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (images.png(60_000, 60_000), "60,000 x 60,000 pixels need 14,401 MB"),
        (images.png(60_000, 60_000)[:45], "60,000 x 60,000 pixels need 14,401 MB"),
        (images.png(7000, 9400, depth=16, color=6), "7,000 x 9,400 pixels need 790 MB"),
        (images.png(20_000, 10_001, color=0), "20,000 x 10,001 pixels need 201 MB"),
        (
            images.png(9000, 9001, color=3, before=[(b"PLTE", b"abcdef")]),
            "9,000 x 9,001 pixels need 406 MB",
        ),
    ],
)
def test_a_header_that_asks_for_too_much_is_refused(data: bytes, detail: str) -> None:
    assert refusal(data) == ("huge", f"{detail}, the limit is 200 MB")


def test_the_limit_can_be_set_and_is_in_bytes() -> None:
    data = encoded(Image.new("RGB", (1000, 700)))
    image, record = decode(data, "a", largest_megabytes=2)
    assert image is None
    detail = "1,000 x 700 pixels need 3 MB, the limit is 2 MB"
    assert record.findings == (Finding("huge", "a", detail),)
    assert decode(data, "a", largest_megabytes=3)[1].usable
    assert decode(encoded(Image.new("L", (1000, 700))), "a", largest_megabytes=2)[1].usable


def test_a_jpeg_counts_by_the_size_at_which_it_is_decoded() -> None:
    image = Image.new("RGB", (1600, 1000))
    small = Preprocess(100, 3)
    plain, passes = encoded(image, "JPEG"), encoded(image, "JPEG", progressive=True)
    assert not decode(plain, "a", largest_megabytes=2)[1].usable
    assert decode(plain, "a", preprocess=small, largest_megabytes=2)[1].usable
    # In passes, the coefficients of the whole are in memory however small the result is.
    assert not decode(passes, "a", preprocess=small, largest_megabytes=2)[1].usable


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(3_000_001)
    _, record = decode(path, "a", largest_megabytes=2)
    detail = "the file has 4 MB, the limit is 2 MB"
    assert record == Record(findings=(Finding("huge", "a", detail),))


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is told by Linux")
def test_the_memory_of_a_process_stays_small_whatever_a_header_says(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(images.png(60_000, 60_000))
    (tmp_path / "b.png").write_bytes(images.solid_png(13_000))
    (tmp_path / "c.jpg").write_bytes(images.many_scans(noise(500, 500), 1000))
    (tmp_path / "d.webp").write_bytes(images.wide_webp(16_384))
    program = (
        "import sys; from striate.data.decoding.decode import decode\n"
        "found = [decode(path, path)[1].findings[0].kind for path in sys.argv[1:]]\n"
        # getrusage would tell the memory of the process that started this one.
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(*found, peak.split()[1])"
    )
    paths = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True
    )
    *found, peak = done.stdout.rsplit(maxsplit=1)
    assert found == ["huge huge too slow huge"]
    assert int(peak) < 80 * 1024


@pytest.mark.parametrize("scans", [180, 9_000])
def test_a_jpeg_of_endless_scans_is_refused(scans: int) -> None:
    data = images.many_scans(noise(64, 40), scans)
    expected = [] if scans < 200 else ["too slow"]
    assert kinds(data) == expected


def test_the_scans_of_a_large_jpeg_count_by_its_size() -> None:
    data = images.many_scans(Image.new("L", (4000, 3000)), 90)
    assert refusal(data) == ("too slow", "95 scans of 12.0 megapixels in one JPEG")


@pytest.mark.parametrize(
    "make",
    [
        lambda: images.endless_gif(50_000),
        lambda: images.endless_apng(50_000),
        lambda: images.looping_tiff(noise()),
        lambda: images.png(
            1, 1, rows=b"\0abc", before=[(b"tEXt", b"k%d\0v" % n) for n in range(100_000)]
        ),
    ],
)
def test_frames_and_texts_without_end_cost_little_time(make: Callable[[], bytes]) -> None:
    data = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert decode(data, "a")[1].usable
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 2


# Files that are none


def test_a_pipe_a_socket_a_device_and_a_folder_are_special_and_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "null.jpg").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket.jpg"))
        found = {
            path.name: [(f.kind, f.detail) for f in decode(path, path.name)[1].findings]
            for path in tmp_path.iterdir()
        }
    assert found == {
        "pipe.jpg": [("special file", "a named pipe")],
        "folder.jpg": [("special file", "a folder")],
        "null.jpg": [("special file", "a device")],
        "socket.jpg": [("special file", "a socket")],
    }


def test_a_missing_file_is_unreadable_with_the_systems_reason(tmp_path: Path) -> None:
    expected = (Finding("unreadable", "a", "no such file or directory"),)
    assert decode(tmp_path / "a", "a") == (None, Record(findings=expected))
    assert header(tmp_path / "a", "a") == Record(findings=expected)


@pytest.mark.parametrize("name", ["nul\0.png", "half\ud800.png"])
def test_a_name_that_no_file_can_have_is_unreadable(name: str) -> None:
    expected = (Finding("unreadable", "a", "no file can have this name"),)
    assert decode(name, "a") == (None, Record(findings=expected))


@pytest.mark.parametrize("name", [b"new\nline.png", b"\xff\xfe.png", "🐈.png".encode(), b"-x=.png"])
def test_any_name_is_read(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(encoded(noise()))
    _, record = decode(path, path.name)
    assert (record.usable, record.findings) == (True, ())


def test_only_warnings_of_pillow_are_silent_and_only_meanwhile() -> None:
    before = list(warnings.filters)
    inside = threading.Barrier(2)

    def quiet() -> None:
        with silence():
            inside.wait()

    other = threading.Thread(target=quiet)
    with silence():
        other.start()
        inside.wait()
        other.join()
        warnings.warn_explicit("x", UserWarning, "a.py", 1, module="PIL.Image")
        with pytest.warns(UserWarning, match="y"):
            warnings.warn_explicit("y", UserWarning, "b.py", 2, module="elsewhere")
    assert warnings.filters == before
