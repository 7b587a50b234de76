"""Networks are compared within a time, and a comparison goes on wherever it was killed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

import striate
from striate.cli import main
from striate.errors import OptionError
from striate.options import CompareOptions
from striate.studies.comparison import Comparison, Finalist
from striate.studies.record import Study
from striate.tasks.figures import Figure, Score
from striate.training.run import Run

QUICK = {"batch": 16, "threads": 1, "size": 32, "minutes": 0.05}
NETWORKS = ["lenet5", "resnet20", "mobilenet_v1(width=0.25)"]


def compare(photos, out, networks=("lenet5", "resnet20"), **changes) -> Comparison:
    return striate.compare(photos, list(networks), out=out, progress=False, **{**QUICK, **changes})


@pytest.fixture(scope="module")
def found(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(photos, tmp_path_factory.mktemp("studies") / "s", NETWORKS)


def record(found: Comparison) -> dict:
    return Study(found.folder).read()


def test_the_best_of_all_epochs_wins(found):
    best = {
        network: max(epoch.validation_accuracy for epoch in run.epochs())
        for network, run in runs(found).items()
    }
    assert found.best.score.value == pytest.approx(max(best.values()))
    assert {each.network: each.score.value for each in found.finalists} == pytest.approx(best)


def runs(found: Comparison) -> dict[str, Run]:
    folders = (found.folder / "runs").iterdir()
    return {Run(folder).read_options()["network"]: Run(folder) for folder in folders}


def test_no_training_opens_the_test_images_and_the_winner_opens_them_once(found):
    for run in runs(found).values():
        assert run.read_json("evaluation.json")["split"] == "validation"
    opened = record(found)["test"]
    assert opened["network"] == found.best.network
    assert opened["score"]["images"] == found.test.images == 25


def test_a_finished_comparison_is_read_not_repeated(found, photos):
    before = record(found)
    again = compare(photos, found.folder, NETWORKS)
    assert again == found
    assert record(found) == before


def test_its_folder_has_a_page_a_picture_and_the_values(found):
    page = (found.folder / "report.md").read_text()
    assert all(row[0] in page for row in found.rows())
    assert (found.folder / "comparison.svg").read_text().startswith("<svg")
    assert (found.folder / "comparison.png").read_bytes().startswith(b"\x89PNG")
    values = json.loads((found.folder / "comparison.json").read_text())
    assert values == json.loads(json.dumps(found.to_json()))


def test_a_budget_of_no_time_still_gives_the_best_network_seen(photos, tmp_path):
    found = compare(photos, tmp_path / "s", minutes=1e-5)
    assert [each.epochs for each in found.finalists] == [1]
    (slow,) = found.left_out.values()
    assert slow.startswith("an epoch takes about ")
    assert (found.folder / "runs").is_dir()


def test_a_network_that_does_not_suit_the_task_is_left_out_with_the_reason(photos, tmp_path):
    found = compare(photos, tmp_path / "s", ["lenet5", "unet"])
    assert found.left_out == {
        "unet": "unet gives outputs for every pixel and cannot be trained for classification, "
        "which needs a row of outputs for an image; choose another network, such as lenet5"
    }
    assert [each.network for each in found.finalists] == ["lenet5"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("--minutes 1", "--networks needs two names or more, but none came"),
        ("--networks lenet5 --minutes 1", "--networks needs two names or more, but lenet5 came"),
        ("--networks lenet5,lenet5 --minutes 1", "--networks names lenet5 twice"),
        (
            "--networks lenet5,resnet20",
            "a comparison needs --minutes, the time for all trainings together",
        ),
        (
            "--networks lenet5,resnet17 --minutes 1",
            "no network is called 'resnet17'; did you mean 'resnet18', 'resnet152' or 'resnet110'?",
        ),
    ],
)
def test_bad_input_is_answered_with_a_sentence(photos, given, told, capsys):
    assert main(["compare", str(photos), *given.split()]) == 2
    assert capsys.readouterr().err == f"striate: error: {told}\n"


@pytest.mark.parametrize("name", ["network", "epochs", "patience"])
def test_what_the_comparison_decides_is_refused(name):
    with pytest.raises(OptionError) as caught:
        CompareOptions.read({"networks": "a,b", "minutes": 1, name: "3"})
    assert str(caught.value) == f"a comparison decides {name} itself; leave it out"


def test_a_comma_in_parentheses_does_not_separate_networks():
    options = CompareOptions.read({"networks": "vit(width=8,depth=2), lenet5", "minutes": 1})
    assert options.networks == ("vit(width=8,depth=2)", "lenet5")


def test_the_folder_of_another_comparison_is_refused(found, photos):
    with pytest.raises(OptionError) as caught:
        compare(photos, found.folder, NETWORKS, seed=4)
    assert str(caught.value) == (
        f"{found.folder}: holds a study with seed none, but 4 came; repeat its command, or choose "
        "another folder with --out"
    )


def made_up(network, value, milliseconds, seconds=60.0) -> Finalist:
    figure = Figure("accuracy", "accuracy", form="share")
    score = Score(figure, value, value - 0.1, value + 0.1, 50)
    return Finalist(network, score, 3, seconds / 60, milliseconds, 1000, 10)


def test_the_frontier_has_what_nothing_as_cheap_beats():
    comparison = Comparison(
        Path("s"),
        (made_up("best", 0.9, 4), made_up("good", 0.8, 1), made_up("poor", 0.7, 2)),
        {},
        None,
        None,
    )
    assert [each.network for each in comparison.frontier("milliseconds")] == ["good", "best"]


def outcome(found: Comparison) -> dict:
    """All of the table that no clock decides."""
    rows = [(e.network, e.score, e.epochs, e.bytes, e.params) for e in found.finalists]
    return {"rows": rows, "paired": found.paired, "test": found.test, "out": found.left_out}


@pytest.mark.slow
def test_ten_kills_change_nothing(photos, tmp_path):
    chance, kills, folder = random.Random(1), 0, tmp_path / "killed"
    while kills < 10:
        if child := os.fork():
            time.sleep(chance.uniform(0.1, 1.5))
            os.kill(child, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert code == -signal.SIGKILL, "it ended before the tenth kill"
            kills += 1
            continue
        try:
            compare(photos, folder, NETWORKS, minutes=0.4)
        finally:
            os._exit(70)
    killed = compare(photos, folder, NETWORKS, minutes=0.4)
    assert outcome(killed) == outcome(unkilled(photos, killed, tmp_path / "whole"))


def unkilled(photos: Path, like: Comparison, folder: Path) -> Comparison:
    """Compare by the same plan, as the clock would make another one."""
    told = Study(like.folder).read()
    kept = ("study", "images", "options", "forecasts", "left_out", "plan")
    folder.mkdir()
    Study(folder).write({name: told[name] for name in kept})
    return compare(photos, folder, NETWORKS, minutes=0.4)
