"""A mask is decoded with its image, in the same task, and lies in the same row of another file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.data.cache import decoded as decoded_module
from striate.data.cache.decode_all import decode_all, decode_records, read_headers
from striate.data.cache.decoded import decode_images
from striate.data.cache.stream import Stream, gather
from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Samples
from striate.data.listing.listing import DecodedImages, Listing
from striate.data.listing.masks import MaskCodes, MaskFiles, index_codes
from striate.data.listing.samples import IGNORE, Finding, Record, Sample
from striate.data.listing.target_spec import TargetSpec
from striate.data.targets.classes import ClassTargets
from striate.data.targets.masks import MaskTargets
from striate.errors import DataError
from striate.progress import drain
from tests.data.images import FORMATS, encoded, turned

VIEW = Preprocess(16, 3, "letterbox")
SIZES = ((40, 24), (24, 40), (32, 32), (17, 50), (90, 31), (600, 500))


def pair(root: Path, number: int, form: str = "PNG") -> tuple[str, str]:
    """An image in the colors of its mask's classes; a large JPEG is decoded at a smaller scale."""
    width, height = SIZES[number % len(SIZES)]
    classes = np.add.outer(np.arange(height) * 3 // height, np.arange(width) * 2 // width)
    classes = ((classes + number) % 4).astype(np.uint8)
    image = Image.fromarray(np.stack([classes * 50 + 40] * 3, axis=2))
    (root / f"{number}.img").write_bytes(encoded(image, form, **FORMATS[form]))
    (root / f"{number}.png").write_bytes(encoded(Image.fromarray(classes)))
    return f"{number}.img", f"{number}.png"


def listing_of(root: Path, pairs: list[tuple[str, str]]) -> Listing:
    images, masks = zip(*pairs, strict=True)
    targets = MaskTargets(TargetSpec("mask", tuple("abcd")), MaskFiles(masks, index_codes(4)))
    return Listing(root, "images and masks", targets, Samples.of(Sample(i, 0) for i in images))


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def decoded(
    root: Path, pairs: list[tuple[str, str]], **options: int
) -> tuple[list[Record], np.ndarray, np.ndarray]:
    """The records, the rows of the images and those of the masks."""
    files = root / "pixels.npy", root / "masks.npy"
    for file, shape in zip(files, ((16, 16, 3), (16, 16)), strict=True):
        np.lib.format.open_memmap(file, "w+", np.uint8, (len(pairs), *shape)).fill(77)
    work = decode_all(
        listing_of(root, pairs), preprocess=VIEW, pixels=files[0], mask_rows=files[1], **options
    )
    found = dict(work)
    return [found[index] for index in range(len(pairs))], *(np.load(file) for file in files)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_the_rows_of_a_mask_and_its_image_show_the_same(tmp_path: Path, form: str) -> None:
    pairs = [pair(tmp_path, number, form) for number in range(24)]
    records, pixels, masks = decoded(tmp_path, pairs, workers=2)
    for record in records:
        assert record.usable
        assert record.mask is not None
        assert record.mask.findings == ()
    padded = masks == IGNORE
    assert (pixels[padded] == 0).all()
    expected = masks.astype(int) * 50 + 40
    same = abs(pixels[..., 0].astype(int) - expected) < 12
    for number in range(24):
        inner = ~padded[number]
        assert same[number][inner].mean() > 0.6
        assert set(np.unique(masks[number][inner])) == {0, 1, 2, 3}


def test_images_with_masks_have_the_rows_and_records_of_images_without(tmp_path: Path) -> None:
    pairs = [pair(tmp_path, number) for number in range(6)]
    records, pixels, _ = decoded(tmp_path, pairs)
    for (path, _), record, row in zip(pairs, records, pixels, strict=True):
        image, alone = decode(tmp_path / path, path, preprocess=VIEW)
        assert image is not None
        assert (row == VIEW.to_array(image)).all()
        assert (record.digest, record.width, record.height) == (
            alone.digest, alone.width, alone.height
        )  # fmt: skip
        assert (record.channels, record.findings) == (alone.channels, alone.findings)


def test_an_image_is_left_out_with_a_mask_that_cannot_be_used(tmp_path: Path) -> None:
    pairs = [pair(tmp_path, number) for number in range(5)]
    (tmp_path / "1.png").write_bytes(encoded(Image.new("L", (24, 40), 9)))
    (tmp_path / "2.png").unlink()
    (tmp_path / "3.img").write_bytes(b"")
    records, pixels, masks = decoded(tmp_path, pairs)
    assert [record.usable for record in records] == [True, False, False, False, True]
    assert records[1].findings == (Finding("unknown value", "1.png", "9 in 960 pixels"),)
    missing = Finding("unreadable", "2.png", "no such file or directory")
    assert records[2].findings == (missing,)
    assert records[3].findings == (Finding("empty", "3.img"),)
    assert (records[3].mask, records[1].width, records[1].height) == (None, 24, 40)
    for number in (1, 2, 3):  # nothing is stored
        assert (pixels[number] == 77).all()
        assert (masks[number] == 77).all()


def test_a_mask_that_lies_on_the_image_as_it_is_stored_is_turned_with_it(tmp_path: Path) -> None:
    classes = np.arange(48 * 32).reshape(32, 48) * 4 // (48 * 32)
    upright = Image.fromarray(classes.astype(np.uint8))
    (tmp_path / "a.img").write_bytes(turned(upright.convert("RGB"), 6, "JPEG"))
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    (tmp_path / "a.png").write_bytes(encoded(stored))
    (record,), _, (mask,) = decoded(tmp_path, [("a.img", "a.png")])
    assert record.findings == (Finding("rotated", "a.img", "orientation 6"),)
    assert (mask == np.asarray(VIEW.resize_mask(upright, upright.size))).all()


def test_a_palette_that_differs_is_found_when_all_masks_are_known(tmp_path: Path) -> None:
    pairs = [pair(tmp_path, number) for number in range(5)]
    usual, other = [0, 0, 0, 128, 0, 0, 0, 128, 0, 1, 2, 3], [0, 0, 0, 0, 9, 0, *range(6)]
    for number, palette in ((0, usual), (1, usual), (3, other), (4, usual)):
        mask = Image.open(tmp_path / f"{number}.png")
        mask.putpalette(palette)
        (tmp_path / f"{number}.png").write_bytes(encoded(mask))
    (tmp_path / "0.img").write_bytes((tmp_path / "0.img").read_bytes()[:-20])
    records = drain(decode_records(listing_of(tmp_path, pairs)))
    assert records.usable.tolist() == [False, True, True, True, True]
    detail = "index 1 is #000900, in most masks #800000; 2 more differ"
    assert list(records.all_findings()) == [
        Finding("truncated", "0.img", "the end of the PNG is missing"),
        Finding("other palette", "3.png", detail),
    ]


def test_masks_are_cached_beside_the_pixels_and_decoded_anew_when_one_changes(
    tmp_path: Path,
) -> None:
    root, home = tmp_path / "data", tmp_path / "cache"
    root.mkdir()
    pairs = [pair(root, number) for number in range(5)]
    (root / "2.png").write_bytes(b"")
    first = decode_images(listing_of(root, pairs), VIEW, cache=home)
    assert first.masks is not None
    assert (len(first), first.masks.shape) == (4, (4, 16, 16))
    _, _, expected = decoded(tmp_path, [(f"data/{i}", f"data/{m}") for i, m in pairs])
    assert (first.masks == expected[[0, 1, 3, 4]]).all()
    assert Finding("empty", "2.png") in first.findings
    again = decode_images(listing_of(root, pairs), VIEW, cache=home)
    assert isinstance(again.masks, np.memmap)
    assert (again.masks == first.masks).all()
    for known in (first.targets, again.targets):  # counted while they were decoded, at full size
        sizes = [np.prod(SIZES[number]) for number in (0, 1, 3, 4)]
        assert known.values.sum(axis=1).tolist() == sizes
        assert known.entry(2) == {"mask": "3.png", "mask_sha256": digest_of(root / "3.png")}
    assert len(list(home.rglob("masks.npy"))) == 1
    width, height = SIZES[0]
    (root / "0.png").write_bytes(encoded(Image.new("L", (width, height), 3)))
    changed = decode_images(listing_of(root, pairs), VIEW, cache=home)
    assert changed.masks is not None
    assert set(np.unique(changed.masks[0])) == {3, IGNORE}
    masked = listing_of(root, pairs)
    codes = MaskCodes(values=((0, 3), (1, 2), (2, 1), (3, 0)))
    files = MaskFiles([mask for _, mask in pairs], codes)
    other = replace(masked.targets, mask_files=files)
    turned_about = decode_images(replace(masked, targets=other), VIEW, cache=home)
    assert turned_about.masks is not None
    assert set(np.unique(turned_about.masks[0])) == {0, IGNORE}
    plain = replace(masked, targets=ClassTargets.of(("a",), masked.samples))
    alone = decode_images(plain, VIEW, cache=home)
    assert (alone.masks, len(alone)) == (None, 5)
    assert len(list(home.rglob("masks.npy"))) == 3


def both(listing: Listing) -> tuple[DecodedImages, DecodedImages]:
    """The same images and masks decoded once, and streamed."""
    root = listing.root
    cached = decode_images(listing, VIEW, cache=root / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoded_module, "size_limit", lambda _: 1000)
        streamed = decode_images(listing, VIEW, cache=root / "small")
    assert isinstance(streamed.pixels, Stream)
    assert streamed.masks is None
    return cached, streamed


def test_streamed_masks_are_those_of_the_cache(tmp_path: Path) -> None:
    pairs = [pair(tmp_path, number) for number in range(40)]
    (tmp_path / "2.png").write_bytes(b"")
    (tmp_path / "3.png").write_bytes(encoded(Image.new("L", (9, 9))))
    cached, streamed = both(listing_of(tmp_path, pairs))
    assert (len(cached), cached.findings) == (38, streamed.findings)
    assert streamed.findings[:2] == (
        Finding("empty", "2.png"),
        Finding("mask size", "3.png", "9 x 9 pixels, its image 17 x 50"),
    )
    assert streamed.records == cached.records
    assert (streamed.targets.values == cached.targets.values).all()
    random = np.random.default_rng(4)
    wanted = [random.integers(0, 38, size) for size in (30, 30, 30, 30, 30, 7)]
    for rows, found, held in zip(
        wanted,
        gather(streamed.pixels, streamed.masks, wanted),
        gather(cached.pixels, cached.masks, wanted),
        strict=True,
    ):
        assert found.masks is not None
        assert len(found.masks) == len(found.pixels) == len(rows)
        assert (found.pixels == held.pixels).all()
        assert (found.masks == held.masks).all()
    assert (streamed.pixels[5:] == cached.pixels[5:]).all()


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (Path.unlink, "3.png", "unreadable (no such file or directory)"),
        (lambda file: file.write_bytes(b""), "3.png", "empty"),
        (
            lambda file: file.write_bytes(encoded(Image.new("L", (9, 9)))),
            "3.png",
            "mask size (9 x 9 pixels, its image 17 x 50)",
        ),
        (lambda file: file.write_bytes(encoded(Image.new("L", (17, 50)))), "3.png", "changed"),
        (lambda file: file.write_bytes(b""), "3.img", "empty"),
        (lambda file: file.write_bytes(encoded(Image.new("L", (9, 9)))), "3.img", "changed"),
    ],
)
def test_a_streamed_mask_or_image_that_is_not_what_it_was_is_an_error(
    change: Callable[[Path], object], name: str, said: str, tmp_path: Path
) -> None:
    pairs = [pair(tmp_path, number) for number in range(5)]
    (tmp_path / "3.img").write_bytes(encoded(Image.new("P", (17, 50))))
    _, streamed = both(listing_of(tmp_path, pairs))
    change(tmp_path / name)
    (rows,) = gather(streamed.pixels, None, [np.array([2, 4])])
    assert len(rows.pixels) == 2
    with pytest.raises(DataError) as caught:
        list(gather(streamed.pixels, None, [np.array([2, 3, 4])]))
    assert str(caught.value) == (
        f"{name}: {said} since the run began; put it back as it was and resume, or train anew"
    )


