"""Model files and run folders that were written under earlier names are read as today's are.

The files of `fixtures/format1` were written by the last version that had those names.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import striate
from striate import legacy
from striate.cli import main
from striate.training.events import Epoch

FIXTURES = Path(__file__).parent / "fixtures" / "format1"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(FIXTURES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_file_of_before_predicts():
    model = striate.load("finished/model.safetensors")
    assert (model.network_name, model.preprocess.std) == (
        "locally_connected",
        (0.24169377214411808,),
    )
    assert (model.fractions.validation, model.fractions.test) == (0.15, 0.15)
    evaluation = striate.evaluate("finished", "images.npz", split="test")
    before = json.loads(Path("finished/evaluation.json").read_text())
    assert evaluation.accuracy.value == before["accuracy"]["value"]
    assert evaluation.log_loss == pytest.approx(before["log_loss"], abs=1e-5)


def test_a_run_of_before_tells_its_epochs_and_images():
    run = striate.Run.open("finished")
    assert [epoch.epoch for epoch in run.epochs()] == [1, 2, 3]
    assert all(isinstance(epoch, Epoch) and epoch.images_per_second > 0 for epoch in run.epochs())
    assert {sample["split"] for sample in run.samples()} == {"train", "validation", "test"}
    assert "finished, 3 epochs" in repr(run)


def test_a_run_of_before_is_verified():
    assert main(["verify", "finished"]) == 0


def test_a_run_of_before_goes_on_and_its_steps_are_those_it_would_have_taken(
    capsys: pytest.CaptureFixture[str],
):
    assert main(["train", "--resume", "stopped"]) == 0
    stopped, finished = striate.Run.open("stopped"), striate.Run.open("finished")
    assert stopped.finished
    assert [epoch.weights for epoch in stopped.epochs()] == [
        epoch.weights for epoch in finished.epochs()
    ]
    capsys.readouterr()


def test_options_get_todays_names_choices_and_ranges():
    before = json.loads(Path("stopped/options.json").read_text())
    now = legacy.upgrade_options(before)
    assert {key: now[key] for key in now if now[key] != before.get(key)} == {
        "data": "images.npz",
        "optimizer": "adamw",
        "color": "gray",
        "warmup": 0.0,
        "clip_grad": 5.0,
        "ema": 0.9,
        "label_smoothing": 0.0,
        "augment_params": "rotate=10,translate=0.1,hflip=no",
        "memory_format": "channels-last",
        "micro_batches": 1,
        "autotune": "no",
        "batch_norm": "synchronized",
    }
    assert legacy.upgrade_options(now) == now
