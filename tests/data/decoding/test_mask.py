"""A mask gives the class of every pixel of its upright image, or the finding that it cannot."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from striate.data.decoding.decode import decode, read_orientation
from striate.data.decoding.mask import decode_mask
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.masks import MaskCodes, find_other_palettes, index_codes
from striate.data.listing.samples import FINDINGS, IGNORE, LEFT_OUT, Finding, MaskRecord
from tests.data.images import FORMATS, corners, deep_png, encoded, png, turned

BINARY = MaskCodes(values=((0, 0), (255, 1)))
ROAD, SKY, CAR, VOID = 0x804080, 0x808080, 0x400080, 0x000000
COLORS = MaskCodes(colors=((ROAD, 0), (SKY, 1), (CAR, 2), (0x4000C0, 2), (VOID, IGNORE)))
PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, *range(36)]


def read(
    data: bytes | Path, codes: MaskCodes, size: tuple[int, int] | None = None
) -> tuple[Image.Image | None, MaskRecord]:
    return decode_mask(data, "masks/a.png", codes, size or (24, 16), lambda: 1)


def indices(data: bytes, codes: MaskCodes, size: tuple[int, int] | None = None) -> list[list[int]]:
    mask, record = read(data, codes, size)
    assert mask is not None, record
    assert (mask.mode, record.findings) == ("L", ())
    return np.asarray(mask).tolist()


def refusal(data: bytes | Path, codes: MaskCodes, size: tuple[int, int] | None = None) -> str:
    """The kind and the detail of the only finding."""
    mask, record = read(data, codes, size)
    assert mask is None
    (finding,) = record.findings
    assert finding.path == "masks/a.png"
    assert finding.kind in LEFT_OUT
    return f"{finding.kind}: {finding.detail}"


def classes(count: int, width: int = 24, height: int = 16) -> NDArray[np.uint8]:
    """Squares of 4 pixels, each of a class; all classes occur."""
    numbers = np.arange(height // 4 * (width // 4)) * 7 % count
    tiles = numbers.reshape(height // 4, width // 4).astype(np.uint8)
    return tiles.repeat(4, axis=0).repeat(4, axis=1)


def indexed(values: NDArray[np.uint8], palette: Sequence[int] = PALETTE) -> Image.Image:
    image = Image.fromarray(values).convert("L")
    image.putpalette(list(palette))
    return image


def painted(values: NDArray[np.uint8], colors: Sequence[int]) -> Image.Image:
    table = np.array([[c >> 16, c >> 8 & 255, c & 255] for c in colors], np.uint8)
    return Image.fromarray(table[values])


def packed(values: NDArray[np.uint8], depth: int) -> bytes:
    """A gray PNG of 1, 2 or 4 bits a pixel."""
    bits = np.unpackbits(values[..., None], axis=2)[..., 8 - depth :]
    rows = np.packbits(bits.reshape(len(values), -1), axis=1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    return png(values.shape[1], values.shape[0], depth=depth, color=0, rows=lines)


# What is read


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_an_indexed_png_gives_its_indices_and_never_its_colors(bits: int) -> None:
    values = classes(min(2**bits, 10))
    data = encoded(indexed(values), bits=bits)
    mask, record = read(data, index_codes(10))
    assert np.asarray(mask).tolist() == values.tolist()
    assert (record.digest, record.findings) == (hashlib.sha256(data).hexdigest(), ())
    colors = [int.from_bytes(bytes(PALETTE[3 * i : 3 * i + 3]), "big") for i in range(10)]
    assert record.palette == tuple(enumerate(colors))[: values.max() + 1]


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF"])
def test_other_formats_with_a_palette_give_their_indices_too(form: str) -> None:
    values = classes(10)
    assert indices(encoded(indexed(values), form), index_codes(10)) == values.tolist()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_gray_of_a_few_bits_gives_its_values_and_not_their_shades(bits: int) -> None:
    values = classes(min(2**bits, 10))
    assert indices(packed(values, bits), index_codes(10)) == values.tolist()


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP", "PPM"])
def test_gray_of_8_bits_gives_its_values(form: str) -> None:
    values = classes(10)
    values[0, :5] = IGNORE
    options = FORMATS.get(form, {})
    assert indices(encoded(Image.fromarray(values), form, **options), index_codes(10)) == (
        values.tolist()
    )


def test_gray_of_16_bits_gives_its_values_also_above_255() -> None:
    values = classes(5).astype(np.uint16)
    assert indices(deep_png(values[..., None]), index_codes(5)) == values.tolist()
    codes = MaskCodes(values=((7000, 0), (44, 1), (300, 2), (301, 3), (65535, IGNORE)))
    stored = np.array([7000, 44, 300, 301, 65535], np.uint16)[values]
    expected = np.array([0, 1, 2, 3, IGNORE])[values]
    assert indices(deep_png(stored[..., None]), codes) == expected.tolist()
    tiff = encoded(Image.fromarray(stored), "TIFF")
    assert indices(tiff, codes) == expected.tolist()


def test_a_value_of_8_bits_is_not_taken_for_one_of_16() -> None:
    data = encoded(Image.fromarray(np.full((16, 24), 44, np.uint8)))
    codes = MaskCodes(values=((0, 0), (300, 1)))
    assert refusal(data, codes) == "unknown value: 44 in 384 pixels"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colors_give_the_classes_that_the_table_says(mode: str) -> None:
    values = classes(5)
    image = painted(values, [ROAD, SKY, CAR, 0x4000C0, VOID])
    if mode == "P":
        image = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=5)
    expected = np.array([0, 1, 2, 2, IGNORE])[values]
    data = encoded(image.convert(mode))
    assert indices(data, COLORS) == expected.tolist()
    assert read(data, COLORS)[1].palette == ()


def test_gray_stored_as_equal_colors_gives_its_values() -> None:
    values = classes(10)
    data = encoded(Image.fromarray(values).convert("RGB"))
    assert indices(data, index_codes(10)) == values.tolist()


def test_black_and_white_are_colors_where_the_table_has_colors_only() -> None:
    values = classes(2)
    codes = MaskCodes(colors=((0x000000, 1), (0xFFFFFF, 0)))
    for data in (packed(values, 1), encoded(Image.fromarray(values * 255))):
        assert indices(data, codes) == (1 - values).tolist()


def test_0_and_255_are_two_classes_where_the_table_says_so() -> None:
    values = classes(2)
    assert indices(encoded(Image.fromarray(values * 255)), BINARY) == values.tolist()
    assert BINARY.classes == 2


def test_a_table_maps_values_to_classes_and_to_none() -> None:
    codes = MaskCodes(values=((0, IGNORE), (3, 0), (5, 1), (9, 1)))
    values = np.array([0, 3, 5, 9], np.uint8)[classes(4)]
    expected = np.array([IGNORE, 0, 1, 1])[classes(4)]
    assert indices(encoded(indexed(values)), codes) == expected.tolist()
    assert codes.classes == 2


def test_a_large_mask_is_read_band_by_band_to_the_same_classes() -> None:
    values = classes(9, 400, 700)
    assert indices(encoded(Image.fromarray(values)), index_codes(9), (400, 700)) == values.tolist()


# Its image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("stored", ["upright", "as the image is"])
def test_a_mask_lies_on_its_upright_image(orientation: int, form: str, stored: str) -> None:
    """Turned with its image where only that fits: 48 x 32 pixels differ from 32 x 48."""
    picture = turned(corners(), orientation, form)
    image, record = decode(picture, "a.jpg")
    assert image is not None
    colors = [(200, 40, 30), (40, 160, 60), (30, 60, 190), (220, 220, 90)]
    quarters = np.array([[0, 1], [2, 3]], np.uint8).repeat(16, axis=0).repeat(24, axis=1)
    mask = Image.fromarray(quarters)
    if stored == "as the image is" and orientation >= 5:
        without_tag = Image.open(_file(turned(mask, orientation, "PNG")))
        mask = Image.fromarray(np.asarray(without_tag))
    found, _ = decode_mask(
        encoded(mask), "a.png", index_codes(4), (record.width, record.height),
        partial(read_orientation, picture),
    )  # fmt: skip
    assert found is not None
    expected = np.array(colors)[np.asarray(found)]
    assert np.abs(np.asarray(image).astype(int) - expected).mean() < 3


def _file(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("size", [(24, 16), (16, 16)])
def test_a_mask_with_a_tag_of_its_own_is_turned_by_that(
    orientation: int, form: str, size: tuple[int, int]
) -> None:
    mask = Image.fromarray(classes(5, *size))
    data = turned(mask, orientation, form)
    assert indices(data, index_codes(5), size) == np.asarray(mask).tolist()


def test_the_orientation_of_an_image_is_asked_for_only_where_sizes_differ_by_a_turn() -> None:
    def asked() -> int:
        raise AssertionError

    data = encoded(Image.fromarray(classes(5)))
    for size in ((24, 16), (24, 24)):
        decode_mask(data, "a.png", index_codes(5), size, asked)
    with pytest.raises(AssertionError):
        decode_mask(data, "a.png", index_codes(5), (16, 24), asked)


def test_a_mask_and_its_image_are_fitted_to_the_same_place() -> None:
    """An image in the colors of its mask's classes, read from files and fitted as in training."""
    values = classes(5).repeat(15, axis=0).repeat(15, axis=1)
    view = Preprocess(64, 1, "letterbox")
    image, record = decode(encoded(Image.fromarray(values * 40 + 20)), "a.png", preprocess=view)
    size = record.width, record.height
    mask, _ = decode_mask(encoded(indexed(values)), "a.png", index_codes(5), size, lambda: 1)
    assert image is not None
    assert mask is not None
    seen = view.to_array(image)[..., 0].astype(int)
    fitted = np.asarray(view.resize_mask(mask, image.size))
    assert ((fitted == IGNORE) == (seen == 0)).all()
    assert (fitted * 40 + 20 == seen)[fitted != IGNORE].mean() > 0.7


