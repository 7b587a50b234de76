"""A threshold is set, chosen on validation, stored in the model file, and used from there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

import striate
from striate import tensorfile
from striate.cli import main
from striate.data.listing.target_spec import TargetSpec
from striate.errors import BusyError, DataError, OptionError
from striate.options import EvaluateOptions
from striate.tasks import bind_task
from striate.tasks.classification.threshold import Threshold
from striate.training.run import Run
from tests.conftest import striped
from tests.evaluation.parts import draw_parts


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_parts(tmp_path_factory.mktemp("data") / "parts")


@pytest.fixture(scope="module")
def trained(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "parts"
    options = {"network": "lenet5", "epochs": 25, "threads": 1, "seed": 3, "validation": 0.3}
    striate.train(parts, out=out, progress=False, **options)
    return out


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run, to change."""
    return shutil.copytree(trained, tmp_path / "run")


def scores(run: Path, split: str, positive: int = 1):
    """Probabilities and truth of a split, whatever the threshold."""
    evaluation = striate.evaluate(run, split=split)
    return evaluation.probabilities[:, positive], evaluation.labels == positive


def test_a_run_of_two_classes_reports_its_curves(trained: Path):
    document = json.loads((trained / "evaluation.json").read_text())["binary"]
    assert (document["positive"], document["threshold"]) == ("sound", 0.5)
    page = (trained / "report.html").read_text("utf-8")
    assert page.index("<h2>ROC</h2>") < page.index("<h2>Precision and recall</h2>")


def test_a_threshold_changes_what_is_answered_and_no_probability(trained: Path):
    plain = striate.evaluate(trained, split="all")
    strict = striate.evaluate(trained, split="all", threshold=0.9, positive="defect")
    assert (plain.probabilities == strict.probabilities).all()
    assert strict.log_loss == plain.log_loss
    expected = np.where(plain.probabilities[:, 0] >= np.float32(0.9), 0, 1)
    assert (strict.predicted == expected).all()
    assert (plain.predicted != expected).any()


def test_predict_decides_as_it_is_asked(trained: Path, parts: Path):
    asked = {"threshold": 0.9, "positive": "defect"}
    plain = striate.predict(trained, parts / "defect", parts / "sound")
    for before, after in zip(plain, striate.predict(trained, parts, **asked), strict=True):
        shares = dict(before.top)
        name = "defect" if np.float32(shares["defect"]) >= np.float32(0.9) else "sound"
        assert (after.class_name, after.probability) == (name, shares[name])
        assert dict(after.top) == shares


def test_the_threshold_is_chosen_on_the_validation_images_of_the_run(trained: Path):
    rated, truth = scores(trained, "validation", 0)
    found = striate.evaluate(trained, positive="defect", min_recall=0.9)
    said = rated >= np.float32(found.threshold.value)
    assert found.about.split == "test"
    assert (said & truth).sum() >= 0.9 * truth.sum()
    higher = rated >= min(rated[said & truth]) + 1e-6
    assert (higher & truth).sum() < said.sum()
    chosen = striate.evaluate(trained, positive="defect", min_recall=0.9, split="validation")
    assert chosen.threshold == found.threshold
    assert chosen.binary.chosen.recall.value >= 0.9


def test_for_other_images_it_is_still_chosen_on_those_of_the_run(trained: Path, tmp_path: Path):
    for name, kind in (("sound", "flat"), ("defect", "slanted")):
        (tmp_path / "new" / name).mkdir(parents=True)
        for seed in range(300, 306):
            striped(kind, seed).save(tmp_path / "new" / name / f"{seed}.png")
    own = striate.evaluate(trained, min_recall=0.9)
    new = striate.evaluate(trained, tmp_path / "new", min_recall=0.9)
    assert (new.about.split, len(new)) == ("all", 12)
    assert new.threshold == own.threshold


def test_a_stored_threshold_is_loaded_and_used_by_evaluate_and_predict(run: Path, parts: Path):
    before = load_file(run / "model.safetensors")
    facts = striate.load(run).facts
    found = striate.evaluate(run, positive="defect", threshold=0.9, save_threshold=True)
    model = striate.load(run)
    assert model.task.threshold == found.threshold == Threshold(0, 0.9)
    assert model.task.spec.constants == {"positive": (0.0,), "threshold": (0.9,)}
    assert model.facts == facts
    after = load_file(run / "model.safetensors")
    assert before.keys() == after.keys()
    assert all((before[name] == after[name]).all() for name in before)
    again = striate.evaluate(run)
    assert again.threshold == Threshold(0, 0.9)
    assert (again.predicted == found.predicted).all()
    for prediction in striate.predict(run, parts):
        share = dict(prediction.top)["defect"]
        assert (prediction.class_name == "defect") == (np.float32(share) >= np.float32(0.9))
    assert striate.evaluate(run, threshold=0.2).threshold == Threshold(0, 0.2)
    assert striate.verify(run).same


def test_nothing_is_stored_unless_asked_for(run: Path):
    before = (run / "model.safetensors").read_bytes()
    striate.evaluate(run, threshold=0.2)
    striate.evaluate(run, min_recall=0.9)
    assert (run / "model.safetensors").read_bytes() == before


