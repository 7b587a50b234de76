"""Learning rate and augmentation of the best network are searched for, whatever kills it."""

from __future__ import annotations

import itertools
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import striate
from striate.cli import main
from striate.errors import DivergedError
from striate.studies import standing, tune
from striate.studies.comparison import Comparison, tuned_name
from striate.studies.record import Study
from striate.studies.tune import count_trials, propose
from striate.training.events import Epoch
from striate.training.run import Run
from tests.training.killing import die_at_call, live

pytest.importorskip("optuna")
USUAL = {"learning_rate": 0.01, "augment": "light"}
KEPT = ("study", "images", "options", "forecasts", "left_out", "plan")


def compare(photos, out, **changes) -> Comparison:
    quick = {"batch": 16, "threads": 1, "size": 32, "minutes": 0.02, "tune": 3}
    return striate.compare(
        photos, "lenet5,resnet20", out=out, progress=False, **{**quick, **changes}
    )


def record(found: Comparison) -> dict:
    return Study(found.folder).read()


@pytest.fixture(scope="module", autouse=True)
def no_clock() -> Iterator[None]:
    """All trials fit, however busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune, "count_trials", lambda most, *_: most)
        yield


@pytest.fixture(scope="module")
def found(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(photos, tmp_path_factory.mktemp("studies") / "s")


def told(values: list[float | None]) -> list[dict]:
    """Trials that took what was proposed, and ended with these values."""
    trials = list[dict]()
    for value in values:
        params = propose(trials, USUAL, seed=3, higher_is_better=True)
        trials.append({"params": params, "value": value})
    return trials


def test_the_first_trial_takes_the_usual_values():
    assert propose([], USUAL, seed=0, higher_is_better=True) == USUAL


def test_a_proposal_depends_on_the_trials_and_the_seed_alone():
    trials = told([0.5, None, 0.7])
    (one, same), other = (
        (propose(trials, USUAL, seed=3, higher_is_better=True) for _ in range(2)),
        propose(trials, USUAL, seed=4, higher_is_better=True),
    )
    assert one == same != other


def test_rates_stay_within_ten_times_the_usual_one():
    rates = [trial["params"]["learning_rate"] for trial in told([0.1] * 30)]
    assert all(0.001 <= rate <= 0.1 for rate in rates)
    assert min(rates) < 0.005 < 0.02 < max(rates)


def test_what_was_given_is_not_searched_for():
    trials = [{"params": {"augment": "none"}, "value": 0.5}]
    found = propose(trials, {"augment": "none"}, seed=0, higher_is_better=True)
    assert list(found) == ["augment"]


def test_no_more_trials_than_fit():
    assert count_trials(10, 60.0, 2.0, 5) == 6
    assert count_trials(4, 60.0, 2.0, 5) == 4
    assert count_trials(4, 60.0, 20.0, 5) == 0


def test_a_tuned_network_is_named_by_its_options():
    assert tuned_name("lenet5", USUAL) == "lenet5 --learning-rate 0.01 --augment light"


def test_the_best_trial_stands_in_the_table_and_the_page(found):
    tuned = record(found)["tuned"]
    assert tuned["count"] == len(tuned["trials"]) == 3
    (name,) = (each.network for each in found.finalists if " --" in each.network)
    best = max(trial["value"] for trial in tuned["trials"])
    (score,) = (each.score.value for each in found.finalists if each.network == name)
    assert score == pytest.approx(best)
    assert found.best.score.value == max(each.score.value for each in found.finalists)
    assert name in (found.folder / "report.md").read_text()


def test_a_trial_trains_with_what_was_proposed_and_opens_no_test_images(found):
    tuned = record(found)["tuned"]
    for number, trial in enumerate(tuned["trials"], 1):
        run = Run(found.folder / "runs" / f"trial-{number}")
        options = run.read_options()
        assert {name: options[name] for name in trial["params"]} == trial["params"]
        assert options["epochs"] == tuned["epochs"]
        assert run.read_json("evaluation.json")["split"] == "validation"


def test_a_search_that_was_stopped_ends_with_the_same_table(found, photos, tmp_path, monkeypatch):
    whole, folder, train = record(found), tmp_path / "s", standing.finish_run
    folder.mkdir()
    Study(folder).write({name: whole[name] for name in KEPT})

    def stopped(data, run, options, **kept):
        for event in train(data, run, options, **kept):
            yield event
            if run.name == "trial-2" and isinstance(event, Epoch):
                raise KeyboardInterrupt

    monkeypatch.setattr(standing, "finish_run", stopped)
    with pytest.raises(KeyboardInterrupt):
        compare(photos, folder)
    assert len(Study(folder).read()["tuned"]["trials"]) == 1
    monkeypatch.undo()
    again = compare(photos, folder)
    assert record(again)["tuned"] == whole["tuned"]
    assert table(again) == table(found)


@pytest.mark.slow
def test_ten_kills_of_a_search_change_nothing(found, photos, tmp_path):
    whole, chance, kills, searched = record(found), random.Random(2), 0, set[int]()
    folders = (tmp_path / f"s{number}" for number in itertools.count())
    folder = begin_search(found, next(folders))
    while kills < 10:

        def work(last: int = chance.randrange(40, 250), folder: Path = folder) -> None:
            die_at_call(last)
            compare(photos, folder)

        code = live(work)
        tuned = Study(folder).read().get("tuned", {})
        if code == 0:  # the search ended before that call: another one is killed
            assert tuned == whole["tuned"]
            folder = begin_search(found, next(folders))
        else:
            assert code == -signal.SIGKILL
            searched.add(len(tuned.get("trials", ())))
            kills += 1
    assert len(searched) > 1, "no kill was inside of the search"
    again = compare(photos, folder)
    assert record(again)["tuned"] == whole["tuned"]
    assert table(again) == table(found)


def begin_search(found: Comparison, folder: Path) -> Path:
    """The comparison as it stood before its search."""
    shutil.copytree(found.folder, folder, ignore=shutil.ignore_patterns("trial-*", "study.json"))
    Study(folder).write({name: record(found)[name] for name in (*KEPT, "diverged")})
    return folder


def table(found: Comparison) -> list:
    """All of the table that no clock decides."""
    return [(e.network, e.score, e.epochs, e.bytes, e.params) for e in found.finalists]


def test_a_trial_that_diverges_is_none_and_the_others_go_on(found, photos, tmp_path, monkeypatch):
    whole, folder, train = record(found), tmp_path / "s", standing.finish_run
    folder.mkdir()
    Study(folder).write({name: whole[name] for name in KEPT})

    def diverges(data, run, options, **kept):
        if run.name == "trial-1":
            raise DivergedError("the loss became NaN")
        return (yield from train(data, run, options, **kept))

    monkeypatch.setattr(standing, "finish_run", diverges)
    trials = record(compare(photos, folder))["tuned"]["trials"]
    assert [trial["value"] is None for trial in trials] == [True, False, False]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--minutes 1 --tune 0", "--tune must be at least 1, but '0' came"),
        ("--minutes 1 --tune -3", "--tune must be at least 1, but '-3' came"),
        ("--tune 3", "a comparison needs --minutes, the time for all trainings together"),
        (
            "--minutes 1 --tune 3 --learning-rate 0.1 --augment none",
            "--tune searches over --learning-rate and --augment, but both were given; leave out "
            "one of the three",
        ),
    ],
)
def test_bad_input_is_answered_with_a_sentence(photos, given, message, capsys):
    arguments = ["compare", str(photos), "--networks", "lenet5,resnet20", *given.split()]
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"striate: error: {message}\n"


def test_without_optuna_it_says_what_to_install(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    arguments = ["compare", str(photos), "--networks", "lenet5,resnet20", "--minutes", "1"]
    assert main([*arguments, "--tune", "2", "--out", str(tmp_path / "s")]) == 2
    assert capsys.readouterr().err == (
        "striate: error: --tune needs Optuna, which cannot be imported: pip install "
        "'striate[tune]'\n"
    )
    assert not (tmp_path / "s").exists()
