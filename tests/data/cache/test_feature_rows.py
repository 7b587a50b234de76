"""A cache entry of features is whole or not there, whatever happened while it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from striate import storage
from striate.cache_store import LOCK, evict, list_entries
from striate.data.cache import feature_rows
from striate.data.cache.feature_rows import (
    BLOCKS,
    FEATURES,
    SAMPLE,
    as_stored,
    load_rows,
    store_rows,
)
from striate.errors import StorageError

ROWS = np.arange(40, dtype=np.float32).reshape(20, 2) / 3


class Blocks:
    """Blocks of four rows; remembers the rows it was asked to begin with."""

    def __init__(self, last: int = 20) -> None:
        self.begun: list[int] = []
        self.last = last

    def __call__(self, row: int) -> Iterator[np.ndarray]:
        self.begun.append(row)
        for first in range(row, 20, 4):
            if first >= self.last:
                raise KeyboardInterrupt
            yield ROWS[first : first + 4]


def build(home: Path, blocks: Blocks, dtype: str = "float32") -> list[int]:
    work = store_rows(home, ROWS.shape, dtype, ROWS[:4], blocks, "features of 20 images")
    return [progress.done for progress in work]


def interrupted(home: Path, last: int = 12) -> Path:
    with pytest.raises(KeyboardInterrupt):
        build(home, Blocks(last))
    return home.with_name("home.partial")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_is_stored_is_read_back(dtype: str, tmp_path: Path):
    assert build(tmp_path / "home", Blocks(), dtype) == [0, 4, 8, 12, 16, 20]
    found = load_rows(tmp_path / "home", 20, dtype)
    assert found is not None
    assert found.values.dtype == dtype
    assert np.array_equal(found.values, ROWS.astype(dtype))
    assert np.array_equal(found.sample, ROWS[:4])
    (entry,) = list_entries(tmp_path)
    assert (entry.about, entry.busy) == ("features of 20 images", True)


@pytest.mark.parametrize(("rows", "dtype"), [(19, "float32"), (20, "float16")])
def test_an_entry_of_other_rows_is_not_taken(rows: int, dtype: str, tmp_path: Path):
    build(tmp_path / "home", Blocks())
    assert load_rows(tmp_path / "home", rows, dtype) is None
    assert load_rows(tmp_path / "other", 20, "float32") is None


@pytest.mark.parametrize("name", [FEATURES, SAMPLE, "index.json"])
@pytest.mark.parametrize("way", ["a byte", "cut off", "gone"])
def test_a_damaged_entry_is_not_taken_and_is_built_anew(name: str, way: str, tmp_path: Path):
    home, file = tmp_path / "home", tmp_path / "home" / name
    build(home, Blocks())
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content if way == "a byte" else content[:-9])
    if way == "gone":
        file.unlink()
    assert load_rows(home, 20, "float32") is None
    build(home, Blocks())
    assert load_rows(home, 20, "float32") is not None


def test_what_an_interrupted_process_left_is_continued(tmp_path: Path):
    interrupted(tmp_path / "home")
    blocks = Blocks()
    assert build(tmp_path / "home", blocks) == [12, 16, 20]
    assert blocks.begun == [12]
    assert [folder.name for folder in tmp_path.iterdir()] == ["home"]
    found = load_rows(tmp_path / "home", 20, "float32")
    assert found is not None
    assert np.array_equal(found.values, ROWS)


def test_a_block_whose_bytes_are_not_those_told_is_done_again(tmp_path: Path):
    partial = interrupted(tmp_path / "home")
    rows = np.load(partial / FEATURES, mmap_mode="r+")
    rows[5] = 7
    rows.flush()
    del rows
    blocks = Blocks()
    assert build(tmp_path / "home", blocks) == [4, 8, 12, 16, 20]
    assert blocks.begun == [4]
    found = load_rows(tmp_path / "home", 20, "float32")
    assert found is not None
    assert np.array_equal(found.values, ROWS)


@pytest.mark.parametrize("tail", ['[16, "', "x\n", '[16, "00"]\n', "\xff"])
def test_a_line_that_was_not_written_whole_does_not_count(tail: str, tmp_path: Path):
    partial = interrupted(tmp_path / "home")
    with (partial / BLOCKS).open("a", encoding="latin-1") as file:
        file.write(tail)
    blocks = Blocks()
    build(tmp_path / "home", blocks)
    assert blocks.begun == [12]
    assert load_rows(tmp_path / "home", 20, "float32") is not None


def test_what_was_left_of_another_type_is_not_continued(tmp_path: Path):
    interrupted(tmp_path / "home")
    blocks = Blocks()
    build(tmp_path / "home", blocks, "float16")
    assert blocks.begun == [0]


def test_while_another_process_builds_the_same_a_second_one_builds_for_itself(tmp_path: Path):
    partial = interrupted(tmp_path / "home")
    with storage.lock(partial / LOCK, "it"):
        interrupted(tmp_path / "home")
        assert list(tmp_path.iterdir()) == [partial]
        blocks = Blocks()
        build(tmp_path / "home", blocks)
        assert blocks.begun == [0]
        assert load_rows(tmp_path / "home", 20, "float32") is not None
    assert {folder.name for folder in tmp_path.iterdir()} == {"home", "home.partial"}


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(feature_rows, "allocate_rows", full)
    with pytest.raises(StorageError) as caught:
        build(tmp_path / "home", Blocks())
    assert str(caught.value) == (
        f"{tmp_path}/home: the disk is full; 1 MB are needed; set STRIATE_CACHE to another disk"
    )
    assert list(tmp_path.iterdir()) == []


def test_features_are_removed_with_the_rest_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build(tmp_path / "old", Blocks())
    monkeypatch.setenv("STRIATE_CACHE_GB", f"{list_entries(tmp_path)[0].bytes / 1e9}")
    build(tmp_path / "new", Blocks())
    assert [folder.name for folder in tmp_path.iterdir()] == ["new"]
    held = load_rows(tmp_path / "new", 20, "float32")
    assert evict(tmp_path, 0) == []
    del held
    assert [entry.folder.name for entry in evict(tmp_path, 0)] == ["new"]


def test_what_is_too_large_becomes_the_largest():
    values = np.array([1e6, -1e6, 2, np.inf], np.float32)
    assert as_stored(values, "float16").tolist() == [65504, -65504, 2, 65504]
    assert as_stored(values[:3], "float32").tolist() == [1e6, -1e6, 2]


def test_a_line_is_told_after_each_block(tmp_path: Path):
    partial = interrupted(tmp_path / "home")
    lines = (partial / BLOCKS).read_text().splitlines()
    assert [json.loads(line)[0] for line in lines] == [4, 8, 12]
