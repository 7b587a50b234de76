"""What decides how a network learns does so, and a stopped run goes on with it bit for bit."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import striate
from striate import tensorfile
from striate.layers import AuxOutputs
from striate.optim import schedule
from striate.tasks.classification import task as classification
from striate.training.events import Epoch, Note, Step, Stopped
from striate.training.run import Run

QUICK: dict[str, Any] = {"epochs": 3, "batch": 16, "threads": 1, "seed": 3}
STILL = 1e-30  #: a rate that changes no weight


def tensors(run: Run) -> dict[str, torch.Tensor]:
    return tensorfile.read(run.checkpoints / "last.safetensors")[1]


def under(prefix: str, found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {n.removeprefix(prefix): t for n, t in found.items() if n.startswith(prefix)}


def differing(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    assert one.keys() == other.keys()
    return {name for name in one if not torch.equal(one[name], other[name])}


@pytest.mark.parametrize(
    ("asked", "recorded"),
    [
        ({}, {"momentum": 0.9, "betas": None, "eps": None}),
        ({"momentum": "0.5"}, {"momentum": 0.5, "betas": None, "eps": None}),
        ({"optimizer": "lamb"}, {"momentum": None, "betas": [0.9, 0.999], "eps": 1e-6}),
        (
            {"optimizer": "muon", "betas": (0.8, 0.9)},
            {"momentum": 0.95, "betas": [0.8, 0.9], "eps": 1e-8},
        ),
    ],
    ids=["usual", "momentum", "lamb", "muon"],
)
def test_what_tunes_the_optimizer_is_recorded_and_given_or_its_usual_value(
    photos: Path, tmp_path: Path, asked: dict[str, Any], recorded: dict[str, Any]
):
    run = striate.train(photos, out=tmp_path, progress=False, **{**QUICK, "epochs": 1}, **asked)
    options = run.read_json("options.json")
    assert {name: options[name] for name in recorded} == recorded
    assert striate.verify(run.folder).same


#: the optimizer's name -> options of a training that is stopped
STOPPED: dict[str, dict[str, Any]] = {
    "muon": {"accumulate": 4, "clip_grad": 1.0, "ema": 0.9, "network": "resnet20", "size": 16},
    "lamb": {"schedule": "plateau", "warmup": 0.1, "balance": "sampling"},
    "adagrad": {"accumulate": 3, "balance": "weights", "label_smoothing": 0.1},
    "rmsprop": {"momentum": 0.8, "eps": 1e-3},
    "adamw": {"betas": "0.7,0.95", "eps": 1e-4},
}


@pytest.fixture(scope="module", params=STOPPED)
def unstopped(
    photos: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[dict[str, Any], Run]:
    """Options, and the run that nothing stopped."""
    options = {**QUICK, "optimizer": request.param, **STOPPED[request.param]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "PLATEAU", 1)
        out = tmp_path_factory.mktemp("whole")
        return options, striate.train(photos, out=out, progress=False, **options)


@pytest.mark.parametrize("stop_at", [(1, 2), (2, 3), (3, 1)])
def test_a_stopped_run_goes_on_bit_for_bit(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unstopped: tuple[dict[str, Any], Run],
    stop_at: tuple[int, int],
):
    options, whole = unstopped
    monkeypatch.setattr(schedule, "PLATEAU", 1)
    event = None
    for event in striate.stream(photos, out=tmp_path / "stopped", **options):
        if isinstance(event, Step) and (event.epoch, event.step) == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
    assert isinstance(event, Stopped)
    resumed = striate.train(resume=event.folder, progress=False)
    assert differing(tensors(resumed), tensors(whole)) == set()
    kept = (tensorfile.read(run.model_file)[1] for run in (resumed, whole))
    assert differing(*kept) == set()
    for one, other in zip(resumed.epochs(), whole.epochs(), strict=True):
        assert (one.train_loss, one.validation_loss) == (other.train_loss, other.validation_loss)
        assert one.learning_rate == other.learning_rate


def test_steps_that_wait_for_an_update_are_one_large_step(photos: Path, tmp_path: Path):
    options = {**QUICK, "augment": "none", "learning_rate": 0.05, "schedule": "constant"}
    run = striate.train(photos, out=tmp_path / "one", progress=False, **{**options, "batch": 4096})
    images = run.read_json("data_report.json")["images"]["train"]
    parts = next(number for number in (2, 3, 5, 7, 11) if images % number == 0)
    options |= {"batch": images // parts, "accumulate": parts}
    split = striate.train(photos, out=tmp_path / "split", progress=False, **options)
    wholes, splits = under("network.", tensors(run)), under("network.", tensors(split))
    for name, tensor in wholes.items():
        torch.testing.assert_close(splits[name], tensor, rtol=1e-4, atol=1e-6)
    assert split.epochs()[0].learning_rate == run.epochs()[0].learning_rate


def test_the_last_steps_of_an_epoch_are_an_update_as_well(photos: Path, tmp_path: Path):
    options = {**QUICK, "accumulate": 4, "ema": 0.9}
    events = list(striate.stream(photos, out=tmp_path / "run", **options))
    steps = max(event.step for event in events if isinstance(event, Step))
    assert steps % 4
    found = tensors(Run.open(tmp_path / "run"))
    assert found["ema.updates"] == 3 * (steps // 4 + 1)
    assert not [name for name in found if name.endswith(".gradient")]


def test_more_steps_to_an_update_take_a_higher_rate(photos: Path, tmp_path: Path):
    options = {**QUICK, "epochs": 1, "accumulate": 3}
    run = striate.train(photos, out=tmp_path / "run", progress=False, **options)
    assert run.read_json("options.json")["learning_rate"] == pytest.approx(
        0.1 * (3 * 16 / 128) ** 0.5
    )


def test_gradients_are_clipped(photos: Path, tmp_path: Path):
    options = {**QUICK, "epochs": 1, "weight_decay": 0}
    free = striate.train(photos, out=tmp_path / "free", progress=False, **options)
    still = striate.train(photos, out=tmp_path / "clip", progress=False, clip_grad=1e-30, **options)
    assert abs(free.epochs()[0].train_loss - still.epochs()[0].train_loss) > 1e-3
    momenta = [t for name, t in tensors(still).items() if name.endswith(".momentum")]
    assert momenta
    assert all(tensor.abs().max() < 1e-29 for tensor in momenta)


def test_the_average_is_what_is_validated_and_kept(photos: Path, tmp_path: Path):
    options = {**QUICK, "network": "resnet20", "ema": 0.5, "precision": "float32"}
    options["learning_rate"] = 0.01
    best: dict[str, torch.Tensor] = {}
    for event in striate.stream(photos, out=tmp_path / "run", **options):
        if isinstance(event, Epoch) and event.best:
            best = tensors(Run.open(tmp_path / "run"))
    run = Run.open(tmp_path / "run")
    average, network = under("ema.", best), under("network.", best)
    kept = tensorfile.read(run.model_file)[1]
    assert average.pop("updates") > 0
    assert differing(kept, average) == set()
    assert len(differing(kept, network)) > 60
    judged = striate.evaluate(run.model_file, photos, split="validation")
    told = next(epoch for epoch in reversed(run.epochs()) if epoch.best)
    assert judged.log_loss == pytest.approx(told.validation_loss, rel=1e-5)


def test_a_training_without_progress_stops_after_its_patience(photos: Path, tmp_path: Path):
    options = {**QUICK, "epochs": 20, "learning_rate": STILL, "patience": 2}
    events = list(striate.stream(photos, out=tmp_path / "run", **options))
    assert events[-2] == Note(
        "stopped early: no epoch was better on validation than epoch 1 for 2 epochs"
    )
    assert len(Run.open(tmp_path / "run").epochs()) == 3
    again = list(striate.stream(resume=tmp_path / "run"))
    assert not any(isinstance(event, Step) for event in again)


def test_the_rate_falls_at_a_plateau(photos: Path, tmp_path: Path):
    options = {**QUICK, "epochs": 12, "learning_rate": STILL, "schedule": "plateau"}
    run = striate.train(photos, out=tmp_path / "run", progress=False, **options)
    rates = [epoch.learning_rate for epoch in run.epochs()]
    assert rates == [STILL] * 6 + [STILL / 10] * 5 + [STILL / 100]


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_a_class_of_few_images_counts_as_much_as_the_others(
    photos: Path, tmp_path: Path, balance: str
):
    here = tmp_path / "photos"
    shutil.copytree(photos, here)
    for number in range(6, 40):
        (here / "flat" / f"{number:02}.png").unlink()
    options = {**QUICK, "epochs": 12, "batch": 8, "learning_rate": 0.02, "validation": 0.3}

    def asked_for_flat(**more: str) -> float:
        out = tmp_path / more.get("balance", "none")
        run = striate.train(here, out=out, progress=False, **options, **more)
        judged = striate.evaluate(run.model_file, photos, split="all")
        return sum(row[0] for row in judged.confusion)

    assert asked_for_flat(balance=balance) > asked_for_flat()


def test_weighted_losses_are_those_of_images_that_come_as_often():
    torch.manual_seed(0)
    logits, targets = torch.randn(4, 3), torch.tensor([0, 2, 2, 1])
    weights = torch.tensor([2.0, 1.0, 0.6])
    each = F.cross_entropy(logits, targets, reduction="none")
    expected = (weights[targets] * each).sum() / 4
    torch.testing.assert_close(classification.loss(logits, targets, weights=weights), expected)
    both = classification.loss(AuxOutputs(logits, (logits,), 0.3), targets, weights=weights)
    torch.testing.assert_close(both, 1.3 * expected)