def test_what_was_odd_from_the_start_has_not_changed(tmp_path: Path) -> None:
    (tmp_path / "0.img").write_bytes(encoded(Image.new("P", (16, 16))))
    values = np.repeat([[0] * 7 + [40] * 2 + [80] * 7], 16, axis=0).astype(np.uint8)
    (tmp_path / "0.png").write_bytes(encoded(Image.fromarray(values)))
    listing = listing_of(tmp_path, [("0.img", "0.png")])
    files = MaskFiles(["0.png"], MaskCodes(((0, 3), (80, 1))))
    cached, streamed = both(replace(listing, targets=replace(listing.targets, mask_files=files)))
    assert streamed.findings == (
        Finding("palette", "0.img"),
        Finding("blended mask", "0.png", "32 of 256 pixels"),
    )
    (rows,) = gather(streamed.pixels, None, [np.array([0])])
    assert rows.masks is not None
    assert rows.masks[0, 0].tolist() == [3] * 7 + [IGNORE] * 2 + [1] * 7
    assert (rows.masks == cached.masks).all()


def test_pixels_alone_are_streamed_without_their_masks(tmp_path: Path) -> None:
    cached, streamed = both(listing_of(tmp_path, [pair(tmp_path, number) for number in range(5)]))
    (tmp_path / "3.png").unlink()
    assert (streamed.pixels[1:4] == cached.pixels[1:4]).all()


def test_headers_are_read_of_images_alone(tmp_path: Path) -> None:
    listing = listing_of(tmp_path, [pair(tmp_path, number) for number in range(3)])
    records = read_headers(listing)
    assert [(record.width, record.height) for record in records] == list(SIZES[:3])


def test_masks_of_arrays_are_refused(tmp_path: Path) -> None:
    images = np.zeros((1, 8, 8, 1), np.uint8)
    samples = Samples.of([Sample("a.npz#0", 0)])
    files = MaskFiles(("0.png",), index_codes(2))
    targets = MaskTargets(TargetSpec("mask", ("a", "b")), files)
    listing = Listing(tmp_path / "a.npz", "NPZ", targets, samples, arrays=images)
    with pytest.raises(DataError) as caught:
        next(decode_all(listing))
    assert str(caught.value) == (
        f"{tmp_path / 'a.npz'}: masks belong to images in files, "
        "and these are in an array; save each image and each mask as a PNG"
    )
