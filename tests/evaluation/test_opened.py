"""How often the test images of a run were opened is counted in its folder, and said."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import striate
from striate.cli import main
from striate.evaluation.known import Known
from striate.tasks.results import About
from striate.text import ordinal
from striate.training.events import Evaluated
from striate.training.run import Run
from tests.conftest import striped

MORE = " What earlier figures of them decided fits them a little too well."
UNKNOWN = (
    "How often these test images were opened cannot be counted: the run is not here or cannot be "
    "written."
)


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    return striate.train(photos, network="lenet5", epochs=1, threads=1, out=out).folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Run:
    shutil.copytree(trained, tmp_path / "run")
    return Run(tmp_path / "run")


def opened(run: Run) -> int:
    return sum(event["event"] == Evaluated.__name__ for event in run.events())


def test_the_report_of_a_training_is_the_first_time(run: Run):
    assert opened(run) == 1
    assert "Test images opened for the first time." in run.report_file.read_text("utf-8")
    assert run.finished
    assert run.read_json("evaluation.json")["test_opened"] == 1


def test_each_evaluation_is_counted_and_says_so(run: Run, tmp_path: Path, capsys):
    for place in ("second", "third"):
        assert main(["evaluate", str(run.folder), "--out", str(tmp_path / "report.html")]) == 0
        said = f"Test images opened for the {place} time."
        assert said + MORE in capsys.readouterr().out
        assert said in (tmp_path / "report.html").read_text("utf-8")
    assert main(["evaluate", str(run.folder), "--split", "all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test_opened"] == 4
    assert "opened for the fifth time" in striate.evaluate(run.folder)._repr_html_()


def test_validation_and_training_images_are_not_counted(run: Run):
    for split in ("validation", "train"):
        results = striate.evaluate(run.folder, split=split)
        assert (results.about.tests, results.about.opened) == (0, "")
    assert opened(run) == 1


def test_images_that_are_not_those_of_the_run_are_not_counted(run: Run, tmp_path: Path):
    for kind in ("flat", "slanted", "upright"):
        (tmp_path / "fresh" / kind).mkdir(parents=True)
        for seed in range(4):
            striped(kind, 7000 + seed).save(tmp_path / "fresh" / kind / f"{seed}.png")
    for split in ("all", None):
        assert striate.evaluate(run.folder, tmp_path / "fresh", split=split).about.tests == 0
    assert opened(run) == 1


def test_every_member_of_an_ensemble_is_counted_once(run: Run, photos: Path, tmp_path: Path):
    options = {"network": "mlp", "epochs": 1, "threads": 1}
    other = striate.train(photos, out=tmp_path / "other", **options)
    judged = striate.ensemble(run.folder, other.folder, out=tmp_path / "two.safetensors")
    assert (opened(run), opened(other)) == (2, 2)
    assert judged.results.about.tests == 0
    last = repr(judged).splitlines()[-2:]
    assert last == [
        f"{each.folder}: Test images opened for the second time.{MORE}" for each in (run, other)
    ]


def test_a_run_that_cannot_be_written_is_evaluated_and_not_counted(run: Run, capsys):
    run.events_file.unlink()
    run.events_file.mkdir()
    assert main(["evaluate", str(run.folder)]) == 0
    assert UNKNOWN in capsys.readouterr().out


def test_a_model_without_its_run_is_evaluated_and_not_counted(run: Run, photos: Path, tmp_path):
    alone = shutil.copy(run.model_file, tmp_path / "alone.safetensors")
    about = striate.evaluate(alone, photos).about
    assert (about.tests, about.opened) == (None, UNKNOWN)
    assert [file.name for file in tmp_path.iterdir() if "events" in file.name] == []


def count(folder: Path) -> int | None:
    return Run(folder).count_test(25)


def test_several_processes_count_without_losing_one(run: Run):
    with ProcessPoolExecutor(4) as pool:
        told = list(pool.map(count, [run.folder] * 24))
    assert opened(run) == 25
    assert max(told) == 25
    assert run.damage() == []


def test_a_line_that_a_kill_cut_off_is_removed_before_the_count(run: Run):
    with run.events_file.open("a") as file:
        file.write('{"event": "Step", "epo')
    assert run.count_test(25) == 2
    assert run.damage() == []
    assert run.finished


def test_known_images_of_several_runs_are_counted_in_none(run: Run):
    known = Known.of(run)
    assert known is not None
    assert int(known.test.sum()) == sum(each["split"] == "test" for each in run.samples())


def test_the_sentence_says_the_place():
    for count, said in ((1, "first"), (2, "second"), (10, "tenth"), (21, "21st"), (112, "112th")):
        sentence = About("net", "test", ("a",), tests=count).opened
        assert sentence.startswith(f"Test images opened for the {said} time.")
        assert ordinal(count) == said
    assert list(map(ordinal, (11, 13, 22, 1011))) == ["11th", "13th", "22nd", "1,011th"]
