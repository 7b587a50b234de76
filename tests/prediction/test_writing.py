"""Killed at any point, a file of predictions is finished by the same command, to the byte."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from striate.errors import BusyError, OptionError, StorageError
from striate.prediction import writing
from striate.prediction.predictor import Predictor
from striate.prediction.unfinished import unfinished
from striate.prediction.writing import write_predictions
from tests.data.images import encoded, noise
from tests.prediction.brightness import Brightness

BY = {"model": "a1", "top": "3"}
SUFFIXES = (".csv", ".jsonl", ".parquet")


@pytest.fixture(autouse=True)
def every_batch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_SECONDS", 0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven images, of which the fifth is none."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(11):
        content = encoded(noise(9, 9, seed=number)) if number != 4 else b"no image"
        (folder / f"{number:02}.png").write_bytes(content)
    return folder


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(Brightness(), batch=2, threads=1)  # pyright: ignore[reportArgumentType]


def written(
    predictor: Predictor, data: object, path: Path, by: dict[str, str] = BY
) -> Iterator[int]:
    """Write all; yield how many are."""
    with unfinished(path, by) as file:
        yield from write_predictions(predictor, predictor.sources([data]), file)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_killed_after_any_image_ends_as_if_it_had_not_been(
    predictor: Predictor, photos: Path, tmp_path: Path, suffix: str
) -> None:
    whole = tmp_path / f"whole{suffix}"
    assert list(written(predictor, photos, whole)) == list(range(12))
    expected = whole.read_bytes()
    for first in range(12):
        path = tmp_path / f"{first}{suffix}"
        for done in written(predictor, photos, path):  # the rows after the last mark are torn off
            if done == first:
                break
        assert not path.exists()
        again = list(written(predictor, photos, path))
        assert again == list(range(first // 2 * 2, 12))
        assert path.read_bytes() == expected
        path.unlink()
    assert names(tmp_path) == [whole.name]


class Killed(BaseException):
    """Stands for a kill: nothing of ours runs after it."""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_killed_at_any_call_of_the_disk_ends_as_if_it_had_not_been(
    predictor: Predictor,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    images = [str(path) for path in sorted(photos.iterdir())[2:6]]
    calls, last = 0, 0

    def watch(name: str) -> None:
        real = getattr(os, name)

        def watched(*rest: object, **more: object) -> object:
            nonlocal calls
            calls += 1
            if calls == last:
                raise Killed
            return real(*rest, **more)

        monkeypatch.setattr(os, name, watched)

    for name in ("fsync", "replace", "unlink"):
        watch(name)
    whole = tmp_path / f"whole{suffix}"
    list(written(predictor, images, whole))
    for last in range(1, calls + 1):
        calls, path = 0, tmp_path / f"{last}{suffix}"
        with pytest.raises(Killed):
            list(written(predictor, images, path))
        last = 0
        if not path.exists():
            list(written(predictor, images, path))
        assert path.read_bytes() == whole.read_bytes()


@pytest.fixture
def begun(predictor: Predictor, photos: Path, tmp_path: Path) -> Path:
    """A file of which six images are done."""
    path = tmp_path / "found.csv"
    for done in written(predictor, photos, path):
        if done == 6:
            break
    return path


ANEW = "repeat the first command to go on, or remove its .rows.partial to begin anew"


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ({"model": "b2", "top": "3"}, "model a1, and now it is b2"),
        ({"model": "a1", "top": "5"}, "top 3, and now it is 5"),
        ({"model": "a1"}, "top 3, and now it is None"),
        ({"model": "a1", "top": "3", "tile": "64"}, "tile None, and now it is 64"),
    ],
)
def test_another_command_is_told_what_differs(
    predictor: Predictor, photos: Path, begun: Path, by: dict[str, str], message: str
) -> None:
    before = {path.name: path.read_bytes() for path in begun.parent.iterdir()}
    with pytest.raises(OptionError) as caught:
        list(written(predictor, photos, begun, by))
    assert str(caught.value) == f"{begun} was begun with {message}; {ANEW}"
    assert {path.name: path.read_bytes() for path in begun.parent.iterdir()} == before
    begun.with_name("found.csv.rows.partial").unlink()
    list(written(predictor, photos, begun, by))
    assert len(begun.read_text().splitlines()) == 12
    assert names(begun.parent) == [begun.name]


def test_other_images_are_told_apart(predictor: Predictor, photos: Path, begun: Path) -> None:
    images = sorted(photos.iterdir())
    for others in (
        [*images[:5], images[7]],
        images[:5],
        [*images[:5], Path(os.path.relpath(images[5]))],
    ):
        with pytest.raises(OptionError) as caught:
            list(written(predictor, [list(map(str, others))], begun))
        assert str(caught.value) == (
            f"{begun} was begun with other images: the first 6 names differ; {ANEW}"
        )
    again = list(written(predictor, images[:8], begun))  # behind them all may be
    assert again == [6, 7, 8]


def test_a_torn_or_damaged_journal_falls_back_to_what_is_sure(
    predictor: Predictor, photos: Path, begun: Path, tmp_path: Path
) -> None:
    journal = begun.with_name("found.csv.journal.partial")
    head, *marks = journal.read_bytes().splitlines(keepends=True)
    assert [json.loads(mark)["images"] for mark in marks] == [0, 2, 4, 6]
    for lines, first in (
        ([head, *marks[:3], marks[3][:-2]], 4),
        ([head, *marks[:2], b"\0" * 40], 2),
        ([head, marks[0], b"{\n", marks[3]], 0),
        ([head], 0),
    ):
        kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        journal.write_bytes(b"".join(lines))
        assert next(written(predictor, photos, begun)) == first
        for name, content in kept.items():
            (tmp_path / name).write_bytes(content)
    journal.write_bytes(b"nothing\n")
    with pytest.raises(StorageError) as caught:
        next(written(predictor, photos, begun))
    assert str(caught.value) == (
        f"{journal}: line 1: not JSON: Expecting value; remove its .rows.partial to begin anew"
    )


def test_rows_that_are_lost_are_not_made_up(
    predictor: Predictor, photos: Path, begun: Path
) -> None:
    rows = begun.with_name("found.csv.rows.partial")
    rows.write_bytes(rows.read_bytes()[:20])
    with pytest.raises(StorageError) as caught:
        next(written(predictor, photos, begun))
    assert str(caught.value) == (
        f"{rows}: has fewer bytes than found.csv.journal.partial says; remove it to begin anew"
    )
    rows.unlink()  # as after the file was finished and then moved away
    assert next(written(predictor, photos, begun)) == 0


def test_one_process_writes_a_file(predictor: Predictor, photos: Path, begun: Path) -> None:
    work = written(predictor, photos, begun)
    assert next(work) == 6
    with pytest.raises(BusyError) as caught:
        next(written(predictor, photos, begun))
    assert str(caught.value) == (
        f"{begun}: another process is writing it; wait, or choose another name"
    )
    assert list(work)[-1] == 11


def test_a_full_disk_keeps_what_is_done(
    predictor: Predictor, photos: Path, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    work = written(predictor, photos, begun)
    assert next(work) == 6
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError) as caught:
            list(work)
    assert str(caught.value) == (
        f"{begun}: the disk is full; make room and repeat the command, which goes on where it was"
    )
    assert list(written(predictor, photos, begun)) == [6, 7, 8, 9, 10, 11]
