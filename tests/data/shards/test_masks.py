"""Masks lie beside their images in the shards, byte for byte; nothing said of them is trusted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data import shard_writer
from striate.data.cache.decode_all import decode_records
from striate.data.cache.decoded import decode_images
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding
from striate.data.listing.target_spec import TargetSpec
from striate.data.readers.scan import scan
from striate.data.shards import reader
from striate.data.shards.reader import records_from_index
from striate.data.targets.masks import MaskTargets
from striate.errors import DataError
from striate.progress import drain
from tests.data.images import encoded

AGAIN = "copy it again, or pack the images anew"
VIEW = Preprocess(16, 3, "letterbox")
COLORS = ((128, 128, 128), (0, 0, 255), (0, 0, 0))
TABLE = "sky 128 128 128\nroad 0 0 255\nvoid 0 0 0\n"
FORMATS = ("PNG", "BMP", "TIFF", "GIF")
USED = 8


def draw(number: int) -> tuple[Image.Image, Image.Image]:
    """An image of 12 rows and 20 columns, and its mask in colors."""
    classes = (np.add.outer(np.arange(12), np.arange(20)) // 5 + number) % 3
    pixels = np.stack([classes * 70 + number] * 3, axis=2).astype(np.uint8)
    return Image.fromarray(pixels), Image.fromarray(np.array(COLORS, np.uint8)[classes])


def scenes(root: Path) -> Path:
    """Eight pairs in two splits, one turned by EXIF; a broken mask, and one of another size."""
    for split in ("train", "val"):
        for folder in ("images", "masks"):
            (root / folder / split).mkdir(parents=True)
    for number in range(USED + 2):
        split = "val" if number % 3 == 2 else "train"
        image, mask = draw(number)
        form = FORMATS[number % 4]
        more = {"exif": Image.Exif()} if number == 1 else {}
        if number == 1:
            more["exif"][274] = 6
        data = encoded(mask.resize((20, 11)) if number == USED else mask, form)
        data = data[:-20] if number > USED else data
        (root / f"images/{split}/{number}.jpg").write_bytes(encoded(image, "JPEG", **more))
        (root / f"masks/{split}/{number}_gt.{form.lower()}").write_bytes(data)
    (root / "classes.txt").write_text(TABLE)
    return root


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("masks")
    striate.pack(scenes(place / "scenes"), place / "shards")
    return place


@pytest.fixture
def shards(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template / "shards", tmp_path / "shards")


def masks_of(listing: Listing) -> MaskTargets:
    assert isinstance(listing.targets, MaskTargets)
    return listing.targets


def rows_of(place: Path | str, cache: Path) -> tuple[np.ndarray, ...]:
    """What is decoded: pixels, masks, pixels of each class, and the records of both."""
    found = decode_images(scan(place), VIEW, cache=cache)
    assert found.masks is not None
    assert found.records.masks is not None
    pixels = np.asarray(found.pixels)
    return pixels, found.masks, found.targets.values, found.records.table, found.records.masks


def members(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(folder / "shard-000000.tar") as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    return found


def test_a_sample_is_an_image_and_its_mask_with_the_bytes_of_their_files(template: Path) -> None:
    found = members(template / "shards")
    assert len(found) == 3 * USED
    suffixes = {name.partition(".")[2] for name in found}
    assert suffixes == {"jpg", "mask.png", "mask.bmp", "mask.tif", "mask.gif", "json"}
    for name, content in found.items():
        key, _, suffix = name.partition(".")
        if suffix == "json":
            about = json.loads(content)
            assert about.keys() == {"path", "mask", "mask_sha256", "part"}
            assert about["part"] == ("train" if "/train/" in about["path"] else "validation")
            files = {n.split(".")[1]: data for n, data in found.items() if n.startswith(key)}
            for what, path in (("jpg", about["path"]), ("mask", about["mask"])):
                assert files[what] == (template / "scenes" / path).read_bytes()


def test_the_parts_of_a_sample_follow_each_other_as_webdataset_wants(template: Path) -> None:
    keys = [name.partition(".")[0] for name in members(template / "shards")]
    assert keys == [key for key in dict.fromkeys(keys) for _ in range(3)]


def test_masks_that_cannot_be_used_are_left_out_with_their_images(tmp_path: Path) -> None:
    summary = striate.pack(scenes(tmp_path / "scenes"), tmp_path / "shards")
    found = [(f.kind, f.path) for f in summary.left_out]
    assert found == [
        ("truncated", "masks/train/9_gt.bmp"),
        ("mask size", "masks/val/8_gt.png"),
    ]
    size = (tmp_path / "shards" / "shard-000000.tar").stat().st_size / 1e6
    assert str(summary) == (
        f"{tmp_path}/shards: 8 images of 2 classes in 1 shard, {size:,.1f} MB\n"
        "2 files are left out; `striate check` names them and says why"
    )
    assert summary.to_json()["classes"] == 2


def test_paths_classes_colors_and_codes_come_back_as_they_were(
    template: Path, shards: Path
) -> None:
    folder, packed = scan(template / "scenes"), scan(shards)
    kept = [row for row, s in enumerate(folder.samples) if s.path[-5] not in "89"]
    assert list(packed.samples) == [folder.samples[row] for row in kept]
    mine, theirs = masks_of(packed), masks_of(folder)
    assert list(mine.files.paths) == [theirs.files.paths[row] for row in kept]
    assert mine.files.codes == theirs.files.codes
    assert mine.spec == theirs.spec
    assert len(mine.spec.constants["colors"]) == 6


def test_any_name_of_a_mask_survives(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    for number in range(2):
        for file in (b"%d.jpg", b"\xff%d.png"):
            image = Image.new("L", (8, 8), number)
            path = os.fsencode(tmp_path / "scenes") + b"/" + file % number
            Path(os.fsdecode(path)).write_bytes(encoded(image, "PNG"))
    manifest = b"image,mask\n0.jpg,\xff0.png\n1.jpg,\xff1.png\n"
    (tmp_path / "scenes/list.csv").write_bytes(manifest)
    striate.pack(tmp_path / "scenes/list.csv", tmp_path / "shards")
    assert masks_of(scan(tmp_path / "shards")).files.paths == ["\udcff0.png", "\udcff1.png"]
    told = json.loads(members(tmp_path / "shards")["0000000000.json"])
    assert (told["path"], told["mask"]) == ("0.jpg", "\udcff0.png")


def test_the_index_knows_the_records_that_decoding_makes(shards: Path) -> None:
    listing = scan(shards)
    known, made = records_from_index(listing, 10**6), drain(decode_records(listing))
    assert known == made
    assert known is not None
    assert known.masks is not None
    assert made.masks is not None
    assert np.array_equal(known.masks, made.masks)
    assert known.findings == {1: (Finding("rotated", "images/train/1.jpg", "orientation 6"),)}


def test_the_index_knows_nothing_of_classes_that_are_numbered_anew(shards: Path) -> None:
    listing = scan(shards)
    spec = TargetSpec("mask", ("road", "tree", "sky"))
    targets = listing.targets.aligned(spec)
    assert records_from_index(replace(listing, targets=targets), 10**6) is None
    same = listing.targets.aligned(TargetSpec("mask", ("sky", "road")))
    assert records_from_index(replace(listing, targets=same), 10**6) is not None


def test_masks_of_values_keep_them(tmp_path: Path) -> None:
    for folder, mode in (("images", "RGB"), ("masks", "L")):
        (tmp_path / "scenes" / folder).mkdir(parents=True)
        for number in (3, 5):
            Image.new(mode, (8, 8), number).save(tmp_path / f"scenes/{folder}/{number}.png")
    striate.pack(tmp_path / "scenes", tmp_path / "shards")
    listing = scan(tmp_path / "shards")
    assert listing.class_names == ("3", "5")
    assert masks_of(listing).files.codes == masks_of(scan(tmp_path / "scenes")).files.codes


def test_rows_of_images_and_masks_are_those_of_the_folder(
    template: Path, shards: Path, tmp_path: Path
) -> None:
    whole = rows_of(template / "scenes", tmp_path / "cache")
    packed = rows_of(shards, tmp_path / "cache")
    assert all(len(column) == USED for column in packed)
    assert all(map(np.array_equal, packed, whole))


def test_check_counts_what_the_folder_has(template: Path, shards: Path) -> None:
    folder, packed = striate.check(template / "scenes"), striate.check(shards)
    assert packed.layout == "shards"
    assert packed.task == "segmentation"
    assert packed.target_counts == folder.target_counts
    assert packed.splits.keys() == {"train", "validation"}


def test_shards_of_an_address_have_their_masks(shards: Path, tmp_path: Path) -> None:
    near, far = rows_of(shards, tmp_path / "1"), rows_of(f"file://{shards}", tmp_path / "2")
    assert all(map(np.array_equal, far, near))
    there, here = (masks_of(scan(place)).files for place in (f"file://{shards}", shards))
    assert replace(there, pieces=None) == replace(here, pieces=None)


def test_packing_again_from_the_folder_or_its_shards_gives_the_same_bytes(
    template: Path, tmp_path: Path
) -> None:
    for source in ("scenes", "shards"):
        striate.pack(template / source, tmp_path / source)
        for file in (template / "shards").iterdir():
            assert (tmp_path / source / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_large_mask_opens_the_next_shard_with_its_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_AT_ONCE", 3)
    for folder in ("images", "masks"):
        (tmp_path / "scenes" / folder).mkdir(parents=True)
    for number in range(5):
        image = Image.new("RGB", (600, 600), COLORS[number % 2])
        image.save(tmp_path / f"scenes/images/{number}.png")
        image.save(tmp_path / f"scenes/masks/{number}.bmp")
    (tmp_path / "scenes/classes.txt").write_text(TABLE)
    assert striate.pack(tmp_path / "scenes", tmp_path / "shards", megabytes=1).shards == 5
    whole, packed = (
        rows_of(tmp_path / place, tmp_path / "cache") for place in ("scenes", "shards")
    )
    assert all(map(np.array_equal, packed, whole))


def test_another_mask_of_the_same_length_is_decoded_anew(template: Path, tmp_path: Path) -> None:
    """The index of the images is the same then, to the byte."""
    data, cache = shutil.copytree(template / "scenes", tmp_path / "scenes"), tmp_path / "cache"
    _, before, *_ = rows_of(template / "shards", cache)
    mask = next((data / "masks").rglob("5_gt.bmp"))
    content = encoded(draw(6)[1], "BMP")
    assert len(content) == mask.stat().st_size
    mask.write_bytes(content)
    striate.pack(data, tmp_path / "shards")
    indices = [(place / "shards" / "index.npy").read_bytes() for place in (template, tmp_path)]
    assert indices[0] == indices[1]
    _, after, *_ = rows_of(tmp_path / "shards", cache)
    assert not np.array_equal(before, after)


def test_a_mask_whose_bytes_are_not_those_packed_is_left_out(shards: Path) -> None:
    listing = scan(shards)
    assert listing.shards is not None
    file, start, _ = listing.shards.locate_mask(2)
    with Path(file).open("r+b") as tar:
        tar.seek(start + 60)
        tar.write(b"\7")
    found = striate.check(shards).findings
    path = masks_of(listing).files.paths[2]
    assert [(f.kind, f.path, f.detail) for f in found if f.kind == "unreadable"] == [
        ("unreadable", path, "its bytes are not those packed")
    ]
    assert striate.check(shards).images == USED - 1


@pytest.mark.parametrize("gone", [True, False])
def test_a_mask_that_goes_or_changes_while_it_is_packed_stops_it(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    data = shutil.copytree(template / "scenes", tmp_path / "scenes")
    mask = next((data / "masks").rglob("4_gt.png"))
    usual = shard_writer.decode_records

    def decode(*asked: Any, **options: Any) -> Any:
        records = yield from usual(*asked, **options)
        mask.unlink() if gone else mask.write_bytes(b"another")
        return records

    monkeypatch.setattr(shard_writer, "decode_records", decode)
    with pytest.raises(DataError) as caught:
        striate.pack(data, tmp_path / "shards")
    assert str(caught.value) == (
        "masks/train/4_gt.png: unreadable (no such file or directory) since it was looked at; pack "
        "again"
        if gone
        else "masks/train/4_gt.png: changed while it was packed; pack again when it rests"
    )
    assert not (tmp_path / "shards").exists()


def test_no_usable_mask_is_refused(tmp_path: Path) -> None:
    data = scenes(tmp_path / "scenes")
    for mask in (data / "masks").rglob("*.*"):
        mask.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        striate.pack(data, tmp_path / "shards")
    assert str(caught.value) == (f"{data}: none of 10 images can be used; `striate check` says why")


def edit(folder: Path, **entries: Any) -> None:
    file = folder / "shards.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        scan(folder)
    return str(caught.value)


def forge(folder: Path, change: Callable[[np.ndarray], Any]) -> None:
    """Change the array of masks and all that vouches for it, as a liar would."""
    table = np.load(folder / "targets.npy")
    changed = change(table)
    np.save(folder / "targets.npy", table if changed is None else changed)
    data = (folder / "targets.npy").read_bytes()
    edit(folder, targets_file=["targets.npy", len(data), hashlib.sha256(data).hexdigest()])


def put(column: str, row: int, value: int) -> Callable[[np.ndarray], None]:
    return lambda table: table[column].__setitem__(row, value)


FORGERIES: dict[str, tuple[Callable[[np.ndarray], Any], str]] = {
    "a mask behind the shard": (
        put("offset", 3, 10**9),
        "entry 3 stands at bytes 1,000,000,000 to END of shard-000000.tar, which has SIZE",
    ),
    "a first path beyond all": (put("path", 0, 10**9), "paths out of order"),
    "a path beyond all": (put("path", 7, 10**9), "paths out of order"),
    "paths out of order": (put("path", 3, 0), "paths out of order"),
}


@pytest.mark.parametrize(("change", "expected"), FORGERIES.values(), ids=FORGERIES)
def test_places_that_cannot_be_are_refused(
    shards: Path, change: Callable[[np.ndarray], Any], expected: str
) -> None:
    table, size = np.load(shards / "targets.npy"), (shards / "shard-000000.tar").stat().st_size
    forge(shards, change)
    expected = expected.replace("END", f"{10**9 + int(table['length'][3]):,}")
    expected = expected.replace("SIZE", f"{size:,}")
    assert refusal(shards) == f"{shards}/targets.npy: {expected}; {AGAIN}"


def test_a_first_mask_path_within_those_of_images_is_refused(shards: Path) -> None:
    forge(shards, put("path", 0, 5))
    assert refusal(shards) == f"{shards}/index.npy: paths out of order; {AGAIN}"


def test_an_array_of_something_else_is_refused(shards: Path) -> None:
    forge(shards, lambda table: table[:7])
    assert refusal(shards) == (
        f"{shards}/targets.npy: expected void512 of shape (8,), found void512 of shape (7,); "
        "copy it again"
    )
    forge(shards, lambda _: np.zeros((8, 2)))
    assert refusal(shards) == (
        f"{shards}/targets.npy: expected void512 of shape (8,), found float64 of shape (8, 2); "
        "copy it again"
    )


SPEC = {"kind": "mask", "names": ["sky", "road"], "constants": {}}


@pytest.mark.parametrize(
    "entries",
    [
        {"codes": {"values": [[0, 2]], "colors": []}},
        {"codes": {"values": [[0, -1]], "colors": []}},
        {"codes": {"values": [[-1, 0]], "colors": []}},
        {"codes": {"values": [[0, 0]], "colors": [[1 << 24, 1]]}},
        {"codes": {"values": [], "colors": []}},
        {"codes": {"values": [[0]], "colors": []}},
        {"codes": {"values": []}},
        {"codes": None},
        {"targets": {**SPEC, "names": [str(number) for number in range(255)]}},
        {"targets": {**SPEC, "names": ["sky", "sky"]}},
        {"targets": {**SPEC, "constants": {"colors": [0.0] * 5}}},
        {"targets": {**SPEC, "constants": {"colors": [0.0, 0.0, 0.0, 0.0, 0.0, 256.0]}}},
        {"targets": {**SPEC, "constants": None}},
    ],
)
def test_a_description_that_pack_does_not_write_is_refused(
    shards: Path, entries: dict[str, Any]
) -> None:
    edit(shards, **entries)
    assert refusal(shards) == f"{shards}/shards.json: not what `striate pack` writes; {AGAIN}"
