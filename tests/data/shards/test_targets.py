"""Targets that are no class stand beside the shards, and nothing in them is trusted."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import striate
from striate.data.readers.scan import scan
from striate.errors import DataError
from tests.tasks import gauges

AGAIN = "copy it again, or pack the images anew"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gauges")
    data = gauges.write(place / "data", count=7)
    (place / "data" / "broken.png").write_bytes(b"no image")
    data.write_text(data.read_text() + "broken.png,1.5,7\n")
    striate.pack(data, place / "shards")
    return place


@pytest.fixture
def shards(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template / "shards", tmp_path / "shards")


def about(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "shards.json").read_text())


def edit(folder: Path, **entries: Any) -> None:
    (folder / "shards.json").write_text(json.dumps(about(folder) | entries))


def replace(folder: Path, array: Any) -> None:
    """Write other targets, as if they had been packed."""
    np.save(folder / "targets.npy", array)
    data = (folder / "targets.npy").read_bytes()
    edit(folder, targets_file=["targets.npy", len(data), hashlib.sha256(data).hexdigest()])


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        scan(folder)
    return str(caught.value)


def test_numbers_come_back_as_they_were_without_those_of_broken_images(
    template: Path, shards: Path
) -> None:
    listing, packed = scan(template / "data" / "gauges.csv"), scan(shards)
    assert packed.targets == listing.targets.select(np.arange(7))
    assert packed.class_names == gauges.COLUMNS
    assert striate.check(shards).counts == {"place (px)": 7, "light": 5}


def test_shards_of_an_address_have_their_targets(shards: Path) -> None:
    assert scan(f"file://{shards}").targets == scan(shards).targets


def test_other_readers_find_the_numbers_beside_each_image_and_no_class(shards: Path) -> None:
    with tarfile.open(shards / "shard-000000.tar") as tar:
        names = tar.getnames()
        file = tar.extractfile("0000000000.json")
        assert file is not None
        entry = json.load(file)
    assert {name.partition(".")[2] for name in names} == {"png", "json"}
    assert entry["path"] == "000.png"
    assert entry["numbers"].keys() == set(gauges.COLUMNS)
    assert entry["numbers"]["light"] is None


def test_several_labels_come_back_as_they_were(tmp_path: Path) -> None:
    data = gauges.write(tmp_path / "data", count=4)
    data.write_text("path,labels\n000.png,sun;sea\n001.png,\n002.png,sea\n003.png,sun\n")
    striate.pack(data, tmp_path / "shards")
    assert about(tmp_path / "shards")["version"] == 2
    packed, listing = scan(tmp_path / "shards"), scan(data)
    assert packed.targets.spec == listing.targets.spec
    np.testing.assert_array_equal(packed.targets.values, listing.targets.values)


def test_targets_that_are_cut_off_or_changed_are_refused(shards: Path) -> None:
    file = shards / "targets.npy"
    data = file.read_bytes()
    file.write_bytes(data[:-8])
    assert refusal(shards) == (
        f"{file}: cut off: {len(data) - 8:,} bytes where {len(data):,} were packed; {AGAIN}"
    )
    file.write_bytes(data[:-1] + b"!")
    assert refusal(shards) == f"{file}: its bytes are not those that were packed; {AGAIN}"
    file.unlink()
    assert refusal(shards) == f"{file}: missing; {AGAIN}"


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((7, 3)), "expected float64 of shape (7, 2), found float64 of shape (7, 3)"),
        (np.zeros((6, 2)), "expected float64 of shape (7, 2), found float64 of shape (6, 2)"),
        (np.zeros((7, 2), "f4"), "expected float64 of shape (7, 2), found float32 of shape (7, 2)"),
    ],
)
def test_an_array_of_other_targets_is_refused(shards: Path, array: Any, expected: str) -> None:
    replace(shards, array)
    assert refusal(shards) == f"{shards}/targets.npy: {expected}; copy it again"


def test_values_that_no_target_has_are_refused(shards: Path, tmp_path: Path) -> None:
    numbers = np.load(shards / "targets.npy")
    numbers[3, 1] = -np.inf
    replace(shards, numbers)
    assert refusal(shards) == (
        f"{shards}/targets.npy: row 3, 'light': expected a finite number, or NaN where it is "
        "missing, found -inf; pack the images anew"
    )
    data = gauges.write(tmp_path / "data", count=2)
    data.write_text("path,labels\n000.png,sun;sea\n001.png,\n")
    striate.pack(data, tmp_path / "labels")
    replace(tmp_path / "labels", np.array([[1, 0], [0, 2]], np.uint8))
    assert refusal(tmp_path / "labels") == (
        f"{tmp_path}/labels/targets.npy: row 1, 'sun': expected 0 or 1, found 2; "
        "pack the images anew"
    )


@pytest.mark.parametrize(
    "entries",
    [
        {"targets": {"kind": "points", "names": ["x"]}},
        {"targets": {"kind": "numbers", "names": []}},
        {"targets": {"kind": "numbers", "names": ["x", "x"]}},
        {"targets": ["numbers"]},
        {"targets_file": ["../targets.npy", 1, "ab"]},
        {"targets_file": ["targets.npy", 1]},
        {"targets_file": None},
        {"version": 1},
    ],
)
def test_a_description_that_pack_does_not_write_is_refused(
    shards: Path, entries: dict[str, Any]
) -> None:
    edit(shards, **entries)
    assert refusal(shards) == f"{shards}/shards.json: not what `striate pack` writes; {AGAIN}"