# What is wrong with it


def test_a_mask_of_another_size_than_its_image_is_left_out() -> None:
    data = encoded(Image.fromarray(classes(5)))
    expected = "mask size: 24 x 16 pixels, its image 1,024 x 768"
    assert refusal(data, index_codes(5), (1024, 768)) == expected
    turned_about = "mask size: 24 x 16 pixels, its image 16 x 24"
    assert refusal(data, index_codes(5), (16, 24)) == turned_about
    own = turned(Image.fromarray(classes(5)), 6, "PNG")  # stored as 16 x 24
    found, record = decode_mask(own, "a.png", index_codes(5), (16, 24), lambda: 6)
    assert found is None
    assert record.findings == (Finding("mask size", "a.png", "24 x 16 pixels, its image 16 x 24"),)


def test_values_of_no_class_are_named_with_their_pixels_the_most_frequent_first() -> None:
    values = classes(5)
    values[8:12, 8:12] = 77
    values[0, 0] = 9
    values[1, :2] = 8
    assert refusal(encoded(Image.fromarray(values)), index_codes(5)) == (
        "unknown value: 77 in 16 pixels, 8 in 2 pixels, 9 in 1 pixel"
    )
    values[2, :4] = range(50, 54)
    assert refusal(encoded(Image.fromarray(values)), index_codes(5)) == (
        "unknown value: 77 in 16 pixels, 8 in 2 pixels, 9 in 1 pixel and 4 more"
    )