def test_a_run_in_training_keeps_its_file(run: Path):
    with Run(run).lock(), pytest.raises(BusyError, match="is in use by"):
        striate.evaluate(run, threshold=0.2, save_threshold=True)


def test_a_loaded_model_has_no_file_to_store_a_threshold_in(trained: Path, parts: Path):
    with pytest.raises(OptionError) as caught:
        striate.evaluate(striate.load(trained), parts, threshold=0.2, save_threshold=True)
    assert str(caught.value) == (
        "save_threshold changes a model file, but a model that is loaded came; give its path"
    )


def test_without_validation_images_no_threshold_can_be_chosen(trained: Path, tmp_path: Path):
    for name, kind in (("sound", "flat"), ("defect", "slanted")):
        (tmp_path / "new" / "test" / name).mkdir(parents=True)
        for seed in range(300, 303):
            striped(kind, seed).save(tmp_path / "new" / "test" / name / f"{seed}.png")
    with pytest.raises(DataError) as caught:
        striate.evaluate(striate.load(trained), tmp_path / "new", min_recall=0.9)
    assert str(caught.value) == (
        "lenet5: no image is in the validation split, so no threshold can be chosen; set one by "
        "--threshold"
    )


def test_on_the_command_line_a_threshold_is_chosen_stored_and_used(
    run: Path, parts: Path, capsys: pytest.CaptureFixture[str]
):
    place = str(run)
    asked = ["--positive", "defect", "--min-recall", "1", "--save-threshold"]
    assert main(["evaluate", place, *asked]) == 0
    shown, said = capsys.readouterr()
    assert said == f"{place}: its model file now holds this threshold\n"
    assert "chosen for recall ≥ 100 %: 100 % on validation (" in shown
    threshold = striate.load(run).task.threshold
    assert f"  threshold          {threshold.value:.6g}" in shown
    assert "(positive class: defect)" in shown
    assert main(["evaluate", place, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)["binary"]
    assert (document["positive"], document["threshold"]) == ("defect", threshold.value)
    image = str(parts / "sound" / "00.png")
    assert main(["predict", place, image, "--threshold", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["class"] == "defect"
    assert main(["predict", place, image, "--positive", "none"]) == 2
    assert capsys.readouterr().err == (
        "striate: error: no class is called 'none'; there are 'defect' and 'sound'\n"
    )


def test_a_model_of_three_classes_has_no_threshold(photos: Path, tmp_path: Path):
    run = striate.train(photos, out=tmp_path / "run", network="lenet5", epochs=1, progress=False)
    for options in ({"threshold": 0.5}, {"min_recall": 0.5}, {"positive": "flat"}):
        with pytest.raises(OptionError) as caught:
            striate.evaluate(run.folder, tmp_path / "not read", **options)
        assert str(caught.value) == (
            "a positive class and a threshold are for two classes, but the model answers with one "
            "of 3 classes"
        )


@pytest.mark.parametrize(("kind", "answers"), [("numbers", "numbers"), ("mask", "a mask")])
def test_a_task_without_a_threshold_says_what_its_model_answers_with(kind: str, answers: str):
    task = bind_task(None, TargetSpec(kind, ("one", "two")))
    for asked in ({"threshold": 0.3}, {"positive": "one"}, {"min_recall": 0.9}):
        with pytest.raises(OptionError) as caught:
            task.decide(EvaluateOptions.read(asked), ())
        assert str(caught.value) == (
            "a positive class is for two classes, and a threshold for two classes or labels, but "
            f"the model answers with {answers}"
        )


NET = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self, in_channels, num_classes):
        linear = nn.Linear(in_channels * 16, num_classes)
        super().__init__(nn.AdaptiveAvgPool2d(4), nn.Flatten(), linear)
"""


def test_a_threshold_is_stored_in_the_model_of_a_network_of_ones_own(parts: Path, tmp_path: Path):
    (tmp_path / "mynet.py").write_text(NET)
    code = f"{tmp_path}/mynet.py:Net"
    run = striate.train(parts, out=tmp_path / "run", network=code, epochs=1, progress=False).folder
    before, weights = tensorfile.read(run / "model.safetensors")
    asked = {"threshold": 0.3, "save_threshold": True}
    with pytest.raises(OptionError, match="no code is run unasked"):
        striate.evaluate(run, **asked)
    found = striate.evaluate(run, network=code, **asked)
    after, same = tensorfile.read(run / "model.safetensors")
    assert before["targets"]["constants"] == {}
    assert after["targets"]["constants"] == {"positive": [1.0], "threshold": [0.3]}
    whence = {**before["provenance"], "scores": after["provenance"]["scores"]}
    assert after == {**before, "targets": after["targets"], "provenance": whence}
    assert whence["scores"]["figures"][0]["value"] == found.accuracy.value
    assert all((weights[name] == same[name]).all() for name in weights)
    assert striate.load(run, network=code).task.threshold == found.threshold == Threshold(1, 0.3)
    assert striate.evaluate(run, network=code).threshold == Threshold(1, 0.3)
    assert striate.verify(run, network=code).same
