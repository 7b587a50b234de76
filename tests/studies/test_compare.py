"""Networks are compared within a time, and a comparison goes on wherever it was killed."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import striate
from striate.cli import main
from striate.errors import OptionError
from striate.evaluation.paired import Difference
from striate.options import CompareOptions
from striate.studies.compare_page import write_comparison
from striate.studies.comparison import Comparison, Finalist, read_score, record_score
from striate.studies.record import Study
from striate.tasks.figures import Figure, Score
from striate.training.run import Run
from tests.tasks import gauges, shapes
from tests.tasks.segmentation.scenes import write_scenes

QUICK = {"batch": 16, "threads": 1, "size": 32, "minutes": 0.05}
NETWORKS = ["lenet5", "resnet20", "mobilenet_v1(width=0.25)"]


def compare(photos, out, networks=("lenet5", "resnet20"), **changes) -> Comparison:
    return striate.compare(photos, list(networks), out=out, progress=False, **{**QUICK, **changes})


@pytest.fixture(scope="module")
def found(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(photos, tmp_path_factory.mktemp("studies") / "s", NETWORKS)


@pytest.mark.parametrize("make", [gauges.write, lambda folder: shapes.shapes(folder, 60)])
def test_tasks_without_right_answers_are_compared_by_a_difference(make, tmp_path):
    data = make(tmp_path / "data")
    found = compare(data, tmp_path / "s", batch=8)
    one, other = found.finalists
    difference = found.difference
    assert found.paired is None
    assert difference.value == pytest.approx(one.score.value - other.score.value)
    assert difference.low <= difference.value <= difference.high
    assert (found.folder / "report.md").read_text().count(" less that of ") == 1
    written = json.loads((found.folder / "comparison.json").read_text())["difference"]
    assert written == json.loads(json.dumps(asdict(difference)))
    assert compare(data, tmp_path / "s", batch=8) == found


def test_masks_are_compared_by_a_difference_of_their_mean_iou(tmp_path):
    found = compare(
        write_scenes(tmp_path / "scenes"), tmp_path / "s",
        ["unet(width=2)", "unet(width=4)"], batch=4, augment="none",
    )  # fmt: skip
    one, other = found.finalists
    assert found.difference.figure.name == "mean_iou"
    assert found.difference.value == pytest.approx(one.score.value - other.score.value)


def test_a_run_is_the_source_of_the_networks_it_fits(photos, tmp_path):
    source = striate.train(photos, network="lenet5", epochs=1, out=tmp_path / "run", progress=False,
                           batch=16, threads=1, size=32)  # fmt: skip
    found = compare(photos, tmp_path / "s", weights=str(source.folder))
    assert [each.network for each in found.finalists] == ["lenet5"]
    assert found.left_out == {
        "resnet20": f"{source.folder}: its network is lenet5, not resnet20; give other weights, "
        "or leave network out"
    }


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
    assert page.endswith("; the test images were used once, for the best network alone.\n")
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


def test_the_page_says_that_there_are_no_test_images(tmp_path):
    write_comparison(Comparison(tmp_path, (made_up("a", 0.9, 1),), {}, None, None))
    page = (tmp_path / "report.md").read_text()
    assert page.endswith(
        " by the images that chose it, and there are no test images to judge it anew.\n"
    )


def verdict(difference: Difference) -> str:
    finalists = (made_up("a", 0.9, 1), made_up("b", 0.8, 1))
    return Comparison(Path("s"), finalists, {}, None, None, difference).verdict()[1]


def test_a_difference_whose_interval_holds_0_may_be_chance():
    figure = Figure("mae", "MAE", higher_is_better=False, form="number", unit="px")
    assert verdict(Difference(figure, -0.3, -0.62, 0.05, 40)) == (
        "MAE of a less that of b is -0.3 px on the same 40 images (95 % interval -0.62 to 0.05 px, "
        "paired bootstrap), these images do not tell them apart."
    )


def test_a_difference_whose_interval_leaves_0_out_is_believed():
    assert verdict(Difference(Figure("mean_iou", "mean IoU"), 0.024, 0.011, 0.039, 1)) == (
        "mean IoU of a less that of b is 2.4 points on the same 1 image (95 % interval 1.1 to 3.9 "
        "points, paired bootstrap), a is better."
    )


@pytest.mark.parametrize(
    ("higher", "value", "better"),
    [(True, 0.2, 0), (True, -0.2, 1), (False, 0.2, 1), (False, -0.2, 0)],
)
def test_the_better_one_has_the_lower_figure_where_lower_is_better(higher, value, better):
    figure = Figure("x", "x", higher_is_better=higher)
    assert Difference(figure, value, value - 0.1, value + 0.1, 9).better == better


def test_an_undefined_figure_is_written_as_null_and_read_back():
    undefined = replace(made_up("a", math.nan, 1).score, low=None, high=None)
    recorded = json.loads(json.dumps(record_score(undefined), allow_nan=False))
    assert recorded["value"] is None
    assert math.isnan(read_score(recorded).value)


def outcome(found: Comparison) -> dict:
    """All of the table that no clock decides."""
    rows = [(e.network, e.score, e.epochs, e.bytes, e.params) for e in found.finalists]
    return {
        "rows": rows,
        "paired": (found.paired, found.difference),
        "test": found.test,
        "out": found.left_out,
    }


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