def test_a_color_that_is_not_in_the_table_is_named() -> None:
    image = painted(classes(4), [ROAD, SKY, CAR, 0xFF0A00])
    assert refusal(encoded(image), COLORS) == "unknown color: #ff0a00 in 96 pixels"


def test_colors_where_the_table_has_values_only_are_named() -> None:
    image = painted(classes(2), [ROAD, SKY])
    assert refusal(encoded(image), index_codes(2)) == (
        "unknown color: #804080 in 192 pixels, #808080 in 192 pixels"
    )


def test_a_mask_saved_with_loss_is_left_out_whatever_its_suffix() -> None:
    mask = Image.fromarray(classes(5))
    assert refusal(encoded(mask, "JPEG", quality=95), index_codes(5)) == "lossy mask: a JPEG"
    webp = encoded(mask.convert("RGB"), "WEBP", quality=90)
    assert refusal(webp, index_codes(5)) == "lossy mask: a WEBP that is not lossless"
    tiff = encoded(mask, "TIFF", compression="jpeg")
    assert refusal(tiff, index_codes(5)) == "lossy mask: a TIFF compressed as JPEG"


@pytest.mark.parametrize(
    ("stored", "count", "shown"),
    [
        ((0, 255), 2, "0 and 255 for 2 classes"),
        ((255,), 2, "255 for 2 classes"),
        ((0, 127, 255), 3, "0, 127 and 255 for 3 classes"),
        ((0, 128), 3, "0 and 128 for 3 classes"),
        ((0, 127, 254), 3, "0, 127 and 254 for 3 classes"),
        ((0, 51, 102, 204), 6, "0, 51, 102 and 204 for 6 classes"),
        ((0, 25, 51, 76), 11, "0, 25, 51 and 76 for 11 classes"),
    ],
)
def test_class_indices_spread_over_0_to_255_are_left_out(
    stored: tuple[int, ...], count: int, shown: str
) -> None:
    values = np.array(stored, np.uint8)[classes(len(stored))]
    data = encoded(Image.fromarray(values))
    assert refusal(data, index_codes(count)) == f"scaled mask: {shown}"


