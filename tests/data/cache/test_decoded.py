"""Every usable image is decoded once; what is cached is shared, checked, and rebuilt if damaged."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate import cache_store as cache_module
from striate.cache_store import LOCK, cache_folder, file_digest, list_entries, sweep
from striate.data.cache import row_files, workers
from striate.data.cache.decoded import decode_images, prepare_cache
from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import RECORD, Records, Samples
from striate.data.listing.duplicates import find_duplicates
from striate.data.listing.listing import DecodedImages, Listing
from striate.data.listing.samples import Finding, Record, Sample
from striate.data.targets.classes import ClassTargets
from striate.errors import DataError, StorageError
from striate.progress import Progress, drain
from striate.storage import lock
from tests.data.cache.test_decode_all import listing_of
from tests.data.images import class_folders, encoded, noise

EIGHT = Preprocess(8, 3)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    class_folders(tmp_path / "photos", {"cat": 4, "dog": 3})
    return tmp_path / "photos"


def entries(home: Path) -> list[Path]:
    return sorted(home.iterdir())


def drained(work: Generator[Progress, None, DecodedImages]) -> tuple[list[Progress], DecodedImages]:
    said: list[Progress] = []
    return said, drain(work, said.append)


def no_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, decoding anything is an error."""
    monkeypatch.setattr(workers, "COMMAND", ("-c", "raise SystemExit(3)"))


def assert_right(decoded: DecodedImages, root: Path, preprocess: Preprocess) -> None:
    assert len(decoded) == len(decoded.records) == len(decoded.pixels)
    for row, sample, record in zip(decoded.pixels, decoded.samples, decoded.records, strict=True):
        image, expected = decode(root / sample.path, sample.path, preprocess=preprocess)
        assert image is not None
        assert record == expected
        assert (row == preprocess.to_array(image)).all()


def test_an_entry_holds_every_image_in_listing_order(photos: Path, home: Path) -> None:
    listing = listing_of(photos)
    decoded = decode_images(listing, EIGHT, cache=home)
    assert decoded.samples == listing.samples
    assert decoded.targets == listing.targets
    assert isinstance(decoded.pixels, np.memmap)
    assert decoded.pixels.shape == (7, 8, 8, 3)
    assert not decoded.pixels.flags.writeable
    assert decoded.findings == ()
    assert_right(decoded, photos, EIGHT)


