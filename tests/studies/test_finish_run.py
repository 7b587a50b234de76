"""A run of a study is trained into one folder, whatever happened there before."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import striate
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.progress import drain
from striate.studies.finish_run import finish_run
from striate.training import prolong as prolonging
from striate.training.events import Epoch, Finished, Started
from striate.training.run import Run
from tests.training.test_resuming import assert_same

GIVEN = {"epochs": 2, "batch": 16, "threads": 1, "seed": 3, "network": "lenet5", "size": 32}


def options(**changes):
    return TrainOptions.read({**GIVEN, **changes})


def finish(photos, folder, **changes) -> Run:
    return drain(finish_run(photos, folder, options(**changes)))


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "whole"
    return striate.train(photos, out=out, progress=False, **GIVEN)


def test_it_is_the_run_of_train_in_exactly_that_folder(whole, photos, tmp_path):
    run = finish(photos, tmp_path / "runs" / "one")
    assert run.folder == tmp_path / "runs" / "one"
    assert run.finished
    assert_same(run, whole)


def test_a_finished_run_is_returned_at_once(whole, photos):
    assert list(finish_run(photos, whole.folder, options())) == []


@pytest.mark.parametrize("calls", range(1, 10))
def test_a_run_killed_at_a_write_ends_as_if_nobody_had_killed_it(whole, photos, tmp_path, calls):
    """The first ones hit the folder while it is made."""
    folder = tmp_path / "run"
    assert live(photos, folder, calls) == -signal.SIGKILL
    assert_same(finish(photos, folder), whole)
    assert [file.name for file in folder.rglob("*.partial")] == []


def live(photos: Path, folder: Path, calls: int) -> int:
    """Train in a fork that kills itself at that call which renames a file."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        left, usual = iter(range(calls - 1, -1, -1)), os.replace

        def replace(*places: object) -> None:
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            usual(*places)

        os.replace = replace
        finish(photos, folder)
    finally:
        os._exit(70)


def test_more_epochs_prolong_it_and_fewer_are_there_already(photos, tmp_path):
    folder = tmp_path / "run"
    finish(photos, folder)
    events = list(finish_run(photos, folder, options(epochs=3)))
    assert [event.epoch for event in events if isinstance(event, Started)] == [3]
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [3]
    assert list(finish_run(photos, folder, options(epochs=2))) == []


def test_a_run_killed_while_it_is_prolonged_goes_on(photos, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    finish(photos, folder)

    def killed(*_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prolonging, "words", killed)  # after the options, before the first event
        with pytest.raises(KeyboardInterrupt):
            finish(photos, folder, epochs=3)
    assert Run(folder).read_options()["epochs"] == 3
    assert Run(folder).finished
    finish(photos, folder, epochs=3)
    assert [epoch.epoch for epoch in Run(folder).epochs()] == [1, 2, 3]


def test_its_report_is_of_the_split_asked_for(photos, tmp_path):
    events = list(finish_run(photos, tmp_path / "run", options(epochs=1), split="validation"))
    assert isinstance(events[-1], Finished)
    assert events[-1].scores.split == "validation"


def test_a_folder_with_other_files_is_refused(photos, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(OptionError) as caught:
        finish(photos, tmp_path / "run")
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: expected the folder of a run or none, but it holds thesis.txt; move "
        "it away, or choose another place with --out"
    )


def test_a_stop_signal_stops_with_a_checkpoint_and_it_goes_on(whole, photos, tmp_path):
    folder, events = tmp_path / "run", finish_run(photos, tmp_path / "run", options())
    for event in events:
        if isinstance(event, Epoch):
            os.kill(os.getpid(), signal.SIGINT)
            break
    with pytest.raises(KeyboardInterrupt):
        drain(events)
    assert len(Run(folder).epochs()) == 1
    assert_same(finish(photos, folder), whole)
