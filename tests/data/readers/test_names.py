"""A class name that no model file may hold is refused by every layout, before anything is read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import striate
from striate.data.listing.samples import MOST_CLASSES, name_fault
from striate.data.readers import scan as scanning
from striate.data.readers.scan import scan
from striate.errors import DataError
from tests.data.images import class_folders
from tests.data.layout_table import cats_and_dogs

LONG = "x" * 1001
TEXT = "expected text of 1 to 1,000 characters: give it another name"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def npz(name: str) -> str:
    labels = np.array([name, "b"] * 4)
    np.savez("d.npz", x=np.zeros((8, 16, 16), np.uint8), y=labels)
    return "d.npz"


def manifest(name: str) -> str:
    Path("a.jpg").touch()
    Path("b.jpg").touch()
    Path("list.csv").write_text(f"path,label\na.jpg,{name}\nb.jpg,b\n")
    return "list.csv"


def shards(name: str) -> str:
    class_folders(Path("photos"), {"cat": 2, "dog": 2})
    striate.pack("photos", "shards")
    shutil.rmtree("photos")
    about = json.loads(Path("shards/shards.json").read_text())
    Path("shards/shards.json").write_text(json.dumps({**about, "class_names": [name, "b"]}))
    return "shards"


def cifar(name: str) -> str:
    Path("set").mkdir()
    Path("set/data_batch_1.bin").write_bytes(bytes(3073))
    Path("set/batches.meta.txt").write_text("\n".join([name, *"bcdefghij"]))
    return "set"


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        (npz, ""), (npz, LONG), (manifest, LONG), (shards, LONG), (cifar, LONG),
    ],
)  # fmt: skip
def test_a_name_that_is_empty_or_too_long_is_refused(layout: Callable[[str], str], name: str):
    root, shown = layout(name), repr(name)[:60] + "..." * (name == LONG)
    with pytest.raises(DataError) as refusal:
        scan(root)
    called = f"a class is called {shown}, {len(name):,} characters"
    assert str(refusal.value) == f"{root}: {called}; {TEXT}"


@pytest.mark.parametrize("layout", [npz, shards])
def test_a_name_of_half_a_character_is_refused(layout: Callable[[str], str]):
    root = layout("\ud800")
    with pytest.raises(DataError, match="expected text of whole characters"):
        scan(root)


@pytest.mark.parametrize("name", ["x" * 1000, " ", "caf\udce9", "猫\n\x1b", "0"])
def test_any_other_name_is_one(name: str):
    assert name_fault(name) == ""
    assert name in scan(npz(name)).class_names


def test_more_classes_than_a_model_file_may_name_are_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    assert MOST_CLASSES == 100_000
    monkeypatch.setattr(scanning, "MOST_CLASSES", 2)
    assert scan(cats_and_dogs(here)).class_names == ("cat", "dog")
    cats_and_dogs(here, "owl/6.jpg")
    with pytest.raises(DataError) as refusal:
        scan(".")
    assert str(refusal.value) == ".: 3 classes; at most 2 can be told apart"
