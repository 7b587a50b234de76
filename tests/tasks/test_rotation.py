"""Whether a picture is upright is learned without labels, and goes all the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.data.augment.ranges import LEVELS
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.model import Ensemble, Pairs
from striate.tasks.classification.task import Classification
from striate.tasks.rotation.task import TURNS, Rotation
from striate.training.events import Epoch
from striate.verbs.look import look

OPTIONS: dict[str, Any] = {
    "task": "rotation",
    "network": "lenet5",
    "batch": 8,
    "threads": 1,
    "optimizer": "adamw",
    "learning_rate": 0.003,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Loose pictures of a bright sky over dark ground."""
    place, random = tmp_path_factory.mktemp("views"), np.random.default_rng(0)
    rows = np.arange(28)[:, None, None]
    for number in range(48):
        sky, ground = random.uniform(150, 250, 3), random.uniform(10, 90, 3)
        view = np.where(rows < random.integers(8, 20), sky, ground)
        noisy = view + random.normal(0, 12, (28, 40, 3))
        Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(place / f"{number:02}.png")
    return place


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> striate.Run:
    return striate.train(data, out=tmp_path_factory.mktemp("runs") / "whole", epochs=8, **OPTIONS)


def test_rotation_goes_all_the_way(data: Path, run: striate.Run, tmp_path: Path):
    assert striate.check(data, task="rotation").task == "rotation"
    first = striate.stream(data, out=tmp_path / "cut", epochs=8, **OPTIONS)
    next(event for event in first if isinstance(event, Epoch))
    first.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert striate.verify(run.folder).same
    told = json.loads((run.folder / "evaluation.json").read_text())
    assert tuple(told["class_names"]) == TURNS
    assert told["accuracy"]["value"] > 0.8
    report = run.report_file.read_text("utf-8")
    assert "it is shown as in its file." in report
    assert "mislabeled" not in report.lower()
    assert "lenet5 on rotation" in report
    assert look(run.folder, data / "07.png", show="classes", out=tmp_path / "seen")
    once, twice = (striate.evaluate(run.folder, data, split="test").to_json() for _ in range(2))
    assert once["confusion"] == twice["confusion"] == told["confusion"]


def test_what_is_turned_left_is_called_so():
    images = torch.rand(5, 3, 6, 6)
    turned, turns = Rotation(TargetSpec("image")).make_pairs(images, torch.arange(5) + 40)
    assert [TURNS[turn] for turn in turns.tolist()] == [*TURNS, "upright"]
    for image, made, degrees in zip(images, turned, (0, 90, 180, 270, 0), strict=True):
        shown = Image.fromarray(image[0].numpy()).rotate(degrees)  # counterclockwise
        assert np.array_equal(made[0].numpy(), np.asarray(shown))


def test_photographs_that_lie_on_their_side_are_found(data: Path, run: striate.Run, tmp_path: Path):
    for turn, degrees in zip(TURNS, (0, 90, 180, 270), strict=True):
        with Image.open(data / "07.png") as image:
            image.rotate(degrees, expand=True).save(tmp_path / f"{turn}.png")
    found = striate.predict(run.folder, tmp_path, out=tmp_path / "found.csv")
    assert {Path(each.path).stem: each.class_name for each in found} == {
        turn: turn for turn in TURNS
    }
    assert (tmp_path / "found.csv").read_text().startswith("path,class,probability,")


def test_a_classifier_begins_with_what_rotation_learned(
    data: Path, run: striate.Run, tmp_path: Path
):
    for number, path in enumerate(sorted(data.iterdir())):
        (tmp_path / "classes" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "classes" / "ab"[number % 2] / path.name).write_bytes(path.read_bytes())
    given = {**OPTIONS, "epochs": 1, "weights": run.folder}
    told = striate.train(
        tmp_path / "classes", out=tmp_path / "told", fit="letterbox", **{**given, "task": None}
    )
    first, second = (striate.load(each.folder).network.state_dict() for each in (run, told))
    same = {name for name in first if torch.equal(first[name], second[name])}
    assert same == {name for name in first if not name.startswith("head")}
    given["weights"] = told.folder
    back = striate.train(data, out=tmp_path / "back", **given)
    assert striate.load(back.folder).preprocess.fit == "crop"  # not that of the weights


def test_an_evaluation_answers_as_a_prediction_of_the_turned_image_does(run: striate.Run):
    model = striate.load(run.folder)
    spec = replace(model.task.spec, constants={"temperature": (3.0,)})
    hot = replace(model, task=replace(model.task, spec=spec))
    pixels = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3)).astype("uint8")
    turned = np.stack([np.rot90(image, turn) for turn, image in enumerate(pixels)])
    decoded, pairs = hot.decode_pairs(pixels, torch.arange(4))
    assert pairs.targets.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(decoded, hot.decode(turned), rtol=1e-5)
    other = replace(model, preprocess=replace(model.preprocess, mean=(0.1,) * 3))
    both = Ensemble((model, other), model.task, model.fractions)
    decoded, _ = both.decode_pairs(pixels, keys=torch.arange(4))
    np.testing.assert_allclose(decoded, both.decode(turned), rtol=1e-5)


def test_a_temperature_is_found_as_for_classes():
    turns = np.arange(200) % 4
    rated = (5 * torch.randn(200, 4) + 3 * torch.eye(4)[turns]).softmax(dim=1).numpy()
    pairs = Pairs(np.zeros(0), turns)
    fitted = Rotation(TargetSpec("image", TURNS)).calibrate([(rated, pairs)])
    known = Classification(TargetSpec("label", TURNS)).calibrate([(rated, turns)])
    assert fitted.temperature == known.temperature > 1


def test_images_are_not_turned_otherwise(data: Path):
    task, asked = Rotation(TargetSpec("image")), replace(LEVELS["strong"], vflip=True, rotate=90)
    assert task.ranges(asked) == LEVELS["strong"]
    assert task.note(LEVELS["strong"]) == ""
    assert task.note(asked) == (
        "images are not flipped upside down nor turned by more than 20°: that is the answer"
    )


def test_what_does_not_fit_is_refused_in_words(data: Path, run: striate.Run, tmp_path: Path):
    def refused(verb: Any, *given: Any, **options: Any) -> str:
        with pytest.raises(OptionError) as caught:
            verb(*given, **options)
        return str(caught.value)

    shown = "bars and stretching tell how an image is turned; --fit crop shows its center"
    assert refused(striate.train, data, fit="letterbox", **OPTIONS) == (
        f"the task rotation has no use for --fit letterbox: {shown}; leave it out"
    )
    assert refused(striate.train, data, augment_params="mixup=0.2", **OPTIONS) == (
        "the task rotation cannot learn from blended images; leave mixup out of --augment-params"
    )
    assert refused(striate.predict, run.folder, data, masks=tmp_path / "masks") == (
        "the model answers with a turn, which is no picture; leave masks out"
    )
    assert refused(striate.evaluate, run.folder, data, reject=0.05) == (
        "an image can be none of several classes or labels, but the model answers with a turn; "
        "leave out --reject and --foreign"
    )
