"""Shards at an address are what they are in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import striate
from striate.data.shards.remote import remote_address
from striate.errors import DataError

ASKED = {"epochs": 3, "batch": 16, "threads": 1, "seed": 3}
QUICK = {**ASKED, "epochs": 1, "progress": False}


@pytest.fixture(scope="module")
def shards(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("store") / "shards"
    striate.pack(photos, place)
    return place


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("s3://bucket/shards", "s3://bucket/shards"),
        (Path("s3://bucket/a b/"), "s3://bucket/a b"),
        (Path("https://host/shards"), "https://host/shards"),
        ("file:///data/shards", "file:///data/shards"),
        (Path("file:///data/shards"), "file:///data/shards"),
        ("photos", None),
        ("/photos/s3:", None),
        ("C:photos", None),
        ("", None),
    ],
)
def test_an_address_is_told_from_a_path(given: str | Path, meant: str | None):
    assert remote_address(given) == meant


def test_a_folder_that_is_called_like_an_address_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:" / "cats").mkdir(parents=True)
    assert remote_address("s3://cats") is None


def test_a_run_from_an_address_is_the_run_from_the_folder(
    photos: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The cache is empty each time, so that every image is read from where it is."""
    runs: list[striate.Run] = []
    for number, place in enumerate((photos, f"file://{shards}", Path(f"file://{shards}"))):
        monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / f"cache{number}"))
        if number == 2:
            monkeypatch.setenv("STRIATE_CACHE_GB", "0.00001")
        runs.append(striate.train(place, out=tmp_path / str(number), **QUICK))
    assert len({run.epochs()[-1].weights for run in runs}) == 1
    assert json.loads(runs[2].options_file.read_text())["data"] == f"file://{shards}"
    notes = [event["text"] for event in runs[2].events() if event["event"] == "Note"]
    assert any("streamed" in note for note in notes), notes
    assert striate.verify(runs[2].folder).same
    one, other = (
        [found.top for found in striate.predict(runs[0].model_file, place)]
        for place in (shards, f"file://{shards}")
    )
    assert one == other


def test_check_names_the_address_as_it_is(shards: Path):
    told = str(striate.check(Path(f"file://{shards}")))
    assert told.startswith(f"file://{shards}: 120 images in 3 classes (shards)\n")


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (
            "file:///nothing/here",
            "file:///nothing/here/shards.json: no such file; "
            "expected a folder that `striate pack` wrote",
        ),
        ("s3://bucket/shards", "s3://bucket/shards: Install s3fs to access S3"),
        (
            "nonsense://bucket",
            "nonsense://bucket: no such kind of address; Protocol not known: nonsense",
        ),
    ],
)
def test_an_address_that_gives_nothing_is_refused_in_a_sentence(place: str, sentence: str):
    with pytest.raises(DataError) as caught:
        striate.check(place)
    assert str(caught.value) == sentence


def test_a_shard_that_is_cut_off_in_the_store_is_noticed(photos: Path, tmp_path: Path):
    striate.pack(photos, tmp_path / "shards")
    shard = tmp_path / "shards" / "shard-000000.tar"
    size = shard.stat().st_size
    with shard.open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(DataError) as caught:
        striate.check(f"file://{tmp_path}/shards")
    assert str(caught.value) == (
        f"file://{shard}: cut off: 5,000 bytes where {size:,} were packed; "
        "copy it again, or pack the images anew"
    )


def test_a_shard_that_vanishes_from_the_store_ends_a_streamed_run_that_can_be_resumed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRIATE_CACHE_GB", "0.00001")
    striate.pack(photos, tmp_path / "shards")
    shard, away = tmp_path / "shards" / "shard-000000.tar", tmp_path / "away"
    events = striate.stream(f"file://{tmp_path}/shards", out=tmp_path / "run", **ASKED)
    next(event for event in events if type(event).__name__ == "Epoch")
    shard.rename(away)
    with pytest.raises(DataError, match="since the run began; put it back"):
        list(events)
    away.rename(shard)
    assert striate.train(resume=tmp_path / "run", progress=False).finished