@pytest.mark.parametrize(
    ("stored", "count"), [((0, 255), 21), ((0, 1, 255), 2), ((0, 1, 2), 3), ((0, 85, 170), 200)]
)
def test_class_indices_that_look_like_it_are_not_taken_for_spread_ones(
    stored: tuple[int, ...], count: int
) -> None:
    values = np.array(stored, np.uint8)[classes(len(stored))]
    assert indices(encoded(Image.fromarray(values)), index_codes(count)) == values.tolist()


@pytest.mark.parametrize(
    ("stored", "codes", "shown"),
    [
        ((0, 23, 46, 69, 92), index_codes(11), "0, 23, 46, 69 and 92 for 11 classes"),
        ((0, 23, 46, 255), index_codes(11), "0, 23, 46 and 255 for 11 classes"),
        ((0, 21, 42), MaskCodes((*((i, i) for i in range(11)), (11, 255), (255, 255))),
         "0, 21 and 42 for 11 classes"),
    ],
    ids=["12 indices, 11 classes", "the 12th is 255", "a line of no class"],
)  # fmt: skip
def test_spread_indices_of_more_than_the_classes_of_a_table_are_told_too(
    stored: tuple[int, ...], codes: MaskCodes, shown: str
) -> None:
    values = np.array(stored, np.uint8)[classes(len(stored))]
    assert refusal(encoded(Image.fromarray(values)), codes) == f"scaled mask: {shown}"


def test_spread_indices_with_softened_edges_are_told_too() -> None:
    image = np.asarray(smoothed(Image.fromarray(disk() * 255)))
    assert refusal(encoded(Image.fromarray(image)), index_codes(2), (64, 64)) == (
        "scaled mask: 0 and 255 for 2 classes"
    )
    wide = np.array([0] * 32 + [64] + [127] * 31, np.uint8)[None].repeat(64, axis=0)
    assert refusal(encoded(Image.fromarray(wide)), index_codes(3), (64, 64)) == (
        "scaled mask: 0 and 127 for 3 classes"
    )


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ((0, 17, 255), "unknown value: 17 in 160 pixels"),
        ((0, 23, 255), "unknown value: 23 in 160 pixels"),
        ((0, 1, 2, 3, 46), "unknown value: 46 in 160 pixels"),
    ],
    ids=["255 is of no class", "one multiple", "indices and one multiple"],
)
def test_values_of_no_class_are_not_taken_for_spread_indices(
    stored: tuple[int, ...], message: str
) -> None:
    values = np.array(stored, np.uint8).repeat(10)[None].repeat(16, axis=0)
    data = encoded(Image.fromarray(values))
    assert refusal(data, index_codes(11), values.shape[::-1]) == message


def test_values_that_a_table_names_are_not_scaled() -> None:
    values = disk() * 255
    values[40:44, 4:8] = 99
    assert refusal(encoded(Image.fromarray(values)), BINARY, (64, 64)) == (
        "unknown value: 99 in 16 pixels"
    )
    few = np.zeros((64, 64), np.uint8)
    few[:4, :4], few[20:40, 20:40] = 1, 255
    mask, _ = read(encoded(Image.fromarray(few)), index_codes(2), (64, 64))
    assert mask is not None
    assert np.asarray(mask).tolist() == few.tolist()


def test_one_value_that_is_no_multiple_is_of_no_class() -> None:
    values = np.array([0, 51, 100], np.uint8)[classes(3)]
    assert refusal(encoded(Image.fromarray(values)), index_codes(6)) == (
        "unknown value: 51 in 128 pixels, 100 in 128 pixels"
    )


def disk() -> NDArray[np.uint8]:
    down, across = np.mgrid[:64, :64]
    return ((down - 30) ** 2 + (across - 33) ** 2 < 300).astype(np.uint8)


def smoothed(image: Image.Image) -> Image.Image:
    """Drawn 4 times as large and made smaller, as programs soften edges."""
    large = image.resize((256, 256), Image.Resampling.NEAREST).rotate(20, fillcolor=0)
    return large.resize((64, 64), Image.Resampling.BILINEAR)


def test_softened_edges_of_gray_masks_are_of_no_class() -> None:
    image = smoothed(Image.fromarray(disk() * 255))
    mask, record = read(encoded(image), BINARY, (64, 64))
    assert mask is not None
    values, found = np.asarray(image), np.asarray(mask)
    assert (found[values == 0] == 0).all()
    assert (found[values == 255] == 1).all()
    between = (values > 0) & (values < 255)
    assert (found[between] == IGNORE).all()
    (finding,) = record.findings
    count = f"{int(between.sum())} of 4,096 pixels"
    assert finding == Finding("blended mask", "masks/a.png", count)


