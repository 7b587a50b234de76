"""Two models are compared on images that are fair to both, and each flipped image is shown."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

import striate
from striate.cli import main
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.evaluation.known import Judged
from striate.evaluation.pair import check_pair
from striate.evaluation.pair_page import _in_order
from striate.evaluation.pair_results import PairResults
from striate.options import EvaluateOptions
from striate.tasks import find_task
from striate.tasks.classification.results import make_evaluation
from striate.tasks.results import About
from striate.tasks.sections import Matrix
from striate.training.run import Run
from striate.verbs.invariance import measure_invariance

FEW = {"threads": 1, "augment": "none", "learning_rate": 0.02, "batch": 8, "epochs": 1}


@pytest.fixture(scope="module")
def runs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on the same images, and one on two of their classes."""
    home = tmp_path_factory.mktemp("pairs")
    shutil.copytree(photos, home / "photos")
    shutil.copytree(photos, home / "two", ignore=shutil.ignore_patterns("upright"))
    for name, folder, network, size in (
        ("a", "photos", "lenet5", 32),
        ("b", "photos", "mlp", 28),
        ("two", "two", "mlp", 28),
    ):
        out = home / "runs" / name
        options = {**FEW, "network": network, "size": size}
        striate.train(home / folder, out=out, progress=False, **options)
    return home


