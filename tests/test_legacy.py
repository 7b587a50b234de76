"""Model files and run folders that were written under earlier names are read as today's are.

The files of `fixtures/format1` were written by the last version that had those names. Later ones
named classes and accuracies, each under a key of its own.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import striate
from striate import legacy, tensorfile
from striate.cli import main
from striate.data.listing.target_spec import TargetSpec
from striate.errors import StorageError
from striate.input_description import from_json
from striate.model_file import save
from striate.tasks.classification.task import ACCURACY
from striate.training.checkpoint import TrainState, read
from striate.training.events import Epoch, Started, Step, to_json
from tests.cpu import AMX

made_elsewhere = pytest.mark.skipif(
    AMX, reason="the run was made on a CPU without AMX, whose kernels round otherwise"
)
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


@made_elsewhere
def test_a_run_of_before_is_verified():
    assert main(["verify", "finished"]) == 0


@made_elsewhere
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


EPOCH = {
    "epoch": 2, "train_loss": 0.5, "train_accuracy": 0.75, "validation_loss": 0.6,
    "validation_accuracy": 0.7, "learning_rate": 0.1, "images_per_second": 900.0, "seconds": 7.5,
    "best": True, "waiting": 0.25, "weights": "ab",
}  # fmt: skip


def test_accuracies_of_before_are_figures_of_an_epoch():
    found = from_json(Epoch, legacy.upgrade_event(EPOCH))
    assert (found.train, found.validation) == ({"accuracy": 0.75}, {"accuracy": 0.7})
    assert (found.validation_accuracy, found.validation_loss, found.weights) == (0.7, 0.6, "ab")
    now = to_json(found)
    assert legacy.upgrade_event(now) == now


def test_the_accuracy_of_a_step_of_before_is_its_figure():
    before = {
        "epoch": 1, "step": 5, "loss": 0.7, "accuracy": 0.5, "learning_rate": 0.1,
        "images_per_second": 900.0, "waiting": 0.0, "progress": 0.2, "remaining": 30.0,
    }  # fmt: skip
    assert from_json(Step, legacy.upgrade_event(before)).train == {"accuracy": 0.5}


def test_a_start_of_before_is_one_of_classification():
    before = {
        "folder": "runs/a", "network": "lenet5", "params": 61_706, "classes": 1000,
        "images": {"train": 70}, "left_out": 0, "size": 32, "epochs": 12, "minutes": None,
        "steps": 35, "batch": 8, "device": "cpu", "threads": 2, "execution": "float32",
        "speedup": None, "epoch": 1,
    }  # fmt: skip
    found = from_json(Started, legacy.upgrade_event(before))
    task, targets = "classification", "1,000 classes"
    assert (found.task, found.targets, found.figure) == (task, targets, ACCURACY)


@pytest.mark.parametrize(
    ("best_accuracy", "best"), [(0.7, {"accuracy": 0.7}), (0.0, {"accuracy": 0.0}), (-1.0, {})]
)
def test_a_state_of_before_knows_its_sums_and_its_best(
    best_accuracy: float, best: dict[str, float], tmp_path: Path
):
    before = {
        "epoch": 2, "step": 3, "loss_sum": 12.5, "correct": 17, "seen": 24, "best_epoch": 2,
        "best_accuracy": best_accuracy, "best_loss": 0.6, "last_epoch": EPOCH,
    }  # fmt: skip
    path = tmp_path / "last.safetensors"
    tensorfile.write(path, {}, {"format": 2, "state": before})
    _, found = read(path)
    assert (found.sums, found.best, found.best_loss) == ({"correct": [17]}, best, 0.6)
    assert (found.loss_sum, found.seen, found.step) == (12.5, 24, 3)
    assert found.last_epoch == from_json(Epoch, legacy.upgrade_event(EPOCH))
    found.add({"correct": np.array([3])})
    assert found.sums == {"correct": [20]}


def test_a_state_of_before_that_is_none_is_refused(tmp_path: Path):
    path = tmp_path / "last.safetensors"
    for name in ("correct", "best_accuracy"):
        tensorfile.write(path, {}, {"format": 2, "state": {name: "many"}})
        with pytest.raises(StorageError, match="not a checkpoint of this run: "):
            read(path)


def test_a_state_of_today_is_left_as_it_is():
    state = asdict(TrainState(sums={"correct": [5]}, best={"accuracy": 0.5}, best_epoch=1))
    assert legacy.upgrade_state(state) == state


def test_a_model_file_that_says_class_names_is_read(tmp_path: Path):
    """As format 2 was written at first."""
    description, tensors = tensorfile.read(Path("finished/model.safetensors"))
    before = legacy.upgrade_model(description) | {"format": 2}
    names = before.pop("targets")["names"]
    path = tmp_path / "before.safetensors"
    tensorfile.write(path, tensors, before | {"class_names": names})
    model = striate.load(path)
    assert (model.class_names, model.task.name) == (tuple(names), "classification")
    assert model.task.spec == TargetSpec("label", tuple(names))
    save(model, path)
    description, _ = tensorfile.read(path)
    assert description["targets"] == {"kind": "label", "names": names, "constants": {}}
    assert "class_names" not in description
