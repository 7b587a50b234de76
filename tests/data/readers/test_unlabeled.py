"""Images anywhere in a folder come in one order, whether names are sorted in memory or on disk."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from striate.data.readers import unlabeled
from striate.data.readers.unlabeled import SortedNames, list_unlabeled
from striate.data.readers.walk import list_files
from striate.errors import StorageError

NAMES = [
    *("b.png", "a.jpg", "a b.png", "deep/er/c.png", "deep/b", "deep.png", "Z/1.png", "é.png"),
    *("deep/er.png", "a\nb.png", "\U0001f408.png", "notes.txt", ".hidden.png", "Z/Thumbs.db"),
    *("__MACOSX/a.png", "deep/found.csv.rows.partial", os.fsdecode(b"caf\xe9.png"), "\ue000.png"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize("in_memory", [1, 2, 3, 100_000])
def test_the_order_is_that_of_a_class_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
):
    monkeypatch.setattr(unlabeled, "_IN_MEMORY", in_memory)
    listed = [path.removeprefix("./") for path in list_files(str(folder), ".", [])]
    assert list(list_unlabeled(folder)) == listed
    assert len(listed) == 13


def test_a_folder_is_read_when_its_turn_comes(folder: Path):
    names = list_unlabeled(folder)
    assert next(names) == "a\nb.png"
    (folder / "deep/late.png").touch()
    assert "deep/late.png" in names


def test_no_room_for_names_is_told(monkeypatch: pytest.MonkeyPatch):
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unlabeled, "_IN_MEMORY", 1)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    with pytest.raises(StorageError) as caught:
        SortedNames().add("a")
    assert str(caught.value) == (
        "/tmp: the disk is full; make room, or set TMPDIR to another folder"
    )
