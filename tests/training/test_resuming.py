"""What is killed, stopped or refused by the disk goes on as if nothing had happened; `verify`."""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import striate
from striate import storage, tensorfile
from striate.cli import main
from striate.data.cache import decode_all
from striate.errors import OptionError, StorageError
from striate.options import TrainOptions
from striate.training import checkpoint, loop
from striate.training.checkpoint import TrainState
from striate.training.events import Epoch, Note, Started, Step
from striate.training.run import Run
from tests.training.test_training import weights, without_times

QUICK = {"epochs": 4, "batch": 16, "threads": 1, "seed": 3, "learning_rate": 0.1}
EVERY_STEP = 1e-7  #: minutes
LAST = "checkpoints/last.safetensors"


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing disturbs."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    return striate.train(photos, out=out, progress=False, **QUICK)


def copied(run: Run, place: Path) -> Run:
    shutil.copytree(run.folder, place)
    return Run(place)


def assert_same(run: Run, whole: Run) -> None:
    for file in (LAST, "model.safetensors"):
        assert weights(run.folder / file) == weights(whole.folder / file)
    told = [[epoch.weights for epoch in each.epochs()] for each in (run, whole)]
    assert told[0] == told[1]


def test_a_checkpoint_with_a_number_that_is_not_finite_is_refused(
    whole: Run, tmp_path: Path
) -> None:
    description, tensors = tensorfile.read(whole.folder / LAST)
    name = next(name for name in tensors if name.endswith("weight"))
    tensors[name].flatten()[0] = float("inf")
    path = tmp_path / "last.safetensors"
    tensorfile.write(path, tensors, description)
    with pytest.raises(StorageError) as caught:
        checkpoint.read(path)
    assert str(caught.value) == f"{path}: not a checkpoint of this run: {name} is not finite"


