"""A run folder in which a file is damaged: a sentence that names it, or the run goes on without."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

import striate
from striate import tensorfile
from striate.cli import main
from striate.errors import StorageError
from striate.evaluation.doubts import Doubts
from striate.progress import Progress
from striate.training.events import Note
from striate.training.run import Run
from striate.verbs import judging
from tests.damage import DAMAGES, undo, without_privileges
from tests.training.test_training import weights

QUICK = {"epochs": 2, "batch": 16, "threads": 1, "seed": 3, "learning_rate": 0.1}
NEEDED = {"options.json", "pictures.jsonl"}  #: no run goes on without them
FILES = (
    *("options.json", "pictures.jsonl", "events.jsonl", "environment.json", "data_report.json"),
    *("evaluation.json", "report.html", "model.safetensors", "lock", "job.json"),
    *(f"checkpoints/{name}.safetensors" for name in ("last", "previous")),
)


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    run = striate.train(photos, out=out, progress=False, **QUICK)
    run.write_json(run.job_file.name, {"job": "a", "data": "b", "asked": {}})
    return out


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def told(argv: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a command and what it says, which is never that striate has a bug."""
    with without_privileges():
        code = main(argv)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert code != 70, err
    return code, err


@pytest.fixture
def _images_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes most of the time of a report and reads none of a run's files."""

    def find_doubts(*_: object) -> Generator[Progress, None, Doubts]:
        yield Progress(0, 0, "images")
        return Doubts()

    monkeypatch.setattr(judging, "find_doubts", find_doubts)


@pytest.mark.usefixtures("_images_not_judged")
@pytest.mark.parametrize("name", FILES)
def test_whatever_happens_to_a_file_of_a_run_there_is_a_sentence_or_an_answer(
    name: str, whole: Path, run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
):
    for what, damage in DAMAGES.items():
        for argv in (
            ["train", "--resume", str(run), "--json"],
            ["verify", str(run)],
            ["evaluate", str(run), str(photos), "--out", str(run / "page.html")],
        ):
            undo(run / name, whole / name)
            damage(run / name)
            code, said = told(argv, capsys)
            assert code in (0, 2, 4, 7), (what, argv[0], said)
            errors = [line for line in said.splitlines() if line.startswith("striate: error")]
            assert len(errors) == (code != 0), (what, argv[0], said)
            assert all(str(run) in error for error in errors), (what, argv[0], said)


def resumed(run: Path) -> list[str]:
    """Go on to the end; what is noted on the way."""
    return [event.text for event in striate.stream(resume=run) if isinstance(event, Note)]


def test_a_damaged_last_checkpoint_costs_the_steps_since_the_one_before(run: Path, whole: Path):
    DAMAGES["cut"](run / "checkpoints/last.safetensors")
    assert resumed(run) == [
        f"resumed from the checkpoint before the last: {run}/checkpoints/last.safetensors: not a "
        "checkpoint of this run: damaged: its bytes do not match the SHA-256 recorded in it"
    ]
    for name in ("checkpoints/last.safetensors", "model.safetensors"):
        assert weights(run / name) == weights(whole / name)


def test_where_both_checkpoints_are_damaged_there_is_nothing_to_resume_from(run: Path):
    for name in ("last", "previous"):
        DAMAGES["empty"](run / f"checkpoints/{name}.safetensors")
    empty = "not a checkpoint of this run: 0 bytes that are not a safetensors file"
    with pytest.raises(StorageError) as caught:
        striate.train(resume=run, progress=False)
    assert str(caught.value) == (
        f"{run}: nothing to resume from: {run}/checkpoints/last.safetensors: {empty}; "
        f"{run}/checkpoints/previous.safetensors: {empty}; train anew"
    )


def test_a_damaged_model_file_is_written_again_of_the_epoch_that_was_saved_last(
    run: Path, whole: Path
):
    DAMAGES["cut"](run / "model.safetensors")
    (note,) = resumed(run)
    last = len(striate.Run(whole).epochs())
    assert note.startswith(f"the model file was written again, of epoch {last}: {run}/model.")
    _, tensors = tensorfile.read(run / "checkpoints/last.safetensors")
    found = striate.load(run / "model.safetensors").network.state_dict()
    assert all(tensors[f"network.{name}"].equal(value) for name, value in found.items())


def test_a_checkpoint_of_another_training_is_refused_by_its_tensor(run: Path, whole: Path):
    shutil.copy(whole / "model.safetensors", run / "checkpoints/last.safetensors")
    with pytest.raises(StorageError) as caught:
        striate.verify(run)
    place = f"{run}/checkpoints/last.safetensors: not a checkpoint of this run"
    assert str(caught.value) == (
        f"{place}: TrainState: input should be a dictionary or an instance of trainstate"
    )
    description, tensors = tensorfile.read(whole / "checkpoints/last.safetensors")
    tensors["network.c1.conv.bias"] = tensors["network.c1.conv.bias"][:2].clone()
    (run / "checkpoints/last.safetensors").unlink()
    tensorfile.write(run / "checkpoints/last.safetensors", tensors, description)
    with pytest.raises(StorageError) as caught:
        striate.verify(run)
    assert str(caught.value) == (
        f"{place}: it is of another training: network.c1.conv.bias is not what belongs there"
    )


def test_damaged_events_are_left_out_and_told_and_the_others_stay(run: Path, whole: Path):
    lines = (run / "events.jsonl").read_text().splitlines()
    lines[1] = lines[1][:20]
    (run / "events.jsonl").write_text("\n".join([*lines, "5"]) + "\n")
    assert Run(run).epochs() == Run(whole).epochs()
    assert resumed(run) == [
        f"2 lines of the events left out: {run}/events.jsonl: line 2: not JSON: Unterminated "
        "string starting at; put back a copy of it, or train anew"
    ]
    assert Run(run).epochs() == Run(whole).epochs()


def test_an_epoch_whose_numbers_are_none_is_left_out(run: Path):
    events = list(Run(run).events())
    (first,) = [event for event in events if event["event"] == "Epoch" and event["epoch"] == 1]
    first["train_loss"] = "much"
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    assert [epoch.epoch for epoch in Run(run).epochs()] == [2]
    assert re.search(
        r"line \d+: train_loss: input should be a valid number", str(Run(run).damage())
    )
    assert "1 epoch" in repr(Run(run))


def test_where_a_run_was_made_need_not_be_known_to_go_on(run: Path):
    DAMAGES["a number"](run / "environment.json")
    damage = f"{run}/environment.json: line 1: expected a JSON object, found a number"
    assert resumed(run) == [
        "resumed, but not bit for bit: what it ran on is not known "
        f"({damage}; put back a copy of it, or train anew)"
    ]