@pytest.fixture
def here(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def teach(run: Path, images: int) -> set[str]:
    """Move some test images to the training images that a run says it had; return their paths."""
    listed = Run(run).images_file
    rows = [json.loads(line) for line in listed.read_text("utf-8").splitlines()]
    learned = [row for row in rows if row["split"] == "test"][:images]
    for row in learned:
        row["split"] = "train"
    listed.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return {row["path"] for row in learned}


def answered(model: str, said: list[int], sure: list[float], names: list[str], true: list[int]):
    chances = np.array([[p if at == k else 1 - p for at in (0, 1)]
                        for k, p in zip(said, sure, strict=True)])  # fmt: skip
    paths = tuple(f"{row}.png" for row in range(len(true)))
    return make_evaluation(chances, true, names, About(model, "test", paths, 0))


def made_up() -> PairResults:
    """A is wrong on row 3, B on rows 0, 1 and 2, of which it is surest in row 2."""
    first = answered("a", [0, 0, 0, 0, 1], [0.9] * 5, ["cat", "dog"], [0, 0, 0, 1, 1])
    second = answered(
        "b", [0, 0, 0, 0, 0], [0.7, 0.6, 0.8, 0.9, 0.9], ["dog", "cat"], [1] * 3 + [0] * 2
    )
    return PairResults(first, second, ("lenet5", "mlp"))


def test_flipped_images_are_those_that_one_alone_has_right_the_surest_error_first() -> None:
    pair = made_up()
    assert [rows.tolist() for rows in pair.flipped] == [[2, 0, 1], [3]]
    assert (pair.paired.only_first, pair.paired.only_second) == (3, 1)
    assert pair.paired.p == pytest.approx(binomtest(1, 4).pvalue)
    assert pair.to_json()["better_by_first"] == ["2.png", "0.png", "1.png"]
    assert pair.first.tell(2) == ("cat", "cat")
    assert pair.second.tell(2) == ("cat", "dog")


def test_the_terminal_has_a_column_for_each_model_and_the_test_beneath() -> None:
    assert repr(made_up()).splitlines() == [
        "5 images, judged by two models",
        "  A: a (lenet5)",
        "  B: b (mlp)",
        "            A                  B",
        "  accuracy  80 % (38 to 96 %)  40 % (12 to 77 %)",
        "Only A is right on 3 images, only B on 1: p = 0.62 (McNemar's exact test), these images "
        "do not tell them apart.",
    ]


def test_the_second_matrix_is_put_in_the_order_of_the_first() -> None:
    counts = np.array([[5, 1, 0], [2, 6, 3], [4, 0, 7]])
    found = _in_order(Matrix(("c", "a", "b"), counts), ("a", "b", "c"))
    assert found.names == ("a", "b", "c")
    assert found.counts.tolist() == [[6, 3, 2], [0, 7, 4], [1, 0, 5]]


def test_images_that_one_run_learned_from_are_left_out_and_counted(here: Path) -> None:
    whole = striate.evaluate_pair("runs/a", "runs/b")
    assert (whole.apart, whole.trained) == (0, 0)
    learned = teach(Path("runs/b"), 4)
    pair = striate.evaluate_pair("runs/a", "runs/b", "photos")
    assert (len(pair), pair.apart, pair.trained) == (len(whole) - 4, 0, 4)
    assert "Left out: 4 images that A or B was trained on." in repr(pair)
    assert not learned & set(pair.first.about.paths)
    every = striate.evaluate_pair("runs/a", "runs/b", "photos", split="all")
    assert (len(every), every.trained) == (120, 0)
    assert repr(every).startswith("A: ")


def test_each_model_has_the_figures_that_it_has_alone(here: Path) -> None:
    pair = striate.evaluate_pair("runs/a", "runs/b/model.safetensors")
    for found, model in zip(pair.both, ("runs/a", "runs/b"), strict=True):
        assert found.scores() == striate.evaluate(model).scores()


def test_the_page_escapes_names_and_tells_both_answers(here: Path) -> None:
    odd = Path("odd")
    shutil.copytree("photos", odd)
    (odd / "flat").rename(odd / "<b>&flat")
    for name, network in (("c", "lenet5"), ("d", "mlp")):
        striate.train(odd, out=name, progress=False, network=network, **FEW)
    assert main(["evaluate", "c", "d", "odd", "--split", "all", "--out", "pair.html"]) == 0
    page = Path("pair.html").read_text("utf-8")
    assert "<b>&flat" not in page
    assert "&lt;b&gt;&amp;flat" in page
    assert page.count('aria-label="Confusion matrix of ') == 2
    assert "A said " in page
    assert " B said " in page
    assert 'href="#cell' not in page
    for form in ("md", "json"):
        assert main(["evaluate", "c", "d", "--out", f"pair.{form}"]) == 0
    told = json.loads(Path("pair.json").read_text("utf-8"))
    assert told["command"] == "striate evaluate c d --out pair.json"
    assert [part["title"] for part in told["sections"][1]["parts"]] == ["A", "B"]
    assert "### B\n" in Path("pair.md").read_text("utf-8")


def test_both_models_are_judged_on_the_same_distorted_images_which_count_as_opened_once(
    here: Path, capsys
) -> None:
    line = ["evaluate", "runs/a", "runs/b", "photos", "--invariance", "9"]
    assert main([*line, "--out", "pair.html"]) == 0
    told = capsys.readouterr().out
    assert "\n\n9 test images drawn from " in told
    assert "\nA, accuracy " in told
    assert "\nB, accuracy " in told
    page = Path("pair.html").read_text("utf-8")
    assert page.count("An image by ") == 10
    assert main([*line, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["invariance"]["models"] == ["A", "B"]
    assert found["invariance"]["of"] == found["images"]
    assert found["first"]["test_opened"] == 3  # by the training, and by each evaluation


def test_distorted_images_are_those_of_the_pair_and_the_same_for_both(here: Path) -> None:
    learned = teach(Path("runs/b"), 4)
    pair = striate.evaluate_pair("runs/a", "runs/b", "photos", invariance=1000)
    one, other = pair.distorted.plain
    assert one.about.paths == other.about.paths == pair.first.about.paths
    assert not learned & set(one.about.paths)
    assert one.scores() == pair.first.scores()
    assert other.scores() == pair.second.scores()
    alone = measure_invariance("runs/b", "photos", images=1000)
    assert len(alone.plain[0]) == len(pair) + 4


def test_the_same_model_twice_is_said(here: Path, capsys) -> None:
    assert main(["evaluate", "runs/a", "runs/a/model.safetensors", "photos"]) == 0
    assert "A and B are the same model: their weights are equal." in capsys.readouterr().out


def test_one_image_is_compared_without_a_verdict(here: Path) -> None:
    for kind in ("flat", "slanted", "upright"):
        Path("one", kind).mkdir(parents=True)
    shutil.copy(min(Path("photos/flat").iterdir()), "one/flat")
    pair = striate.evaluate_pair("runs/a", "runs/b", "one", split="all")
    assert len(pair) == 1
    assert pair.paired.better is None


def test_no_common_image_is_an_error_with_the_counts(here: Path, capsys) -> None:
    images = len(teach(Path("runs/b"), 1000))
    assert main(["evaluate", "runs/a", "runs/b", "photos"]) == 3
    assert capsys.readouterr().err.endswith(
        "photos: no image is left for both models: 0 are in the split of only one of them, and "
        f"{images} were used to train one;\n"
        "--split all evaluates all of them, trained on or not\n"
    )


def test_an_image_that_the_run_of_one_left_out_is_left_out_and_counted(here: Path) -> None:
    whole = striate.evaluate_pair("runs/a", "runs/b")
    path = whole.first.about.paths[0]
    (here / "runs/b/left_out.csv").write_text(f"path\n{path}\n")
    pair = striate.evaluate_pair("runs/a", "runs/b", invariance=1000)
    assert (len(pair), pair.apart) == (len(whole) - 1, 1)
    assert "Left out: 1 image in the split of only one of the two." in repr(pair)
    assert path not in pair.distorted.plain[0].about.paths
    # the same network, once with all images and once with other rows, sees the same distortions
    shutil.copytree("runs/b", "runs/c")
    Path("runs/c/left_out.csv").unlink()
    same = striate.evaluate_pair("runs/c", "runs/b", invariance=1000).distorted
    values = [[(p.kind, p.level, p.score, p.changed) for p in same.points if p.model == name]
              for name in "AB"]  # fmt: skip
    assert values[0] == values[1]


def test_a_split_without_an_image_is_said(here: Path) -> None:
    models = []
    for name in ("a", "b"):
        model = striate.load(f"runs/{name}")
        models.append(replace(model, fractions=replace(model.fractions, test=0.0)))
    with pytest.raises(DataError) as error:
        striate.evaluate_pair(*models, "photos")
    assert str(error.value) == (
        "photos: no image is in the test split of either model; --split all evaluates all of them, "
        "trained on or not"
    )


def test_models_of_other_tasks_are_refused(here: Path) -> None:
    one = Judged(striate.load("runs/a"), "a")
    several = find_task("multilabel")(TargetSpec("labels", one.model.task.spec.names, {}))
    other = replace(one, model=replace(one.model, task=several), shown="b")
    with pytest.raises(OptionError, match="b: the task is multilabel, not classification, unlike"):
        check_pair(one, other, EvaluateOptions())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "runs/a runs/two photos",
            "runs/two: the model lacks “upright” among its classes, unlike runs/a; only models of "
            "one task with the same names can be compared",
        ),
        *(
            (
                f"runs/a runs/b photos {option}",
                f"{option.split()[0]} is for one model, but two came; evaluate each alone",
            )
            for option in ("--calibrate", "--min-recall 0.9", "--min-precision 0.9",
                           "--neighbors --out x.html", "--suspects x.csv",
                           "--save-threshold --threshold 0.5")
        ),
        (
            "runs/a runs/b photos more",
            "evaluate takes one or two models and one folder of images, but after the first model "
            "came runs/b, photos, more",
        ),
        (
            "runs/a nowhere photos",
            "nowhere: no such file; expected a model file or the folder of a run",
        ),
        (
            "runs/a runs/b photos --out runs/b/model.safetensors",
            "expected a file that ends in .html or .md or .json",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_in_one_sentence(
    here: Path, capsys, line: str, message: str
) -> None:
    assert main(["evaluate", *line.split()]) == 2
    assert message in capsys.readouterr().err
    assert not Path("x.html").exists()
