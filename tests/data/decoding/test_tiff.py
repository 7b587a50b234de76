"""A TIFF is read as its tags say, or refused for what it is; what is damaged is called so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from striate.data.decoding.decode import decode, header
from tests.data.images import corners, encoded, noise
from tests.data.tiffs import tiff

RNG = np.random.default_rng(3)


def decoded(data: bytes) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], list[str]]:
    image, record = decode(data, "a.tif")
    assert image is not None, record
    assert record.channels == len(image.getbands())
    return np.asarray(image), [finding.kind for finding in record.findings]


def refused(data: bytes) -> tuple[str, str]:
    image, record = decode(data, "a.tif")
    assert image is None
    return record.findings[0].kind, record.findings[0].detail


def whole(bits: int, shape: tuple[int, ...] = (9, 21)) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Numbers of so many bits, the least and the largest among them."""
    values = RNG.integers(0, 1 << bits, shape, dtype=np.uint64, endpoint=False)
    values.reshape(-1)[:2] = 0, (1 << bits) - 1
    return values


def scaled(values: np.ndarray[Any, Any], bits: int) -> np.ndarray[Any, Any]:
    """0 to 255 by exact arithmetic, to the nearest."""
    top = (1 << bits) - 1
    return np.array([(2 * int(v) * 255 + top) // (2 * top) for v in values.reshape(-1)]).reshape(
        values.shape
    )


WAYS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "big endian": {"order": ">"},
    "white is zero": {"photometric": 0},
    "white is zero, big endian": {"photometric": 0, "order": ">"},
    "in strips": {"rows": 4},
    "in tiles": {"tile": (16, 16)},
    "BigTIFF": {"big": True},
    "bits from the other end": {"reverse": True},
    "LZW": {"compression": 5, "rows": 2},
    "deflate": {"compression": 8, "tile": (16, 16)},
    "old deflate": {"compression": 32946},
    "PackBits": {"compression": 32773, "rows": 5},
    "LZW from the other end": {"compression": 5, "reverse": True},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64])
def test_whole_numbers_of_any_length_are_scaled_to_the_nearest(bits: int, way: str) -> None:
    values = whole(min(bits, 62)) << np.uint64(max(0, bits - 62))
    found, kinds = decoded(tiff(values, bits, **WAYS[way]))
    expected = scaled(values, bits)
    white = WAYS[way].get("photometric") == 0
    assert (found == (255 - expected if white else expected)).all()
    assert kinds == (["16 bit"] if bits > 8 else ["1 bit"] if bits == 1 else [])


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("way", ["in strips", "in tiles", "LZW", "deflate"])
@pytest.mark.parametrize("bits", [1, 4, 8, 12, 16, 32])
def test_colors_are_read_together_and_apart(bits: int, way: str, order: str, planes: bool) -> None:
    values = whole(bits, (9, 21, 3))
    options = {**WAYS[way], "planes": planes, "photometric": 2, "order": order}
    found, _ = decoded(tiff(values, bits, **options))
    assert (found == scaled(values, bits)).all()


@pytest.mark.parametrize("photometric", [1, 0])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("predictor", [1, 3])
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_floats_from_zero_to_one_are_scaled(
    bits: int, predictor: int, order: str, photometric: int
) -> None:
    values = RNG.random((9, 21)).astype(f"f{bits // 8}")
    values[0, :2] = 0, 1
    options = {"compression": 8, "predictor": predictor} if predictor == 3 else {}
    data = tiff(values, bits, form=3, order=order, photometric=photometric, **options)
    found, kinds = decoded(data)
    expected = np.floor(values.astype(float) * 255 + 0.5)
    assert np.abs(found - (expected if photometric else 255 - expected)).max() <= (bits == 16)
    assert kinds == ["float"]
    colored, _ = decoded(tiff(np.stack([values] * 3, -1), bits, form=3, order=order, photometric=2))
    assert np.abs(colored - expected[..., None]).max() <= (bits == 16)


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [5, 8])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_differences_between_neighbors_are_added_up(
    bits: int, compression: int, order: str, planes: bool
) -> None:
    values = whole(bits, (9, 21, 3))
    data = tiff(
        values, bits, photometric=2, predictor=2, compression=compression, order=order,
        planes=planes, rows=4,
    )  # fmt: skip
    assert (decoded(data)[0] == scaled(values, bits)).all()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("deep", [True, False])
def test_a_palette_is_looked_up_and_rounded(bits: int, deep: bool) -> None:
    numbers = whole(bits)
    entries = RNG.integers(0, 65536 if deep else 256, (3, 1 << bits))
    entries[0, 0] = 65535 if deep else 255
    data = tiff(numbers, bits, photometric=3, color_map=tuple(entries.reshape(-1).tolist()))
    found, kinds = decoded(data)
    eight = scaled(entries, 16) if deep else entries
    assert (found == eight.T[numbers.astype(int)]).all()
    assert kinds == ["palette"]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("colors", [1, 3])
def test_alpha_of_either_kind_is_laid_on_white_and_other_samples_are_left_out(
    colors: int, planes: bool, bits: int
) -> None:
    values = whole(bits, (9, 21, colors + 2))
    top = (1 << bits) - 1
    share = values[..., -1:] / top
    multiplied = values.copy()
    multiplied[..., :colors] = np.rint(values[..., :colors] * share)
    expected = values[..., :colors] / top * 255 * share + 255 * (1 - share)
    for kind, stored in ((2, values), (1, multiplied)):
        data = tiff(
            stored, bits, photometric=1 if colors == 1 else 2, extra=(0, kind), planes=planes
        )
        found, kinds = decoded(data)
        # color, alpha and their product are rounded one after the other
        most = 1.01 if bits == 8 else 1.5
        assert np.abs(found.reshape(expected.shape) - expected).max() <= most
        assert kinds == ["16 bit"] * (bits == 16) + ["transparency"]
    ignored, kinds = decoded(
        tiff(values, bits, photometric=1 if colors == 1 else 2, extra=(0, 0), planes=planes)
    )
    assert (ignored.reshape(expected.shape) == scaled(values[..., :colors], bits)).all()
    assert "transparency" not in kinds