def test_twenty_kills_change_nothing():
    """Random moments and calls that write: see tests/training/killing.py."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.killing", "--kills", "20", "--seed", "1"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["kills"], found["different"]) == (20, 0)
    assert found["identical"] == found["trainings"] >= 1


def test_checkpoints_by_the_clock_change_neither_events_nor_weights(
    photos: Path, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
):
    saved: list[int] = []
    usual = loop.checkpoint.save
    monkeypatch.setattr(
        loop.checkpoint, "save", lambda *all: (saved.append(all[1].step), usual(*all))
    )
    run = striate.train(
        photos, out=tmp_path / "run", progress=False, checkpoint_minutes=EVERY_STEP, **QUICK
    )
    steps = max(event["step"] for event in run.events() if event["event"] == "Step")
    assert saved == [*range(1, steps), 0] * QUICK["epochs"]
    assert without_times(list(run.events())) == without_times(list(whole.events()))
    assert_same(run, whole)


@pytest.mark.parametrize(
    ("asked", "saving", "pause"), [(None, 0.4, 300.0), (None, 7.0, 700.0), (0.5, 7.0, 30.0)]
)
def test_saving_takes_below_a_hundredth_of_the_time_unless_asked_to(
    asked: float | None, saving: float, pause: float
):
    recipe = SimpleNamespace(options=TrainOptions(checkpoint_minutes=asked))
    assert loop._pause(recipe, TrainState(saving_seconds=saving)) == pause


def test_how_long_saving_takes_is_measured(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usual, seen = loop.checkpoint.save, list[float]()

    def slow(*values: object) -> None:
        seen.append(values[1].saving_seconds)
        usual(*values)
        time.sleep(0.2)

    monkeypatch.setattr(loop.checkpoint, "save", slow)
    striate.train(photos, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 2})
    assert seen[0] == 0
    assert seen[1] > 0.2


@pytest.mark.parametrize("at", [(1, 2), (3, 4)])
def test_a_run_that_is_left_goes_on_from_the_step_that_was_saved(
    photos: Path, tmp_path: Path, whole: Run, at: tuple[int, int]
):
    events = striate.stream(photos, out=tmp_path / "run", checkpoint_minutes=EVERY_STEP, **QUICK)
    for event in events:
        if isinstance(event, Step) and (event.epoch, event.step) == at:
            break
    events.close()
    first = next(e for e in striate.stream(resume=tmp_path / "run") if isinstance(e, Step))
    assert (first.epoch, first.step) in (at, (at[0], at[1] + 1))
    run = striate.train(resume=tmp_path / "run", progress=False)
    assert_same(run, whole)


def test_a_run_without_a_checkpoint_begins_again(photos: Path, tmp_path: Path, whole: Run):
    events = striate.stream(photos, out=tmp_path / "run", **QUICK)
    next(event for event in events if isinstance(event, Step))
    events.close()
    assert_same(striate.train(resume=tmp_path / "run", progress=False), whole)


def test_a_run_whose_checkpoints_are_gone_does_not_begin_again(whole: Run, tmp_path: Path):
    run = copied(whole, tmp_path / "run")
    for file in run.checkpoints.iterdir():
        file.unlink()
    with pytest.raises(OptionError) as caught:
        striate.train(resume=run.folder, progress=False)
    assert str(caught.value) == (
        f"{run.folder}: nothing to resume from: no checkpoint is left; train anew"
    )


def test_an_epoch_that_was_saved_but_not_told_is_told_and_kept(whole: Run, tmp_path: Path):
    run = copied(whole, tmp_path / "run")
    lines = run.events_file.read_text().splitlines(keepends=True)
    at = max(n for n, line in enumerate(lines) if '"Epoch"' in line)
    run.events_file.write_text("".join(lines[:at]) + lines[at][:40])
    was_best = whole.epochs()[-1].best
    if was_best:
        run.model_file.unlink()
    again = striate.train(resume=run.folder, progress=False)
    assert again.epochs() == whole.epochs()
    assert [event["event"] for event in again.events()].count("Epoch") == len(whole.epochs())
    assert_same(again, whole)


def test_the_half_line_of_a_kill_harms_no_later_line(tmp_path: Path):
    run = Run(tmp_path)
    run.truncate_partial_line()
    run.events_file.write_text('{"event": "Note", "text": "one"}\n{"event": "Ep')
    run.truncate_partial_line()
    run.append_event(loop.Finished(tmp_path, 1, 1, {"accuracy": 0.5}, 2.0))
    assert [event["event"] for event in run.events()] == ["Note", "Finished"]


def test_a_finished_run_at_a_constant_rate_takes_more_epochs_as_if_from_the_start(
    photos: Path, tmp_path: Path
):
    asked = {**QUICK, "schedule": "constant", "learning_rate": 0.05}
    whole = striate.train(photos, out=tmp_path / "whole", progress=False, **asked)
    short = striate.train(photos, out=tmp_path / "run", progress=False, **{**asked, "epochs": 2})
    *_, started, note = [
        event for event in striate.stream(resume=short.folder, epochs=4)
        if isinstance(event, Note | Started)
    ][::-1]  # fmt: skip
    assert note == Note("epochs from 2 to 4: continues as if it had been so from the start")
    first, _, second = Run.open(short.folder).command().partition(" && ")
    assert shlex.split(first)[:2] == ["striate", "train"]
    assert shlex.split(second) == shlex.split(f"striate train --resume {short.folder} --epochs 4")
    assert started.epochs == 4
    assert short.read_json("options.json")["epochs"] == 4
    assert short.finished
    assert_same(short, whole)
    assert (short.folder / "report.html").exists()


def test_more_epochs_stretch_the_schedule_and_a_stop_in_them_changes_nothing(
    whole: Run, tmp_path: Path
):
    longer, stopped = (copied(whole, tmp_path / name) for name in ("longer", "stopped"))
    notes = [event for event in striate.stream(resume=longer.folder, epochs=6)
             if isinstance(event, Note)]  # fmt: skip
    assert notes == [
        Note(
            "epochs from 4 to 6: from here the learning rate follows one-cycle over the longer "
            "training, and is 0.0334 now; what came before followed the shorter one, so the "
            "weights will not be those of a training that was as long from the start"
        )
    ]
    events = striate.stream(resume=stopped.folder, epochs=6)
    next(event for event in events if isinstance(event, Step) and event.epoch == 6)
    events.close()
    assert not stopped.finished
    assert_same(striate.train(resume=stopped.folder, progress=False), longer)
    assert [epoch.epoch for epoch in longer.epochs()] == [1, 2, 3, 4, 5, 6]
    assert longer.epochs()[:4] == whole.epochs()
    assert striate.verify(longer.folder).same


def test_steps_of_a_shorter_training_are_not_replayed_as_those_of_a_longer(
    whole: Run, tmp_path: Path
):
    run = copied(whole, tmp_path / "run")
    events = striate.stream(resume=run.folder, epochs=6)
    next(event for event in events if isinstance(event, Step))
    events.close()
    with pytest.raises(OptionError, match="nothing to replay: no steps lie between"):
        striate.verify(run.folder)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"epochs": 3}, "epochs of a resumed run can only be raised: it has 4, but 3 came"),
        ({"minutes": 3}, "minutes of a resumed run can only be raised: it has none, but 3.0 came"),
        ({"patience": 3}, "patience of a resumed run can only be raised: it has none, but 3 came"),
        ({"epochs": 0}, "epochs must be at least 1, but 0 came"),
    ],
)
def test_a_run_is_never_made_shorter(whole: Run, asked: dict[str, int], message: str):
    before = {file: file.read_bytes() for file in whole.folder.rglob("*") if file.is_file()}
    with pytest.raises(OptionError) as caught:
        striate.train(resume=whole.folder, progress=False, **asked)
    assert str(caught.value) == message
    assert before == {file: file.read_bytes() for file in whole.folder.rglob("*") if file.is_file()}


def test_a_run_without_an_epoch_is_not_judged_and_says_how_to_go_on(photos: Path, tmp_path: Path):
    events = striate.stream(photos, out=tmp_path / "run", **QUICK)
    next(event for event in events if isinstance(event, Step))
    events.close()
    with pytest.raises(OptionError) as caught:
        striate.evaluate(tmp_path / "run", photos)
    assert str(caught.value) == (
        f"{tmp_path}/run: no epoch of this run is done yet; resume with: "
        f"striate train --resume {tmp_path}/run"
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_run_goes_on_after_the_disk_refused_a_checkpoint(
    photos: Path, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch, number: int
):
    usual, out = storage._write_through, tmp_path / "run"
    calls: list[Path] = []

    def refusing(path: Path, data: bytes) -> None:
        if path.name == "last.safetensors.partial":
            calls.append(path)
        if len(calls) == 3:
            path.write_bytes(data[:1000])
            raise OSError(number, os.strerror(number))
        usual(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "_write_through", refusing)
        with pytest.raises(StorageError) as caught:
            striate.train(photos, out=out, progress=False, **QUICK)
    said = {errno.ENOSPC: "the disk is full", errno.EROFS: "the disk is read-only"}[number]
    needed = (out / LAST).stat().st_size
    message, _, bytes_said = str(caught.value).partition("; ")
    assert message == f"{out / LAST}: {said}"
    assert abs(int(bytes_said.split()[0].replace(",", "")) - needed) < 1000
    assert not list(out.rglob("*.partial"))
    assert_same(striate.train(resume=out, progress=False), whole)


def test_a_run_goes_on_after_there_was_no_room_for_an_event(
    photos: Path, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        usual = Run.append_event

        def full(run: Run, event: object) -> None:
            if isinstance(event, Epoch) and event.epoch == 2:
                patch.setattr(os, "fsync", refuse)
            usual(run, event)

        def refuse(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(Run, "append_event", full)
        with pytest.raises(StorageError) as caught:
            striate.train(photos, out=out, progress=False, **QUICK)
    assert str(caught.value) == (f"{out}/events.jsonl: the disk is full; make room and resume")
    assert_same(striate.train(resume=out, progress=False), whole)


def test_a_training_whose_cache_cannot_be_written_says_so_and_goes_on(
    photos: Path, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "file"))
    run = striate.train(photos, out=tmp_path / "run", progress=False, **QUICK)
    (note,) = (event["text"] for event in run.events() if event["event"] == "Note")
    assert note.startswith(f"{tmp_path}/file: file exists; choose another place; for now the cache")
    assert_same(run, whole)


def test_a_second_signal_stops_at_once(photos: Path, tmp_path: Path):
    """The first is answered after the step; this step takes a minute."""
    program = """
