"""One folder becomes two by its classes, and each can be packed and read as a folder of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import striate
from striate.data.listing.listing import Listing
from striate.data.readers.scan import scan
from striate.data.shard_writer import pack_listing
from striate.data.targets.split_classes import split_classes
from striate.errors import DataError, OptionError
from striate.progress import drain
from tests.data.images import class_folders

COUNTS = {"bus": 2, "cat": 3, "dog": 4, "elk": 2, "van": 5}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    class_folders(tmp_path / "photos", COUNTS)
    return tmp_path / "photos"


def counted(listing: Listing) -> dict[str, int]:
    """Class -> images, by label and by the folder that an image lies in."""
    by_label = [listing.class_names[sample.label] for sample in listing.samples]
    assert by_label == [sample.path.partition("/")[0] for sample in listing.samples]
    assert [listing.targets.describe(row) for row in range(len(by_label))] == by_label
    return {name: by_label.count(name) for name in listing.class_names}


def test_each_side_has_its_classes_in_their_order(photos: Path):
    one, other = split_classes(scan(photos), ("van", "bus"), "photos")
    assert counted(one) == {"bus": 2, "van": 5}
    assert counted(other) == {"cat": 3, "dog": 4, "elk": 2}


def test_a_side_is_packed_and_read_as_a_folder_of_its_own(photos: Path, tmp_path: Path):
    _, other = split_classes(scan(photos), ("van", "bus"), "photos")
    packed = drain(pack_listing(other, tmp_path / "b", "photos"))
    assert (packed.images, packed.classes) == (9, 3)
    assert counted(scan(tmp_path / "b")) == {"cat": 3, "dog": 4, "elk": 2}


def test_shards_are_split_as_the_folder_that_they_were_made_of(photos: Path, tmp_path: Path):
    striate.pack(photos, tmp_path / "shards")
    _, other = split_classes(scan(tmp_path / "shards"), ("van", "bus"), "photos")
    assert counted(other) == {"cat": 3, "dog": 4, "elk": 2}
    drain(pack_listing(other, tmp_path / "again", "shards"))
    drain(
        pack_listing(
            split_classes(scan(photos), ("van", "bus"), "photos")[1], tmp_path / "b", "photos"
        )
    )
    for name in ("shard-000000.tar", "index.npy"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (("van",), "“van” and “bus”, “cat”, “dog”, “elk”"),
        (("bus", "cat", "dog", "elk"), "“bus”, “cat”, “dog”, “elk” and “van”"),
        (tuple(COUNTS), "“bus”, “cat”, “dog”, “elk”, “van” and none"),
    ],
)
def test_one_class_on_a_side_is_refused(photos: Path, names: tuple[str, ...], split: str):
    with pytest.raises(OptionError) as error:
        split_classes(scan(photos), names, "photos")
    assert str(error.value) == (
        f"photos: its 5 classes are split into {split}; each side needs two classes or more"
    )


def test_a_class_that_is_not_there_is_refused_with_the_nearest(photos: Path):
    with pytest.raises(OptionError) as error:
        split_classes(scan(photos), ("bus", "vam"), "photos")
    assert str(error.value) == "no class is called 'vam'; did you mean 'van'?"


def test_only_classes_are_split(photos: Path):
    (photos / "labels.csv").write_text("path,labels\nbus/000.png,red\ncat/000.png,blue\n")
    listing = scan(photos / "labels.csv")
    with pytest.raises(DataError) as error:
        split_classes(listing, ("red",), "photos")
    assert str(error.value) == "photos: gives labels for every image; only classes can be split"


def test_an_array_is_not_split(tmp_path: Path):
    file = tmp_path / "small.npz"
    np.savez(file, x=np.zeros((8, 8, 8), np.uint8), y=np.arange(8) % 4)
    with pytest.raises(DataError) as error:
        split_classes(scan(file), ("0", "1"), "small.npz")
    assert str(error.value) == (
        "small.npz: NPZ is one array, which is not split; save its images as files"
    )
