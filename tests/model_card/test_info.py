"""What a model file says of itself: network, answers, scores, data, versions."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import striate
from striate import tensorfile
from striate.cli import main
from striate.data.listing.target_spec import TargetSpec
from striate.errors import StriateError
from striate.model_file import load, save
from striate.provenance import Provenance
from striate.tasks import find_answers
from striate.training.run import Run

OPTIONS = {"network": "lenet5", "epochs": 2, "threads": 1, "seed": 3, "progress": False}


@pytest.fixture(scope="module")
def made(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "stripes"
    return striate.train(photos, out=out, augment="none", **OPTIONS).folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of a run, to change."""
    return shutil.copytree(made, tmp_path / "run")


def test_a_model_file_alone_says_what_it_is(made: Path, tmp_path: Path):
    file = Path(shutil.copy(made / "model.safetensors", tmp_path / "stripes.safetensors"))
    model, run = load(file), Run(made)
    (score,) = model.provenance.scores.figures
    environment, facts = run.read_json("environment.json"), model.facts
    mean, std = (f"{values[0]:.4g}" for values in (model.preprocess.mean, model.preprocess.std))
    always = model.provenance.scores.baseline
    listed = hashlib.sha256(run.images_file.read_bytes()).hexdigest()
    data = model.provenance.data
    per_name = [
        f"  class {name:<7}  {data.per_name['train'][at]} train, "
        f"{data.per_name['validation'][at]} validation, {data.per_name['test'][at]} test"
        for at, name in enumerate(("flat", "slanted", "upright"))
    ]
    versions = [f"{k} {environment[k]}" for k in ("striate", "torch", "python", "numpy", "pillow")]
    width = max(map(len, ["measured on", always.always]))
    assert str(striate.info(file)).splitlines() == [
        f"{file}: classification of 3 classes by lenet5",
        "",
        "Model",
        "  task     classification",
        "  classes  3: flat, slanted, upright",
        "  network  lenet5, 61,111 parameters",
        "",
        "Input",
        "  size            32x32 pixels, gray",
        "  fit             letterbox: the whole image is shown, padded with black to a square",
        "  resampling      bilinear, with antialiasing",
        f"  minus mean      {mean} of values from 0 to 1",
        f"  divided by std  {std} of values from 0 to 1",
        "",
        "Scores",
        f"  {'measured on':<{width}}  {score.images} test images",
        f"  {'accuracy':<{width}}  {score.shown}, 95 % interval {score.interval}",
        f"  {always.always:<{width}}  {always.show(score)}",
        "",
        "Training data",
        "  name           stripes",
        f"  images         {facts['images']}",
        f"  SHA-256        {listed} (of the list of images, targets and splits)",
        *per_name,
        "",
        "Training",
        *(f"  {name:<19}  {text}" for name, text in facts.items() if name != "images"),
        "",
        "File",
        "  form        safetensors",
        f"  bytes       {file.stat().st_size:,}",
        f"  SHA-256     {hashlib.sha256(file.read_bytes()).hexdigest()}",
        f"  written by  {', '.join(versions)}",
    ]


def test_the_scores_in_the_file_are_those_of_the_report(made: Path):
    told = striate.info(made).to_json()["provenance"]["scores"]
    (finished,) = [each for each in Run(made).events() if each["event"] == "Finished"]
    assert told == finished["scores"]
    assert (
        told["figures"][0]["value"] == Run(made).read_json("evaluation.json")["accuracy"]["value"]
    )


