"""An ensemble is judged against its members on the same images, and what they saw is said first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

import striate
from striate.cli import main
from striate.errors import OptionError
from striate.evaluation.paired import Paired
from striate.model import Ensemble
from striate.model_file import load

FEW = {"network": "lenet5", "threads": 1, "augment": "none", "learning_rate": 0.02, "batch": 8}


@pytest.fixture(scope="module")
def runs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two networks on the same folder."""
    home = tmp_path_factory.mktemp("ensembles")
    for name, epochs, size, seed in (("a", 2, 32, 1), ("b", 1, 28, 2)):
        options = {**FEW, "network": "lenet5" if name == "a" else "mlp"}
        options |= {"size": size, "epochs": epochs, "seed": seed}
        striate.train(photos, out=home / name, progress=False, **options)
    return home


@pytest.fixture
def here(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(runs, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_members_and_ensemble_have_the_figures_that_evaluate_gives(here: Path) -> None:
    judged = striate.ensemble("runs/a", "runs/b", out="ab.safetensors", split="all")
    assert isinstance(load("ab.safetensors"), Ensemble)
    each = [striate.evaluate(f"runs/{name}", split="all") for name in "ab"]
    own = striate.evaluate("ab.safetensors", judged_data(), split="all")
    for found, expected in zip((*judged.members, judged.results), (*each, own), strict=True):
        assert found.scores() == expected.scores()
    mean = (each[0].probabilities + each[1].probabilities) / 2
    np.testing.assert_allclose(own.probabilities, mean, atol=1e-6)
    best = max(each, key=lambda results: results.accuracy.value)
    assert judged.best.about.model == best.about.model
    right, other = own.correct, best.correct
    alone = int((right & ~other).sum()), int((other & ~right).sum())
    assert (judged.paired.only_first, judged.paired.only_second) == alone
    p_value = binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1
    assert judged.paired.p == pytest.approx(p_value)


def judged_data() -> str:
    return json.loads(Path("runs/a/options.json").read_text("utf-8"))["data"]


def test_the_table_has_a_row_for_each_and_the_test_beneath(here: Path, capsys) -> None:
    line = "ensemble runs/a runs/b --out ab.safetensors"
    assert main(line.split()) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith(" test images, 3 classes: ab.safetensors")
    assert shown[1].split() == ["model", "network", "accuracy", "95", "%", "interval"]
    assert [row.split()[:2] for row in shown[2:4]] == [["runs/a", "lenet5"], ["runs/b", "mlp"]]
    assert shown[4].startswith("  ensemble")
    assert shown[5].startswith("Only the ensemble is right on ")
    assert main([*line.split(), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["split"], told["figure"], told["warnings"]) == ("test", "accuracy", [])
    assert [member["model"] for member in told["members"]] == ["runs/a", "runs/b"]
    assert told["paired"]["test"] == "mcnemar_exact"


@pytest.mark.parametrize(
    ("counts", "p_value", "verdict"),
    [
        ((9, 1), 0.0215, "p = 0.021 (McNemar's exact test), the ensemble is better."),
        ((1, 9), 0.0215, "p = 0.021 (McNemar's exact test), the best member is better."),
        ((3, 2), 1.0, "p = 1 (McNemar's exact test), these images do not tell them apart."),
    ],
)
def test_the_better_one_is_named_where_the_images_tell(
    counts: tuple[int, int], p_value: float, verdict: str
) -> None:
    first, second = counts
    images = f"{first} image" if first == 1 else f"{first} images"
    assert Paired(p_value, *counts).tell("the ensemble", "the best member") == (
        f"Only the ensemble is right on {images}, only the best member on {second}: {verdict}"
    )


def test_images_that_a_member_was_trained_on_are_said_before_any_figure(here: Path) -> None:
    listed = Path("runs/b/pictures.jsonl")
    listed = listed if listed.exists() else Path("runs/b/images.jsonl")
    rows = [json.loads(line) for line in listed.read_text("utf-8").splitlines()]
    tested = sum(row["split"] == "test" for row in rows)
    for row in [row for row in rows if row["split"] == "test"][:4]:
        row["split"] = "train"
    listed.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    judged = striate.ensemble("runs/a", "runs/b", out="ab.safetensors")
    assert judged.warnings == (
        f"runs/b: 4 of these {tested} images were used for training: accuracy on new ones may be "
        "lower.",
    )
    assert repr(judged).startswith(judged.warnings[0])
    assert judged.results.about.trained_on == 4


def test_a_model_whose_run_is_not_there_is_judged_and_said_to_be_unknown(here: Path) -> None:
    Path("c.safetensors").write_bytes(Path("runs/b/model.safetensors").read_bytes())
    judged = striate.ensemble("runs/a", "c.safetensors", out="ac.safetensors")
    assert judged.warnings == (
        "c.safetensors: Whether these images were used for training is unknown: its run is not "
        "here.",
    )


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (
            "runs/a --out x.safetensors",
            2,
            "an ensemble is of 2 to 100 models, but 1 came; give the folders of runs of one task",
        ),
        (
            "runs/a runs/a/model.safetensors --out x.safetensors",
            2,
            "runs/a/model.safetensors: has the very weights of runs/a; give each model once",
        ),
        ("runs/a runs/b --out x.pt", 2, "x.pt: expected a file that ends in .safetensors"),
        (
            "runs/a runs/b --out runs/b/model.safetensors",
            2,
            "runs/b/model.safetensors is an input of this command; choose another name",
        ),
        (
            "runs/a nowhere --out x.safetensors",
            2,
            "nowhere: no such file; expected a model file or the folder of a run",
        ),
        (
            "b.safetensors runs/a --out x.safetensors",
            2,
            "b.safetensors: does not know which images it was trained on; name labeled images with "
            "--data",
        ),
        (
            "runs/a cut.safetensors --out x.safetensors",
            7,
            "cut.safetensors: not a striate model: damaged: its bytes do not match the SHA-256 "
            "recorded in it; give a model.safetensors of a run",
        ),
    ],
)
def test_bad_input_is_answered_with_a_sentence_and_nothing_is_written(
    here: Path, capsys, line: str, code: int, message: str
) -> None:
    whole = Path("runs/b/model.safetensors").read_bytes()
    Path("b.safetensors").write_bytes(whole)
    Path("cut.safetensors").write_bytes(whole[:-9])
    assert main(["ensemble", *line.split()]) == code
    assert capsys.readouterr().err == f"striate: error: {message}\n"
    assert not Path("x.safetensors").exists()
    assert Path("runs/b/model.safetensors").read_bytes() == whole


def test_an_ensemble_is_no_member_of_another(here: Path) -> None:
    striate.ensemble("runs/a", "runs/b", out="ab.safetensors")
    with pytest.raises(OptionError) as caught:
        striate.ensemble("runs/a", "ab.safetensors", out="x.safetensors")
    assert str(caught.value) == (
        "ab.safetensors: is an ensemble itself; give the runs it was made of, so that each counts "
        "alike"
    )


def test_a_network_of_ones_own_is_no_member(here: Path, photos: Path) -> None:
    Path("mynet.py").write_text(
        "from torch import nn\n\ndef Net(classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))\n"
    )
    striate.train(photos, out="own", progress=False, **{**FEW, "network": "mynet.py:Net"}, epochs=1)
    with pytest.raises(OptionError) as caught:
        striate.ensemble("runs/a", "own", out="x.safetensors")
    assert str(caught.value) == (
        "own: its network is code of your own, and the file of an ensemble holds only networks of "
        "striate"
    )