def test_a_second_request_comes_from_the_cache(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decode_images(listing_of(photos), EIGHT, cache=home)
    no_children(monkeypatch)
    second = decode_images(listing_of(photos), EIGHT, cache=home)
    assert (second.pixels == first.pixels).all()
    assert replace(second, pixels=first.pixels) == first
    (only,) = entries(home)
    names = {file.name for file in only.iterdir()}
    assert names == {"about.json", "index.json", "pixels.npy", "records.npy"}


def test_labels_and_splits_are_the_listings_and_not_the_caches(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = listing_of(photos)
    decode_images(listing, EIGHT, cache=home)
    no_children(monkeypatch)
    other = Samples.of(replace(sample, label=0, split="test") for sample in listing.samples)
    targets = ClassTargets.of(("x",), other)
    decoded = decode_images(replace(listing, targets=targets, samples=other), EIGHT, cache=home)
    assert (decoded.class_names, decoded.samples) == (("x",), other)


def test_bad_images_are_dropped_and_named(photos: Path, home: Path) -> None:
    (photos / "cat" / "001.png").write_bytes(b"hello, this is text")
    (photos / "dog" / "zzz.png").write_bytes(encoded(noise())[:-9])
    (photos / "cat" / "aaa.png").write_bytes(encoded(noise(seed=50).convert("RGBA").rotate(9)))
    listing = replace(listing_of(photos), findings=(Finding("hidden", ".x"),))
    decoded = decode_images(listing, EIGHT, cache=home)
    assert [sample.path for sample in decoded.samples] == [
        *("cat/000.png", "cat/002.png", "cat/003.png", "cat/aaa.png"),
        *("dog/000.png", "dog/001.png", "dog/002.png"),
    ]
    assert decoded.pixels.shape == (7, 8, 8, 3)
    assert decoded.findings == (
        Finding("hidden", ".x"),
        Finding("not an image", "cat/001.png", "it looks like text"),
        Finding("transparency", "cat/aaa.png"),
        Finding("truncated", "dog/zzz.png", "the end of the PNG is missing"),
    )
    assert_right(decoded, photos, EIGHT)
    assert_right(decode_images(listing, EIGHT, cache=home), photos, EIGHT)


def test_rows_are_moved_up_block_by_block(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_files, "_MOVED_BYTES", 2 * 8 * 8 * 3)
    class_folders(photos, {"emu": 9})
    for name in ("000", "004", "005"):
        (photos / "emu" / f"{name}.png").write_bytes(b"")
    decoded = decode_images(listing_of(photos), EIGHT, cache=home)
    assert len(decoded) == 13
    assert (entries(home)[0] / "pixels.npy").stat().st_size == 128 + 13 * 8 * 8 * 3
    assert_right(decoded, photos, EIGHT)


def test_same_bytes_are_found_within_a_class_and_between_classes(photos: Path, home: Path) -> None:
    for copy in ("cat/copy.png", "cat/copy2.png", "dog/copy.png"):
        shutil.copy(photos / "cat" / "002.png", photos / copy)
    decoded = decode_images(listing_of(photos), EIGHT, cache=home)
    assert decoded.findings == (
        Finding("duplicate", "cat/copy.png", "cat/002.png"),
        Finding("duplicate", "cat/copy2.png", "cat/002.png"),
        Finding("conflict", "cat/002.png", "dog/copy.png"),
        Finding("conflict", "cat/copy.png", "dog/copy.png"),
        Finding("conflict", "cat/copy2.png", "dog/copy.png"),
        Finding("conflict", "dog/copy.png", "cat/002.png"),
    )


def test_what_cannot_be_used_is_no_duplicate() -> None:
    named = Samples.of([Sample("a", 4), Sample("b", 4), Sample("c", 5)])
    records = Records.of([Record("5e"), Record("5e"), Record("5e", 9, 9, 3)])
    assert find_duplicates(named, records, named.labels) == []


def _rewrite(path: Path, preprocess: Preprocess) -> Preprocess:
    path.write_bytes(encoded(noise(seed=77)))
    return preprocess


CHANGES: dict[str, Callable[[Path, Preprocess], Preprocess]] = {
    "size": lambda _, preprocess: replace(preprocess, size=9),
    "fit": lambda _, preprocess: replace(preprocess, fit="stretch"),
    "channels": lambda _, preprocess: replace(preprocess, channels=1),
    "content": lambda root, preprocess: _rewrite(root / "cat" / "001.png", preprocess),
    "one more": lambda root, preprocess: _rewrite(root / "cat" / "new.png", preprocess),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_the_pixels_makes_another_entry(change: str, photos: Path, home: Path) -> None:
    decode_images(listing_of(photos), EIGHT, cache=home)
    preprocess = CHANGES[change](photos, EIGHT)
    decoded = decode_images(listing_of(photos), preprocess, cache=home)
    assert len(entries(home)) == 2
    assert_right(decoded, photos, preprocess)


def test_content_that_changes_behind_the_same_size_and_time_is_noticed(
    photos: Path, home: Path
) -> None:
    path, other = photos / "cat" / "001.png", photos / "cat" / "002.png"
    for file in (path, other):
        file.write_bytes(file.read_bytes().ljust(20_000, b"\0"))
        os.utime(file, ns=(5 * 10**17, 5 * 10**17))
    decode_images(listing_of(photos), EIGHT, cache=home)
    swap = path.with_name("swap")
    path.rename(swap)
    other.rename(path)
    swap.rename(other)
    assert_right(decode_images(listing_of(photos), EIGHT, cache=home), photos, EIGHT)


def test_another_limit_of_memory_makes_another_entry(photos: Path, home: Path) -> None:
    _, all_of_them = drained(prepare_cache(listing_of(photos), EIGHT, cache=home))
    with pytest.raises(DataError):
        drained(prepare_cache(listing_of(photos), EIGHT, cache=home, largest_megabytes=0))
    assert len(all_of_them) == 7


def test_mean_and_std_do_not_touch_the_pixels(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode_images(listing_of(photos), EIGHT, cache=home)
    no_children(monkeypatch)
    other = replace(EIGHT, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    assert len(decode_images(listing_of(photos), other, cache=home)) == 7


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-5] ^= 4
    file.write_bytes(data)


def _edit(file: Path, **entries: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


def _records(folder: Path, table: np.ndarray) -> None:
    np.save(folder / "records.npy", table)
    _edit(folder / "index.json", records=file_digest(folder / "records.npy"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": lambda folder: _flip(folder / "pixels.npy"),
    "a cut end": lambda folder: os.truncate(folder / "pixels.npy", 700),
    "no pixels": lambda folder: (folder / "pixels.npy").unlink(),
    "no index": lambda folder: (folder / "index.json").unlink(),
    "half an index": lambda folder: os.truncate(folder / "index.json", 300),
    "other JSON": lambda folder: (folder / "index.json").write_text("[3, 4]"),
    "another version": lambda folder: _edit(folder / "index.json", version=-1),
    "no records": lambda folder: (folder / "records.npy").unlink(),
    "a flipped bit of a record": lambda folder: _flip(folder / "records.npy"),
    "too few records": lambda folder: _records(folder, np.zeros(6, RECORD)),
    "odd records": lambda folder: _records(folder, np.zeros(7)),
    "an odd finding": lambda folder: _edit(folder / "index.json", findings=[[5]]),
    "a file": lambda folder: (shutil.rmtree(folder), folder.write_text("what is this")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_built_again(damage: str, photos: Path, home: Path) -> None:
    decode_images(listing_of(photos), EIGHT, cache=home)
    (folder,) = entries(home)
    DAMAGES[damage](folder)
    assert_right(decode_images(listing_of(photos), EIGHT, cache=home), photos, EIGHT)
    assert entries(home) == [folder]
    assert json.loads((folder / "index.json").read_text())["version"] > 0
    assert_right(decode_images(listing_of(photos), EIGHT, cache=home), photos, EIGHT)


def test_an_entry_of_before_is_read_with_todays_words(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "cat" / "page.jpg").write_bytes(b"hello, this is text")
    before = decode_images(listing_of(photos), EIGHT, cache=home)
    (folder,) = entries(home)
    (about,) = (entry.about for entry in list_entries(home))
    rows = json.loads((folder / "index.json").read_text())["findings"]
    assert [row[1] for row in rows] == ["not an image"]
    rows[0][1] = "not a picture"
    _edit(folder / "index.json", findings=rows)
    (folder / "about.json").write_text(json.dumps({"pictures": about}))
    no_children(monkeypatch)
    assert decode_images(listing_of(photos), EIGHT, cache=home).findings == before.findings
    assert [entry.about for entry in list_entries(home)] == [about]


def test_progress_counts_the_images_and_ends_full(photos: Path, home: Path) -> None:
    said, decoded = drained(prepare_cache(listing_of(photos), EIGHT, cache=home))
    assert said[-1] == Progress(7, 7, "images")
    assert [progress.done for progress in said] == sorted({progress.done for progress in said})
    assert len(decoded) == 7


def test_an_entry_that_is_given_up_leaves_nothing(photos: Path, home: Path) -> None:
    work = prepare_cache(listing_of(photos), EIGHT, cache=home)
    next(work)
    assert len(entries(home)) == 1
    work.close()
    assert entries(home) == []


def test_two_processes_that_build_the_same_entry_both_get_it(photos: Path, home: Path) -> None:
    one = prepare_cache(listing_of(photos), EIGHT, cache=home)
    next(one)
    program = (
        "import sys; from pathlib import Path\n"
        "from striate.data.cache.decoded import decode_images\n"
        "from tests.data.cache.test_decode_all import listing_of\n"
        "from tests.data.cache.test_decoded import EIGHT, assert_right\n"
        "root = Path(sys.argv[1])\n"
        "assert_right(decode_images(listing_of(root), EIGHT, cache=Path(sys.argv[2])), root, EIGHT)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, "-c", program, str(photos), str(home)], env=environment, check=True
    )
    (published,) = (folder for folder in entries(home) if folder.suffix != ".partial")
    made = (published / "pixels.npy").stat().st_ino
    assert_right(drained(one)[1], photos, EIGHT)
    assert entries(home) == [published]
    assert (published / "pixels.npy").stat().st_ino == made


def test_folders_of_killed_builders_are_swept_and_of_living_ones_not(home: Path) -> None:
    home.mkdir()
    dead, living, new = (home / f"{name}.partial" for name in ("dead", "living", "new"))
    for folder in (dead, living, new):
        folder.mkdir()
        (folder / "pixels.npy").write_bytes(b"abc")
    with lock(living / LOCK, "it"):
        for folder in (dead, living):
            os.utime(folder, (time.time() - 100, time.time() - 100))
        sweep(home)
        assert entries(home) == [living, new]


def test_nothing_usable_names_the_count_and_three_reasons(tmp_path: Path, home: Path) -> None:
    for name, data in (("a", b"x y z"), ("b\n", b""), ("c", encoded(noise())[:-1]), ("d", b"")):
        (tmp_path / "photos" / "cat").mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / "cat" / f"{name}.png").write_bytes(data)
    with pytest.raises(DataError) as caught:
        decode_images(listing_of(tmp_path / "photos"), EIGHT, cache=home)
    assert str(caught.value) == (
        f"{tmp_path}/photos: none of the 4 images can be used; replace them: "
        "cat/a.png: not an image (it looks like text); cat/b\\n.png: empty; "
        "cat/c.png: truncated (the end of the PNG is missing)"
    )
    assert entries(home) == []


def test_a_full_disk_is_a_storage_error_before_anything_is_decoded(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full)
    no_children(monkeypatch)
    with pytest.raises(StorageError) as caught:
        decode_images(listing_of(photos), Preprocess(300, 3), cache=home)
    assert str(caught.value).startswith(f"{home}/")
    assert str(caught.value).endswith(
        ".partial: the disk is full; 2 MB are needed; set STRIATE_CACHE to a folder on another disk"
    )
    assert entries(home) == []


def test_a_disk_that_cannot_promise_space_is_used_all_the_same(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    assert_right(decode_images(listing_of(photos), EIGHT, cache=home), photos, EIGHT)


def test_the_cache_lies_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STRIATE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder(None) == tmp_path / "home" / ".cache" / "striate"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder(None) == tmp_path / "xdg" / "striate"
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "own"))
    assert cache_folder(None) == tmp_path / "own"
    assert cache_folder(tmp_path / "chosen") == tmp_path / "chosen"


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("fault", ["read-only", "full"])
def test_a_usual_cache_that_cannot_be_used_is_replaced_and_said(
    fault: str, photos: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIATE_CACHE", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    usual, ends = os.posix_fallocate, list[Any]()

    def promise(file: int, *rest: int) -> None:
        inside = home in Path(f"/proc/self/fd/{file}").readlink().parents
        (full if inside else usual)(file, *rest)

    if fault == "read-only":
        home.write_text("not a folder")
        why = f"{home}: file exists; choose another place"
    else:
        monkeypatch.setattr(os, "posix_fallocate", promise)
        why = ".partial: the disk is full; 1 MB are needed; set STRIATE_CACHE to a folder on"
    monkeypatch.setattr(cache_module.atexit, "register", lambda *job, **_: ends.append(job))
    decoded = decode_images(listing_of(photos), EIGHT)
    ((_, folder),) = ends
    assert folder.parent == tmp_path
    assert why in decoded.note
    assert decoded.note.endswith(f"; for now the cache is {folder}")
    assert_right(decoded, photos, EIGHT)


def test_memory_is_used_where_the_disk_of_temporary_files_cannot_be(
    photos: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIATE_CACHE", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(cache_module, "_MEMORY", tmp_path / "memory")
    home.write_text("not a folder")
    monkeypatch.setattr(cache_module.atexit, "register", lambda *_, **__: None)
    decoded = decode_images(listing_of(photos), EIGHT)
    (folder,) = (tmp_path / "memory").iterdir()
    assert decoded.note.endswith(f"; for now the cache is {folder}")


def test_where_no_place_will_do_the_first_reason_is_told(
    photos: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write_text("not a folder")
    monkeypatch.setenv("STRIATE_CACHE", str(home))
    monkeypatch.setattr(cache_module, "_MEMORY", tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", full)
    decoded = decode_images(listing_of(photos), EIGHT)
    assert decoded.note == (
        f"{home}: file exists; choose another place; images are streamed: decoded from their "
        "files whenever they are needed"
    )
    assert_right(decoded, photos, EIGHT)
    with pytest.raises(StorageError) as caught:
        decode_images(_array_listing(np.zeros((5, 8, 8, 3), np.uint8), tmp_path), EIGHT)
    assert str(caught.value) == f"{home}: file exists; choose another place"


def test_a_chosen_cache_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError) as caught:
        cache_folder(tmp_path / "file" / "x")
    assert str(caught.value) == f"{tmp_path}/file/x: not a directory; choose another place"


def _array_listing(rows: np.ndarray, root: Path) -> Listing:
    named = Samples.of(Sample(f"a.npz#{row}", row % 2) for row in range(len(rows)))
    return Listing(root, "NPZ", ClassTargets.of(("even", "odd"), named), named, arrays=rows)


@pytest.mark.parametrize(("side", "channels"), [(8, 3), (6, 3), (8, 1)])
def test_arrays_are_cached_by_their_content(
    side: int, channels: int, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.stack([np.asarray(noise(8, 8, seed=seed)) for seed in range(5)])
    preprocess = Preprocess(side, channels)
    decoded = decode_images(_array_listing(rows, tmp_path), preprocess, cache=home)
    expected = [preprocess.to_array(noise(8, 8, seed=seed)) for seed in range(5)]
    assert (decoded.pixels == np.stack(expected)).all()
    again = decode_images(_array_listing(rows.copy(), tmp_path), preprocess, cache=home)
    assert replace(again, pixels=decoded.pixels) == decoded
    rows[3, 4, 5, 1] ^= 8
    decode_images(_array_listing(rows, tmp_path), preprocess, cache=home)
    assert len(entries(home)) == 2


def test_the_data_folder_is_left_as_it_is(photos: Path, home: Path) -> None:
    def state() -> list[tuple[str, int, int, bytes]]:
        files = sorted(photos.rglob("*"))
        return [
            (str(f), f.stat().st_mtime_ns, f.stat().st_mode, f.read_bytes() if f.is_file() else b"")
            for f in files
        ]

    before = state()
    decode_images(listing_of(photos), EIGHT, cache=home)
    assert state() == before
