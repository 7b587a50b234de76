"""A training that diverges goes back an epoch, once, if asked; stops and resumes change nothing."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

import striate
from striate import tensorfile
from striate.errors import DivergedError
from striate.optim import schedule
from striate.training import loop
from striate.training.events import Epoch, Note, Step, Stopped
from striate.training.run import Run

OPTIONS: dict[str, Any] = {
    "epochs": 4, "batch": 16, "threads": 1, "seed": 3, "recover": True, "schedule": "constant",
    "learning_rate": 0.02, "optimizer": "nesterov",
}  # fmt: skip
usual = schedule.learning_rate


def leaps(at: float, above: float):
    """A rate much too high from a share of the training on, if the peak is above another."""
    return lambda peak, p, *more: 1e30 if p > at and peak > above else usual(peak, p, *more)


@pytest.fixture
def leaping(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loop.schedule, "learning_rate", leaps(0.6, 0.01))


def last(run: Run) -> dict[str, list[float]]:
    found = tensorfile.read(run.checkpoints / "last.safetensors")[1]
    return {name: tensor.tolist() for name, tensor in found.items()}


def test_a_training_goes_back_an_epoch_and_on_at_a_tenth_of_the_rate(
    photos: Path, tmp_path: Path, leaping: None
):
    events = list(striate.stream(photos, out=tmp_path / "run", **OPTIONS))
    (note,) = [event.text for event in events if isinstance(event, Note)]
    assert re.fullmatch(
        r"training diverged in epoch 3 at step 5: the loss is \S+ at a learning rate of 1e\+30; "
        r"the output of \S+ (reaches \S+|is not finite, with weights up to \S+); "
        r"likely cause: that rate; back to the end of epoch 2, once, and on with a tenth of the "
        r"rate",
        note,
    )
    epochs = [event for event in events if isinstance(event, Epoch)]
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert [epoch.learning_rate for epoch in epochs] == [0.02, 0.02, 0.002, 0.002]
    steps = [(event.epoch, event.step) for event in events if isinstance(event, Step)]
    assert steps.count((3, 1)) == 2
    assert steps.count((2, 1)) == steps.count((4, 1)) == 1


def test_a_training_that_diverges_in_its_first_epoch_goes_back_to_the_start(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loop.schedule, "learning_rate", leaps(0.1, 0.01))
    events = list(striate.stream(photos, out=tmp_path / "run", **OPTIONS))
    (note,) = [event.text for event in events if isinstance(event, Note)]
    assert note.endswith("back to the start, once, and on with a tenth of the rate")
    monkeypatch.setattr(loop.schedule, "learning_rate", usual)
    options = {**OPTIONS, "learning_rate": 0.002}
    slow = striate.train(photos, out=tmp_path / "slow", progress=False, **options)
    assert last(Run.open(tmp_path / "run")) == last(slow)


def test_a_second_divergence_ends_the_training(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loop.schedule, "learning_rate", leaps(0.6, 0))
    with pytest.raises(DivergedError) as caught:
        striate.train(photos, out=tmp_path / "run", progress=False, **OPTIONS)
    assert caught.value.exit_code == 6
    assert f"{tmp_path}/run/model.safetensors keeps epoch" in str(caught.value)
    assert str(caught.value).endswith("; try --learning-rate 0.0002")
    notes = [event for event in Run.open(tmp_path / "run").events() if event["event"] == "Note"]
    assert len(notes) == 1
    for name, tensor in tensorfile.read(tmp_path / "run" / "model.safetensors")[1].items():
        assert tensor.isfinite().all(), name


def test_who_does_not_ask_does_not_go_back(photos: Path, tmp_path: Path, leaping: None):
    options = {**OPTIONS, "recover": False}
    with pytest.raises(DivergedError):
        striate.train(photos, out=tmp_path / "run", progress=False, **options)
    assert not (tmp_path / "run" / "checkpoints" / "epoch.safetensors").exists()


@pytest.fixture(scope="module", params=[None, 0.9], ids=["plain", "ema"])
def unstopped(
    photos: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[dict[str, Any], Run]:
    """Options, and the run that went back and that nothing stopped."""
    options = {**OPTIONS, "ema": request.param}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.schedule, "learning_rate", leaps(0.6, 0.01))
        out = tmp_path_factory.mktemp("whole")
        return options, striate.train(photos, out=out, progress=False, **options)


@pytest.mark.parametrize(
    "stop_at", [(2, 4, False), (3, 2, False), (3, 4, False), (3, 2, True), (4, 3, True)]
)
def test_a_stopped_run_recovers_to_the_weights_of_an_unstopped_one(
    photos: Path,
    tmp_path: Path,
    leaping: None,
    unstopped: tuple[dict[str, Any], Run],
    stop_at: tuple[int, int, bool],
):
    """Also where it stops in the epoch that diverges, before or after going back."""
    options, whole = unstopped
    event, back = None, False
    for event in striate.stream(photos, out=tmp_path / "stopped", **options):
        back |= isinstance(event, Note)
        if isinstance(event, Step) and (event.epoch, event.step, back) == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
    assert isinstance(event, Stopped)
    resumed = striate.train(resume=event.folder, progress=False)
    assert last(resumed) == last(whole)
    for one, other in zip(resumed.epochs(), whole.epochs(), strict=True):
        assert (one.weights, one.train_loss) == (other.weights, other.train_loss)


def test_a_run_that_recovered_can_be_verified(photos: Path, tmp_path: Path, leaping: None):
    run = striate.train(photos, out=tmp_path / "run", progress=False, **OPTIONS)
    replay = striate.verify(run.folder)
    assert (replay.same, replay.epoch, replay.first) == (True, 4, 0)