import signal, sys, time
from striate.cli import main
from striate.training import loop

def slow(*_):
    handler = signal.getsignal(signal.SIGINT)
    print("step", file=sys.stderr, flush=True)
    while signal.getsignal(signal.SIGINT) is handler:
        time.sleep(0.01)
    print("noticed", file=sys.stderr, flush=True)
    time.sleep(60)

loop.train_step = slow
sys.exit(main(sys.argv[1:]))
"""
    command = [sys.executable, "-c", program, "train", str(photos), "--out", str(tmp_path / "run")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for word in ("step\n", "noticed\n"):
            while (line := process.stderr.readline()) != word:
                assert line, "the training has ended"
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert said.strip() == "striate: error: interrupted"


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_decoders_changes_nothing(
    photos: Path, tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch, workers: int
):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    used: list[int] = []
    usual = decode_all.run_tasks

    def answers(job: str, tasks: list, _: int, seconds: float):
        used.append(workers)
        return usual(job, tasks, workers, seconds)

    monkeypatch.setattr(decode_all, "run_tasks", answers)
    run = striate.train(photos, out=tmp_path / "run", progress=False, **QUICK)
    assert used
    assert without_times(list(run.events())) == without_times(list(whole.events()))
    assert_same(run, whole)


def test_the_last_epoch_is_had_again_to_the_last_bit(whole: Run, capsys):
    before = {file: file.read_bytes() for file in whole.folder.rglob("*") if file.is_file()}
    replay = striate.verify(whole.folder)
    steps = max(event["step"] for event in whole.events() if event["event"] == "Step")
    weights_then = whole.epochs()[-1].weights
    assert replay.same
    assert str(replay) == (
        f"{whole.folder}: steps 1 to {steps} of epoch 4 replayed: {replay.compared} "
        f"tensors and sums are the same to the last bit\nweights after step {steps}: "
        f"SHA-256 {weights_then}"
    )
    assert main(["verify", str(whole.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == replay.to_json()
    assert before == {file: file.read_bytes() for file in whole.folder.rglob("*") if file.is_file()}


def test_the_first_epoch_is_had_again_from_the_start(photos: Path, tmp_path: Path):
    run = striate.train(photos, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 1})
    assert not (run.checkpoints / "previous.safetensors").exists()
    assert (striate.verify(run.folder).first, striate.verify(run.folder).same) == (0, True)


def test_steps_between_two_checkpoints_of_an_epoch_are_had_again(photos: Path, tmp_path: Path):
    events = striate.stream(photos, out=tmp_path / "run", checkpoint_minutes=EVERY_STEP, **QUICK)
    next(event for event in events if isinstance(event, Step) and event.step == 4)
    events.close()
    replay = striate.verify(tmp_path / "run")
    assert (replay.epoch, replay.last - replay.first, replay.same) == (1, 1, True)


def forged(change: Callable[[dict, dict], object]) -> Callable[[Run], None]:
    def forge(run: Run) -> None:
        description, tensors = tensorfile.read(run.folder / LAST)
        change(description, tensors)
        (run.folder / LAST).unlink()  # it may be linked to another
        tensorfile.write(run.folder / LAST, tensors, description)

    return forge


def other_seed(run: Run) -> None:
    options = run.read_json("options.json")
    run.write_json("options.json", {**options, "seed": 4})


@pytest.mark.parametrize(
    ("forge", "first"),
    [
        (forged(lambda _, t: t["network.c1.conv.bias"].mul_(1.0000002)), "network.c1.conv.bias"),
        (forged(lambda d, _: d["state"]["last_epoch"].update(train_loss=0.1)), "training loss"),
        (other_seed, "network."),
    ],
    ids=["a weight", "a loss", "the seed"],
)
def test_what_differs_is_named_and_the_answer_is_no(
    whole: Run, tmp_path: Path, capsys, forge: Callable[[Run], None], first: str
):
    run = copied(whole, tmp_path / "run")
    forge(run)
    replay = striate.verify(run.folder)
    assert replay.differing[0].startswith(first)
    assert main(["verify", str(run.folder)]) == 1
    assert capsys.readouterr().out == (
        f"{run.folder}: steps 1 to {replay.last} of epoch 4 replayed: "
        f"{len(replay.differing)} of {replay.compared} tensors and sums differ after step "
        f"{replay.last}, first {replay.differing[0]}; the largest difference is "
        f"{replay.largest:.3g}\n"
    )


def test_a_training_by_the_clock_cannot_be_replayed(whole: Run, tmp_path: Path):
    run = copied(whole, tmp_path / "run")
    run.write_json("options.json", {**run.read_json("options.json"), "minutes": 3})
    with pytest.raises(OptionError) as caught:
        striate.verify(run.folder)
    assert str(caught.value) == (
        f"{run.folder}: a training with --minutes follows the clock and cannot be replayed; "
        "give --epochs instead to have the same run again"
    )
