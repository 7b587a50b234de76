"""Shards are one more layout; whatever is wrong with them is said in a sentence."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import striate
from striate.data.readers.scan import scan
from striate.errors import DataError
from tests.data.images import class_folders, encoded, noise

AGAIN = "copy it again, or pack the images anew"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shards")
    class_folders(place / "photos", {"cat": 6, "dog": 5})
    (place / "photos" / "dog" / "copy.png").write_bytes(
        min((place / "photos" / "cat").iterdir()).read_bytes()
    )
    striate.pack(place / "photos", place / "shards")
    return place


@pytest.fixture
def shards(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template / "shards", tmp_path / "shards")


def edit(folder: Path, **entries: Any) -> None:
    file = folder / "shards.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


def forge(folder: Path, change: Callable[[np.ndarray], object]) -> None:
    """Change the index and all that vouches for it, as a liar would."""
    table = np.load(folder / "index.npy")
    change(table)
    np.save(folder / "index.npy", table)
    data = (folder / "index.npy").read_bytes()
    files = json.loads((folder / "shards.json").read_text())["files"]
    files[0] = ["index.npy", len(data), hashlib.sha256(data).hexdigest()]
    edit(folder, files=files)


def rename(folder: Path, name: str) -> None:
    files = json.loads((folder / "shards.json").read_text())["files"]
    edit(folder, files=[*files[:2], [name, *files[2][1:]]])


def put(column: str, value: int) -> Callable[[Path], None]:
    return lambda folder: forge(folder, lambda table: table[column].__setitem__(7, value))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing shard": (lambda f: (f / "shard-000000.tar").unlink(), "shard-000000.tar: missing"),
    "a truncated shard": (
        lambda f: os.truncate(f / "shard-000000.tar", 5000),
        "shard-000000.tar: cut off: 5,000 bytes where SIZE were packed",
    ),
    "a longer shard": (
        lambda f: os.truncate(f / "shard-000000.tar", 10**7),
        "shard-000000.tar: too long: 10,000,000 bytes where SIZE were packed",
    ),
    "a folder for a shard": (
        lambda f: ((f / "shard-000000.tar").unlink(), (f / "shard-000000.tar").mkdir()),
        "shard-000000.tar: not a regular file",
    ),
    "a missing index": (lambda f: (f / "index.npy").unlink(), "index.npy: missing"),
    "a changed index": (
        lambda f: (f / "index.npy").write_bytes((f / "index.npy").read_bytes()[:-1] + b"\7"),
        "index.npy: its bytes are not those that were packed",
    ),
    "changed paths": (
        lambda f: (f / "paths.bin").write_bytes(b"x" * (f / "paths.bin").stat().st_size),
        "paths.bin: its bytes are not those that were packed",
    ),
    "no description": (
        lambda f: (f / "shards.json").unlink(), "shards.json: no such file or directory"
    ),
    "half a description": (
        lambda f: os.truncate(f / "shards.json", 90),
        "shards.json: line 8: not JSON: Expecting property name enclosed in double quotes",
    ),
    "a list for a description": (
        lambda f: (f / "shards.json").write_text("[3]"),
        "shards.json: line 1: expected a JSON object, found a list",
    ),
    "a deep description": (
        lambda f: (f / "shards.json").write_text("[" * 10**5),
        "shards.json: line 1: JSON that is nested too deeply",
    ),
    "a class twice": (
        lambda f: edit(f, class_names=["cat", "cat"]), "shards.json: names the class 'cat' twice"
    ),
    "no class": (
        lambda f: edit(f, class_names=["", "cat"]), "shards.json: not what `striate pack` writes"
    ),
    "a count that is wrong": (
        lambda f: edit(f, pictures=13),
        "index.npy: expected an index of 13 images, found void560 of shape (12,)",
    ),
    "an offset beyond the end": (
        put("offset", 10**12),
        "index.npy: entry 7 stands at bytes 1,000,000,000,000 to END of shard-000000.tar, "
        "which has SIZE",
    ),
    "a length beyond the end": (
        put("length", 2**32 - 1),
        "index.npy: entry 7 stands at bytes START to END of shard-000000.tar, which has SIZE",
    ),
    "a shard that does not exist": (
        put("shard", 3),
        "index.npy: entry 7 names a shard, class, split or color that does not exist",
    ),
    "a class that does not exist": (
        put("label", 2),
        "index.npy: entry 7 names a shard, class, split or color that does not exist",
    ),
    "paths that go back": (put("path", 0), "index.npy: paths out of order"),
    "an index of objects": (
        lambda f: forge(f, lambda table: table.__class__) or swap(f),
        "index.npy: no index of shards",
    ),
}  # fmt: skip


def swap(folder: Path) -> None:
    """An index that would have to be unpickled."""
    np.save(folder / "index.npy", np.array([{}] * 12, object), allow_pickle=True)
    data = (folder / "index.npy").read_bytes()
    files = json.loads((folder / "shards.json").read_text())["files"]
    files[0] = ["index.npy", len(data), hashlib.sha256(data).hexdigest()]
    edit(folder, files=files)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_in_a_sentence(fault: str, shards: Path):
    entry = np.load(shards / "index.npy")[7]
    size = (shards / "shard-000000.tar").stat().st_size
    harm, said = FAULTS[fault]
    harm(shards)
    start = int(entry["offset"])
    end = 10**12 + int(entry["length"]) if "offset" in fault else start + 2**32 - 1
    for word, number in (("SIZE", size), ("START", start), ("END", end)):
        said = said.replace(word, f"{number:,}")
    with pytest.raises(DataError) as caught:
        scan(shards)
    assert str(caught.value) == f"{shards}/{said}; {AGAIN}"


@pytest.mark.parametrize(
    "name", ["../shard-000000.tar", "/etc/passwd", "shard-000000.tar\n", "shard-0.tar", ["a"]]
)
def test_a_name_that_leads_elsewhere_is_refused(name: Any, shards: Path):
    rename(shards, name)
    with pytest.raises(DataError) as caught:
        scan(shards)
    assert str(caught.value) == (
        f"{shards}/shards.json: {str(name)!r} is no shard's name; expected one as in "
        "shard-000003.tar"
    )


def test_a_newer_form_is_refused(shards: Path):
    edit(shards, version=9)
    with pytest.raises(DataError) as caught:
        scan(shards)
    assert str(caught.value) == (
        f"{shards}/shards.json: version 9 is not 1 or 2; pack the images anew, or use a newer "
        "striate"
    )


def test_check_says_of_shards_what_it_says_of_the_folder(template: Path):
    told = {name: striate.check(template / name).to_json() for name in ("photos", "shards")}
    for inspection in told.values():
        for key in ("root", "layout"):
            inspection.pop(key)
    assert told["shards"] == told["photos"]
    assert [f["kind"] for f in told["shards"]["findings"]] == ["conflict", "conflict"]


def test_an_image_whose_bytes_are_not_those_packed_is_left_out(shards: Path):
    entry = np.load(shards / "index.npy")[3]
    other = encoded(noise(seed=123))
    with (shards / "shard-000000.tar").open("r+b") as file:
        file.seek(int(entry["offset"]) + int(entry["length"]) - 3)
        file.write(bytes([other[0] ^ 5]))
    inspection = striate.check(shards)
    found = [f for f in inspection.findings if f.kind not in ("conflict", "duplicate")]
    assert [(f.kind, f.detail) for f in found] in (
        [("unreadable", "its bytes are not those packed")],
        [("truncated", found[0].detail)],
    )
    assert inspection.images == 11
