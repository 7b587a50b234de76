"""A run is the same to the last bit from a folder or from shards, with or without the cache."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

import striate
from striate.errors import DataError
from striate.training.events import Note, Step
from striate.training.run import Run

QUICK = {"epochs": 3, "batch": 16, "threads": 1, "seed": 3, "progress": False}


@pytest.fixture(scope="module")
def shards(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("packed") / "shards"
    striate.pack(photos, place, megabytes=1)
    return place


@pytest.fixture(scope="module")
def weights(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of every epoch of a run from the folder, with the cache."""
    return hashes(striate.train(photos, out=tmp_path_factory.mktemp("runs") / "run", **QUICK))


def hashes(run: Run) -> list[str]:
    return [epoch.weights for epoch in run.epochs()]


@pytest.fixture
def no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "own cache"))
    monkeypatch.setenv("STRIATE_CACHE_GB", "0.00001")


def test_a_run_from_shards_is_the_run_from_the_folder(
    shards: Path, weights: list[str], tmp_path: Path
):
    run = striate.train(shards, out=tmp_path / "run", **QUICK)
    assert hashes(run) == weights


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("source", ["photos", "shards"])
def test_a_streamed_run_is_the_run_with_the_cache(
    source: str, weights: list[str], tmp_path: Path, request: pytest.FixtureRequest
):
    place = request.getfixturevalue(source)
    options = {name: value for name, value in QUICK.items() if name != "progress"}
    events = list(striate.stream(place, out=tmp_path / "run", **options))
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes == [
        "123 kB of decoded images do not fit into a cache of 10.0 kB; images are streamed: "
        "decoded from their files whenever they are needed"
    ]
    run = Run.open(tmp_path / "run")
    assert hashes(run) == weights
    assert all(0 < epoch.waiting < 1 for epoch in run.epochs())
    assert run.report_file.is_file()


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("options", [{"balance": "sampling"}, {"augment_params": "mixup=0.4"}])
def test_every_way_of_making_batches_can_stream(
    options: dict[str, str], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    streamed = striate.train(photos, out=tmp_path / "streamed", **QUICK, **options)
    monkeypatch.delenv("STRIATE_CACHE_GB")
    cached = striate.train(photos, out=tmp_path / "cached", **QUICK, **options)
    assert hashes(streamed) == hashes(cached)


@pytest.mark.usefixtures("no_room")
def test_an_image_that_vanishes_stops_a_streamed_run_which_then_goes_on(
    photos: Path, weights: list[str], tmp_path: Path
):
    mine = shutil.copytree(photos, tmp_path / "photos")
    options = {name: value for name, value in QUICK.items() if name != "progress"}
    events = striate.stream(mine, out=tmp_path / "run", **options)
    gone: list[Path] = []
    said = ""
    try:
        for event in events:
            if isinstance(event, Step) and event.epoch == 2 and not gone:
                gone = sorted(mine.glob("slanted/*.png"))
                for file in gone:
                    file.rename(file.with_suffix(".away"))
    except DataError as error:
        said = str(error)
    assert gone
    assert said.startswith("slanted/")
    assert said.endswith(
        ".png: unreadable (no such file or directory) since the run began; put it back as it "
        "was and resume, or train anew"
    )
    for file in gone:
        file.with_suffix(".away").rename(file)
    run = striate.train(resume=tmp_path / "run", progress=False)
    assert hashes(run) == weights


@pytest.mark.usefixtures("no_room")
def test_a_streamed_run_that_was_stopped_goes_on_to_the_same_weights(
    shards: Path, weights: list[str], tmp_path: Path
):
    options = {name: value for name, value in QUICK.items() if name != "progress"}
    for event in striate.stream(shards, out=tmp_path / "run", **options):
        if isinstance(event, Step) and event.epoch == 2:
            signal.raise_signal(signal.SIGTERM)
    run = striate.train(resume=tmp_path / "run", progress=False)
    assert hashes(run) == weights


def test_a_run_begun_on_a_folder_can_go_on_from_its_shards(
    photos: Path, shards: Path, weights: list[str], tmp_path: Path
):
    options = {name: value for name, value in QUICK.items() if name != "progress"}
    for event in striate.stream(photos, out=tmp_path / "run", **options):
        if isinstance(event, Step) and event.epoch == 2:
            signal.raise_signal(signal.SIGTERM)
    run = striate.train(shards, resume=tmp_path / "run", progress=False)
    assert hashes(run) == weights


@pytest.mark.usefixtures("no_room")
def test_streamed_images_are_judged_and_told_as_others(
    photos: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = striate.train(shards, out=tmp_path / "run", **QUICK)
    streamed = striate.evaluate(run.model_file, shards, out=tmp_path / "report.html")
    assert striate.verify(run.folder).same
    monkeypatch.delenv("STRIATE_CACHE_GB")
    again = striate.evaluate(run.model_file, photos).to_json()
    assert again.pop("test_opened") == 3
    assert again == {key: value for key, value in streamed.to_json().items() if key in again}


def test_shards_are_predicted_as_their_folder(photos: Path, shards: Path, tmp_path: Path):
    run = striate.train(photos, out=tmp_path / "run", **QUICK)
    folder, decoded = (striate.predict(run.model_file, place) for place in (photos, shards))
    assert len(decoded) == 120
    found = {row.path.removeprefix(f"{shards}/"): row.top for row in decoded}
    assert found == {row.path.removeprefix(f"{photos}/"): row.top for row in folder}