def test_softened_edges_of_colored_masks_are_of_no_class() -> None:
    image = smoothed(painted(disk(), [ROAD, CAR]))
    codes = MaskCodes(colors=((ROAD, 0), (CAR, 1), (0x000000, IGNORE)))
    mask, record = read(encoded(image), codes, (64, 64))
    assert mask is not None
    assert set(np.unique(np.asarray(mask))) == {0, 1, IGNORE}
    assert [finding.kind for finding in record.findings] == ["blended mask"]


def test_values_between_two_classes_away_from_borders_are_of_no_class_and_left_out() -> None:
    values = disk() * 255
    values[40:56, 4:20] = 99  # far from every 255
    assert refusal(encoded(Image.fromarray(values)), BINARY, (64, 64)).startswith("unknown value")
    inside = disk() * 255
    inside[26:34, 29:37] = 99
    assert refusal(encoded(Image.fromarray(inside)), BINARY, (64, 64)) == (
        "unknown value: 99 in 64 pixels"
    )


@pytest.mark.parametrize(
    ("ramp", "blended"), [((64, 128, 192), True), ((50, 100, 150, 200), False)]
)
def test_a_border_may_be_softened_over_three_pixels(ramp: tuple[int, ...], blended: bool) -> None:
    values = np.zeros((64, 64), np.uint8)
    values[:, 30:] = 255
    values[:, 30 : 30 + len(ramp)] = ramp
    mask, _ = read(encoded(Image.fromarray(values)), BINARY, (64, 64))
    assert (mask is not None) == blended


@pytest.mark.parametrize("value", [5, 25])
def test_a_value_beyond_both_sides_of_a_border_is_not_blended(value: int) -> None:
    codes = MaskCodes(values=((10, 0), (20, 1)))
    values = (disk() * 10 + 10).astype(np.uint8)
    values[:, 31] = value
    assert refusal(encoded(Image.fromarray(values)), codes, (64, 64)) == (
        f"unknown value: {value} in 64 pixels"
    )


WHOLE = encoded(indexed(classes(10)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (WHOLE[:-20], "truncated: the end of the PNG is missing"),
        (b"", "empty: "),
        (b"<html>not found</html>", "not an image: it looks like a web page (HTML)"),
        (
            WHOLE[:-16] + bytes(4) + WHOLE[-12:],
            "unreadable: it is damaged: the checksum of its chunk IDAT is wrong",
        ),
        (png(24, 16, color=0, rows=b"\0" * 20), "truncated: image file is truncated (0 bytes not "
         "processed)"),
        (png(60_000, 60_000, color=0), "huge: 60,000 x 60,000 pixels need 3,601 MB, the limit is "
         "200 MB"),
        (encoded(Image.new("CMYK", (24, 16)), "TIFF"), "unsupported: a mask of mode CMYK; save it "
         "gray, as PNG"),
        (deep_png(np.zeros((16, 24, 3), np.uint16)), "unsupported: save masks with 8 bits a value, "
         "as PNG"),
        (b"P5 24 16 9\n" + classes(10).tobytes(), "unsupported: save masks with 8 bits a value, "
         "as PNG"),
    ],
    ids=["cut", "empty", "a page", "damaged", "rows missing", "huge", "CMYK", "16 bits", "0 to 9"],
)  # fmt: skip
def test_a_mask_that_cannot_be_read_is_left_out(data: bytes, message: str) -> None:
    assert refusal(data, index_codes(10)) == message


def test_a_mask_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.png", BINARY) == "unreadable: no such file or directory"
    (tmp_path / "a.png").write_bytes(WHOLE)
    assert refusal(tmp_path, BINARY) == "special file: a folder"
    assert read(tmp_path / "a.png", index_codes(10))[0] is not None


def test_a_palette_that_gives_an_index_another_color_is_told_from_most() -> None:
    other = [0, 0, 0, 0, 128, 0, 128, 0, 0, *PALETTE[9:]]
    files = [encoded(indexed(classes(3), p)) for p in (PALETTE, PALETTE, other, PALETTE)]
    files.append(encoded(indexed(classes(1), PALETTE[:3])))
    files.append(encoded(Image.fromarray(classes(3))))
    found = find_other_palettes([read(data, index_codes(3))[1].palette for data in files])
    assert found == {2: "index 1 is #008000, in most masks #800000; 1 more differ"}
    assert "other palette" in FINDINGS
    two = find_other_palettes([((0, 0), (4, 0xFF0000)), ((0, 0), (4, 0x00FF00))])
    assert two == {1: "index 4 is #00ff00, in most masks #ff0000"}