def test_the_command_prints_json(made: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["info", str(made), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(
        json.dumps(striate.info(made).to_json())
    )


def test_any_program_loads_the_weights(made: Path):
    model = load(made)
    found = load_file(made / "model.safetensors")
    wanted = model.network.state_dict()
    assert found.keys() == wanted.keys()
    assert all(found[name].equal(tensor) for name, tensor in wanted.items())


def test_a_rejection_is_told_with_the_scores_that_follow(run: Path):
    before = striate.info(run)
    results = striate.evaluate(run, reject=0.05)
    told = striate.info(run)
    assert dict(told.sections())["Answers"] == [
        ("none of these", "answers so for what looks foreign, and 5.0 % of known images")
    ]
    assert (before.rejects, told.rejects) == (None, 0.05)
    assert told.scores.figures == results.scores()
    assert told.provenance.data == before.provenance.data


@pytest.mark.parametrize(
    ("kind", "task", "constants", "told"),
    [
        ("label", "classification", {"temperature": (1.5,)}, {"temperature": "1.5"}),
        (
            "label",
            "classification",
            {"positive": (1.0,), "threshold": (0.25,)},
            {"positive": "b\\n", "threshold": "0.25"},
        ),
        ("labels", "multilabel", {"threshold": (0.5, 0.25)}, {"threshold": "a 0.5, b\\n 0.25"}),
        ("open", "embedding", {"trained": (0.0, 9.0)}, {"trained": "a"}),
        ("mask", "segmentation", {"colors": (1.0,) * 6}, {"colors": "6 numbers"}),
    ],
)
def test_what_decides_an_answer_is_told_by_name(
    kind: str, task: str, constants: dict[str, tuple[float, ...]], told: dict[str, str]
):
    spec = TargetSpec(kind, ("a", "b\n"), constants)
    assert find_answers(task)(spec).tell_constants() == told


def test_scores_of_other_images_than_its_own_are_not_kept(run: Path, photos: Path, tmp_path: Path):
    others = shutil.copytree(photos, tmp_path / "others")
    striate.evaluate(run, others, reject=0.05)
    assert striate.info(run).scores is None


def test_a_file_of_an_earlier_version_is_explained_by_its_run(run: Path, tmp_path: Path):
    wanted, file = striate.info(run), run / "model.safetensors"
    description, weights = tensorfile.read(file)
    del description["provenance"]
    tensorfile.write(file, weights, description)
    assert striate.info(run).provenance == wanted.provenance
    alone = Path(shutil.copy(file, tmp_path / "alone.safetensors"))
    told = striate.info(alone)
    assert told.provenance == Provenance()
    assert [title for title, _ in told.sections()] == [
        "Model", "Input", "Training data", "Training", "File"
    ]  # fmt: skip


def test_an_ensemble_tells_of_its_members(made: Path, photos: Path, tmp_path: Path):
    second = striate.train(photos, out=tmp_path / "b", augment="none", **{**OPTIONS, "seed": 4})
    out = tmp_path / "both.safetensors"
    judged = striate.ensemble(made, second.folder, out=out)
    told = striate.info(out)
    rows = dict(told.model_rows())
    first = load(made).provenance.scores
    assert rows["network"] == "2 x lenet5, 122,222 parameters"
    assert rows["member 1"] == f"lenet5: {first}"
    assert told.scores.figures == judged.results.scores()


def test_a_network_of_ones_own_is_told_without_its_code(run: Path):
    description, weights = tensorfile.read(run / "model.safetensors")
    own = {"network": "mynet.py:Net(width=8)", "network_sha256": "0" * 64}
    tensorfile.write(run / "model.safetensors", weights, {**description, **own})
    told = striate.info(run)
    assert (told.network, told.parameters) == ("mynet.py:Net(width=8)", None)
    assert told.scores is not None


def damaged(run: Path, how: str) -> None:
    file = run / "model.safetensors"
    content = file.read_bytes()
    description, weights = tensorfile.read(file)
    if how == "cut":
        file.write_bytes(content[:-100])
    elif how == "none":
        file.unlink()
    elif how == "other version":
        tensorfile.write(file, weights, {**description, "format": 9})
    elif how == "other network":
        tensorfile.write(file, weights, {**description, "network": "resnet20"})
    elif how == "odd provenance":
        tensorfile.write(file, weights, {**description, "provenance": {"license": 5}})
    elif how == "pickle":
        torch.save(weights, file)
    else:
        save_file(weights, file)


@pytest.mark.parametrize(
    "how",
    ["cut", "none", "other version", "other network", "odd provenance", "pickle", "foreign"],
)
def test_what_is_no_model_is_refused_in_the_words_of_load(run: Path, how: str):
    damaged(run, how)
    told = list[str]()
    for ask in (striate.load, striate.info):
        with pytest.raises(StriateError) as caught:
            ask(run)
        told.append(f"{type(caught.value).__name__}: {caught.value}")
    assert told[0] == told[1]
    if how == "odd provenance":
        refused = "model refused: provenance: license: input should be a valid string"
        assert told[0] == f"ModelError: {run}/model.safetensors: {refused}"


def test_numbers_that_json_lacks_are_refused(run: Path):
    model = load(run)
    (score,) = model.provenance.scores.figures
    scores = replace(model.provenance.scores, figures=(replace(score, low=float("nan")),))
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        save(replace(model, provenance=Provenance(scores=scores)), run / "model.safetensors")


def test_bytes_of_a_name_that_are_no_text_do_not_hinder(run: Path):
    model = load(run)
    data = replace(model.provenance.data, name="caf\udce9")
    save(replace(model, provenance=Provenance(data=data)), run / "model.safetensors")
    assert striate.info(run).provenance.data.name == "caf?"
