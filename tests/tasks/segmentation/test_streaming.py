"""A run on masks is the same to the last bit where images and masks are streamed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.errors import DataError
from striate.training.events import Epoch, Note, Step
from striate.training.run import Run
from tests.tasks.segmentation.scenes import WIDE, write_scenes
from tests.tasks.segmentation.test_runs import OPTIONS
from tests.training import forks

QUICK = {**OPTIONS, "epochs": 2, "augment_params": "cutmix=0.5,hflip=yes,rotate=20"}


@contextmanager
def no_room(place: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(place / "own cache"))
        patch.setenv("STRIATE_CACHE_GB", "0.00001")
        yield


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return write_scenes(tmp_path / "scenes")


@pytest.fixture
def weights(scenes: Path, tmp_path: Path) -> list[str]:
    """Of every epoch of a run with the cache."""
    return hashes(striate.train(scenes, out=tmp_path / "cached", **QUICK))


def hashes(run: Run) -> list[str]:
    return [epoch.weights for epoch in run.epochs()]


def test_a_streamed_run_on_masks_is_the_run_with_the_cache(
    scenes: Path, weights: list[str], tmp_path: Path
):
    steps = {
        name: value for name, value in QUICK.items() if name not in ("learning_rate", "epochs")
    }
    expected = striate.find_rate(scenes, steps=10, **steps).losses
    with no_room(tmp_path):
        events = list(striate.stream(scenes, out=tmp_path / "run", **QUICK))
        run = Run.open(tmp_path / "run")
        assert striate.verify(run.folder).same
        judged = striate.evaluate(run.folder, scenes, split="all", out=tmp_path / "page.html")
        assert striate.find_rate(scenes, steps=10, **steps).losses == expected
    assert [event.text for event in events if isinstance(event, Note)] == [
        "98.3 kB of decoded images do not fit into a cache of 10.0 kB; images are streamed: "
        "decoded from their files whenever they are needed"
    ]
    assert hashes(run) == weights
    assert run.report_file.is_file()
    cached = striate.evaluate(tmp_path / "cached", scenes, split="all")
    assert np.array_equal(judged.confusion, cached.confusion)


def test_a_mask_that_changes_stops_a_streamed_run_which_then_goes_on(
    scenes: Path, weights: list[str], tmp_path: Path
):
    kept: dict[Path, bytes] = {}
    said = ""
    with no_room(tmp_path):
        try:
            for event in striate.stream(scenes, out=tmp_path / "run", **QUICK):
                if isinstance(event, Epoch) and not kept:
                    kept = {file: file.read_bytes() for file in (scenes / "masks").iterdir()}
                    for file in kept:
                        Image.new("L", (WIDE, 36)).save(file)
        except DataError as error:
            said = str(error)
        assert said.startswith("masks/")
        assert said.partition(".png")[2] == (
            ": changed since the run began; put it back as it was and resume, or train anew"
        )
        for file, data in kept.items():
            file.write_bytes(data)
        run = striate.train(resume=tmp_path / "run", progress=False)
    assert hashes(run) == weights


def test_a_streamed_run_on_masks_that_was_stopped_goes_on_to_the_same_weights(
    scenes: Path, weights: list[str], tmp_path: Path
):
    with no_room(tmp_path):
        for event in striate.stream(scenes, out=tmp_path / "run", **QUICK):
            if isinstance(event, Step) and event.epoch == 2:
                signal.raise_signal(signal.SIGTERM)
        assert len(Run.open(tmp_path / "run").epochs()) == 1
        run = striate.train(resume=tmp_path / "run", progress=False)
    assert hashes(run) == weights


def test_processes_stream_the_masks_of_their_share(scenes: Path, tmp_path: Path):
    cached, streamed = tmp_path / "cached", tmp_path / "streamed"
    assert forks.together(2, lambda _: forks.train(scenes, cached, QUICK)) == [0, 0]
    with no_room(tmp_path):
        assert forks.together(2, lambda _: forks.train(scenes, streamed, QUICK)) == [0, 0]
    assert not list((tmp_path / "own cache").rglob("pixels.npy"))
    assert hashes(Run.open(streamed)) == hashes(Run.open(cached))