def test_an_image_of_which_nothing_is_visible_is_noticed() -> None:
    values = whole(8, (9, 21, 4))
    values[..., 3] = 0
    found, kinds = decoded(tiff(values, 8, photometric=2, extra=(2,)))
    assert (found == 255).all()
    assert kinds == ["invisible"]


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_inks_are_mixed_as_pillow_mixes_them(bits: int, planes: bool) -> None:
    values = whole(bits, (9, 21, 4))
    found, kinds = decoded(tiff(values, bits, photometric=5, planes=planes))
    inks = Image.fromarray(scaled(values, bits).astype(np.uint8), "CMYK")
    assert (found == np.asarray(inks.convert("RGB"))).all()
    assert "cmyk" in kinds


@pytest.mark.parametrize("planes", [False, True])
def test_luma_and_chroma_are_read_where_none_is_subsampled(planes: bool) -> None:
    image = noise(24, 16).convert("YCbCr")
    data = tiff(np.asarray(image), 8, photometric=6, planes=planes, more={530: (1, 1)})
    assert (decoded(data)[0] == np.asarray(image.convert("RGB"))).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}])
def test_all_eight_orientations_are_turned_upright(
    orientation: int, options: dict[str, Any], tmp_path: Path
) -> None:
    from tests.data.images import STORED_AS

    image = corners()
    stored = image if orientation == 1 else image.transpose(STORED_AS[orientation])
    data = encoded(stored, "TIFF", tiffinfo={274: orientation}, **options)
    found, kinds = decoded(data)
    assert np.abs(found.astype(int) - np.asarray(image)).max() <= (40 if options else 0)
    assert np.abs(found.astype(int) - np.asarray(image)).mean() <= 4
    assert kinds == (["rotated"] if orientation > 1 else [])
    (tmp_path / "a").write_bytes(data)
    told = header(tmp_path / "a", "a")
    assert (told.width, told.height, told.channels) == (48, 32, 3)


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (tiff(whole(8), 8, form=2), "unsupported", "signed values of 8 bits are not read"),
        (tiff(whole(8), 16, form=2), "unsupported", "signed values of 16 bits are not read"),
        (tiff(whole(8), 32, form=2, photometric=0), "unsupported", "signed values whose zero is"),
        (tiff(whole(8) - 300.0, 32, form=2), "unsupported", "whole numbers from -300 to -45"),
        (tiff(whole(8), 32, form=3), "unsupported", "floating-point values from 0 to 255"),
        (tiff(whole(8) * np.nan, 32, form=3), "unsupported", "some values are not finite"),
        (tiff(whole(16), 32), "unsupported", "whole numbers up to 65,535 where white is"),
        (tiff(whole(8), 8, photometric=4), "unsupported", "photometric interpretation 4 is"),
        (tiff(whole(8), 8, photometric=32803), "unsupported", "photometric interpretation 32803"),
        (tiff(whole(8, (9, 21, 3)), 8, photometric=6), "unsupported", "its YCbCr is subsampled"),
        (tiff(whole(8), 8, compression=34712), "unsupported", "compression 34712 is not read"),
        (
            tiff(whole(8, (9, 21, 4)), 8, photometric=5, more={332: (2,)}),
            "unsupported",
            "its inks are others than cyan, magenta, yellow and black",
        ),
        (
            tiff(whole(8), 8, more={258: (8, 4)}),
            "unsupported",
            "its samples differ: 8, 4 bits of format 1",
        ),
        (
            tiff(whole(8), 8, photometric=3, color_map=(1, 2, 3)),
            "unreadable",
            "its color map has 3 entries",
        ),
        (tiff(whole(8), 8)[:-1], "truncated", "the end of the TIFF is missing"),
        (tiff(whole(8), 8, compression=8)[:-9], "truncated", "the end of the TIFF is missing"),
    ],
)
def test_what_cannot_be_read_is_refused_for_a_true_reason(
    data: bytes, kind: str, reason: str
) -> None:
    found, detail = refused(data)
    assert (found, detail[: len(reason)]) == (kind, reason)


def test_a_checksum_inside_a_strip_is_looked_at() -> None:
    data = bytearray(tiff(whole(8), 8, compression=8))
    data[-2] ^= 4
    kind, detail = refused(bytes(data))
    assert kind == "unreadable"
    assert "incorrect data check" in detail


def test_what_libtiff_complains_of_is_damage(capfd: pytest.CaptureFixture[str]) -> None:
    data = encoded(Image.fromarray(RNG.random((64, 64)) > 0.5), "TIFF", compression="group4")
    assert decoded(data)[1] == ["1 bit"]
    damaged = 0
    for place in range(20, 1000, 40):
        hurt = bytearray(data)
        hurt[place] ^= 255
        image, record = decode(bytes(hurt), "a.tif")
        if image is None:
            (finding,) = record.findings
            assert finding.kind == "unreadable"
            assert finding.detail.startswith("it is damaged (Fax4Decode: ")
            damaged += 1
    assert damaged == 25
    assert capfd.readouterr().err == ""


def test_a_page_knows_all_that_its_image_depends_on() -> None:
    """Nothing of the first page is taken from the second."""
    first = encoded(noise(40, 30), "TIFF", save_all=True, append_images=[noise(50, 20)])
    found, kinds = decoded(first)
    assert (found == np.asarray(noise(40, 30))).all()
    assert kinds == ["animation"]
