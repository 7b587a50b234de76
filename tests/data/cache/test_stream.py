"""Where the cache would not hold them, images are decoded ahead of whoever needs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import striate
from striate.data.cache import stream, workers
from striate.data.cache.decoded import decode_images
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.listing import DecodedImages
from striate.data.readers.scan import scan
from striate.errors import DataError
from tests.data.images import class_folders, corners, encoded

VIEW = Preprocess(24, 3, "crop")
ADVICE = "put it back as it was and resume, or train anew"


@pytest.fixture(params=["files", "shards"])
def photos(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    class_folders(tmp_path / "photos", {"cat": 30, "dog": 25})
    (tmp_path / "photos" / "cat" / "wide.jpg").write_bytes(encoded(corners(400, 300), "JPEG"))
    (tmp_path / "photos" / "cat" / "bad.jpg").write_bytes(b"this is text")
    if request.param == "files":
        return tmp_path / "photos"
    striate.pack(tmp_path / "photos", tmp_path / "shards")
    return tmp_path / "shards"


def both(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[DecodedImages, DecodedImages]:
    """The same images decoded once, and streamed."""
    cached = decode_images(scan(photos), VIEW, cache=tmp_path / "cache")
    monkeypatch.setenv("STRIATE_CACHE_GB", "0.00005")
    return cached, decode_images(scan(photos), VIEW, cache=tmp_path / "small")


def test_streamed_pixels_are_those_of_the_cache(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cached, streamed = both(photos, tmp_path, monkeypatch)
    assert isinstance(streamed.pixels, stream.Stream)
    assert streamed.pixels.shape == cached.pixels.shape == (56, 24, 24, 3)
    random = np.random.default_rng(4)
    wanted = [random.integers(0, 56, size) for size in (40, 40, 3, 17, 1)]
    found = list(streamed.pixels.batches(wanted))
    assert [len(batch.pixels) for batch in found] == [40, 40, 3, 17, 1]
    for rows, batch in zip(wanted, found, strict=True):
        assert (batch.pixels == cached.pixels[rows]).all()
        assert batch.masks is None
    assert (streamed.pixels[9:33:2] == cached.pixels[9:33:2]).all()
    assert (streamed.pixels[-1] == cached.pixels[-1]).all()
    assert list(streamed.pixels.batches([])) == []


def test_what_is_known_of_streamed_images_is_the_same(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cached, streamed = both(photos, tmp_path, monkeypatch)
    assert streamed.samples == cached.samples
    assert streamed.records == cached.records
    assert streamed.findings == cached.findings
    assert cached.note == ""
    needed = "98.5 kB" if photos.name == "photos" else "96.8 kB"  # shards lack the bad image
    assert streamed.note == (
        f"{needed} of decoded images do not fit into a cache of 50.0 kB; images are streamed: "
        "decoded from their files whenever they are needed"
    )


def test_images_that_lie_in_the_cache_are_used_however_small_it_became(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    both(photos, tmp_path, monkeypatch)
    again = decode_images(scan(photos), VIEW, cache=tmp_path / "cache")
    assert again.note == ""
    assert isinstance(again.pixels, np.memmap)


def test_images_are_looked_at_once(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    both(photos, tmp_path, monkeypatch)
    monkeypatch.setattr(workers, "COMMAND", ("-c", "raise SystemExit(3)"))
    assert len(decode_images(scan(photos), VIEW, cache=tmp_path / "small")) == 56


def test_the_children_are_few_images_ahead(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """However many batches are asked for, what lies in memory is bounded."""
    _, streamed = both(photos, tmp_path, monkeypatch)
    monkeypatch.setattr(stream, "_AHEAD", 3)
    asked = 0

    def wanted():
        nonlocal asked
        for _ in range(200):
            asked += 1
            yield np.arange(8)

    batches = streamed.pixels.batches(wanted())
    for taken in range(1, 6):
        next(batches)
        assert asked <= taken + 1 + (16 + 3 * stream.count_workers(200)) // 8
    batches.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Path.unlink, "unreadable (no such file or directory) since the run began"),
        (lambda file: file.write_bytes(b""), "empty since the run began"),
        (lambda file: file.write_bytes(encoded(corners(40, 31))), "changed since the run began"),
    ],
)
@pytest.mark.parametrize("photos", ["files"], indirect=True)
def test_an_image_that_is_not_what_it_was_is_an_error(
    change, said: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _, streamed = both(photos, tmp_path, monkeypatch)
    path = streamed.samples[17].path
    change(photos / path)
    assert streamed.pixels[[16, 18]].shape == (2, 24, 24, 3)
    with pytest.raises(DataError) as caught:
        streamed.pixels[[16, 17, 18]]
    assert str(caught.value) == f"{path}: {said}; {ADVICE}"


@pytest.mark.parametrize("photos", ["shards"], indirect=True)
def test_a_shard_that_changes_is_an_error(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _, streamed = both(photos, tmp_path, monkeypatch)
    (shard,) = photos.glob("*.tar")
    shard.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        streamed.pixels[[3]]
    assert str(caught.value) == (
        f"{streamed.samples[3].path}: truncated ({shard} ends before it does) since the run "
        f"began; {ADVICE}"
    )
