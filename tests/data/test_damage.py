"""Damaged caches are made again, damaged shards and arrays refused: a sentence, never a bug."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from striate import cache_store
from striate.data.cache.decoded import decode_images
from striate.data.cache.records import read_records
from striate.data.decoding.preprocess import Preprocess
from striate.data.readers.scan import scan
from striate.data.shard_writer import write_shards
from striate.errors import DataError, OptionError
from striate.training import autotune
from striate.vision import kernel
from tests.damage import DAMAGES, damaged_headers, undo, without_privileges
from tests.data.images import class_folders

VIEW = Preprocess(16, 3, "crop")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    class_folders(tmp_path / "photos", {"cat": 5, "dog": 4})
    return tmp_path / "photos"


@pytest.mark.parametrize("name", ["index.json", "records.npy", "pixels.npy", "about.json"])
def test_a_damaged_cache_is_made_again(name: str, photos: Path, tmp_path: Path):
    listing, cache = scan(photos), tmp_path / "cache"
    whole = decode_images(listing, VIEW, cache=cache)
    pixels = np.array(whole.pixels)
    del whole
    (home,) = cache.iterdir()
    shutil.copytree(home, tmp_path / "whole")
    for what, damage in DAMAGES.items():
        damage(home / name)
        with without_privileges():
            cache_store.list_entries(cache)
            assert (read_records(home, 9) is None) == (name != "about.json"), what
        if what in ("open brackets", "a folder"):
            assert np.array_equal(
                np.array(decode_images(listing, VIEW, cache=cache).pixels), pixels
            )
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "whole", home)


def test_a_damaged_memory_of_trials_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    about, found = (
        {"network": "lenet5"},
        autotune.TuneResult(
            autotune.ExecutionConfig("channels-last", "float32", compiled=False, micro_batches=1),
            1.5,
        ),
    )
    autotune._save_cached(about, found)
    assert autotune._load_cached(about) == found
    shutil.copy(tmp_path / "trials.json", tmp_path / "whole")
    for damage in DAMAGES.values():
        damage(tmp_path / "trials.json")
        with without_privileges():
            assert autotune._load_cached(about) in (None, found)
        undo(tmp_path / "trials.json", tmp_path / "whole")


@pytest.mark.parametrize("name", ["shards.json", "index.npy", "paths.bin", "shard-000000.tar"])
def test_damaged_shards_are_refused_by_their_file(name: str, photos: Path, tmp_path: Path):
    home = tmp_path / "shards"
    for _ in write_shards(photos, home):
        pass
    shutil.copy(home / name, tmp_path / "whole")
    for what, damage in DAMAGES.items():
        damage(home / name)
        with without_privileges():
            if what in ("closed", "zeros") and name.endswith(".tar"):
                assert len(scan(home).samples) == 9  # it is read when its images are
            else:
                with pytest.raises(DataError, match=name):
                    scan(home)
        undo(home / name, tmp_path / "whole")
    assert len(scan(home).samples) == 9


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


X, Y = np.zeros((8, 16, 16), np.uint8), np.arange(8) % 2


@pytest.mark.parametrize("member", ["x", "y"])
def test_an_array_whose_header_is_damaged_is_refused(member: str, tmp_path: Path):
    for what, content in damaged_headers(npy({"x": X, "y": Y}[member])).items():
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as made:
            for name, array in {"x": X, "y": Y}.items():
                made.writestr(f"{name}.npy", content if name == member else npy(array))
        with pytest.raises(DataError) as caught:
            scan(tmp_path / "a.npz")
        assert str(caught.value).startswith(f"{tmp_path}/a.npz: {member} "), what
        assert len(str(caught.value).splitlines()) == 1


def test_a_kernel_whose_header_is_damaged_is_refused(tmp_path: Path):
    for content in damaged_headers(npy(np.ones((3, 3), np.uint8))).values():
        (tmp_path / "k.npy").write_bytes(content)
        with pytest.raises(OptionError):
            kernel(tmp_path / "k.npy")


@pytest.mark.parametrize("kind", ["U0", "V0", "S0"])
def test_values_of_no_bytes_are_refused_however_many(kind: str, tmp_path: Path):
    content = npy(np.zeros(8, kind)).replace(b"(8,)", b"(10**12,)"[:4])
    huge = npy(np.zeros(8, kind)).replace(b"(8,), }         ", b"(80000000000,), }")
    for hurt in (content, huge):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as made:
            made.writestr("x.npy", npy(X))
            made.writestr("y.npy", hurt)
        with pytest.raises(DataError):
            scan(tmp_path / "a.npz")
