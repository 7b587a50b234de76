"""One class alone goes all the way, with a network that learned other classes before."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import striate
from striate.errors import OptionError
from striate.training.events import Epoch
from tests.tasks.embedding.test_runs import wave

QUICK = {"task": "anomaly", "batch": 8, "threads": 1, "seed": 1, "epochs": 3, "augment": "light",
         "network": "patches:lenet5", "learning_rate": 0.05}  # fmt: skip


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A classifier of four turns, none of which is good here."""
    place = tmp_path_factory.mktemp("teacher")
    for turn in (0, 3, 6, 9):
        (place / "data" / str(turn)).mkdir(parents=True)
        for seed in range(30):
            wave(turn, seed).save(place / "data" / str(turn) / f"{seed}.png")
    run = striate.train(place / "data", out=place / "run", network="lenet5", epochs=6, threads=1)
    return run.folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Good stripes to train on; others beside them to test, as factories have them."""
    folder = tmp_path_factory.mktemp("parts") / "parts"
    for place, turn, seeds in (
        ("train/good", 1, range(40)),
        ("test/good", 1, range(40, 55)),
        ("test/turned", 8, range(15)),
    ):
        (folder / place).mkdir(parents=True)
        for seed in seeds:
            wave(turn, seed).save(folder / place / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def run(teacher, parts, tmp_path_factory):
    return striate.train(
        parts, out=tmp_path_factory.mktemp("runs") / "run", weights=teacher, **QUICK
    )


def test_good_images_alone_are_trained_on_and_others_are_found(run, parts):
    found = striate.evaluate(run.folder, parts)
    assert (int(found.is_good.sum()), len(found)) == (15, 30)
    assert found.area.value > 0.9
    assert set(run.epochs()[-1].validation) == {"distance"}
    model = striate.load(run.folder)
    assert model.task.spec.names[model.task.good] == "good"
    assert 0 < model.task.limit < 2
    report = run.report_file.read_text("utf-8")
    assert "where it is odd" in report
    assert json.loads((run.folder / "evaluation.json").read_text())["good"] == "good"


def test_features_come_from_the_other_network_and_stay(run, teacher):
    before = striate.load(teacher).network.state_dict()
    after = striate.load(run.folder).network.state_dict()
    assert set(after) - set(before) == {"head.weight"} - set(before)
    same = [name for name in after if not name.startswith("head.")]
    assert same
    assert all((before[name] == after[name]).all() for name in same)


def test_a_stopped_training_goes_on_bit_for_bit(run, parts, teacher, tmp_path):
    events = striate.stream(parts, out=tmp_path / "cut", weights=teacher, **QUICK)
    next(event for event in events if isinstance(event, Epoch))
    events.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert striate.verify(run.folder).same


def test_predictions_are_drawn_over_their_images(run, parts, tmp_path):
    Image.fromarray(np.zeros((30, 50), np.uint8)).save(tmp_path / "black.png")
    found = striate.predict(
        run.folder, parts / "test/good/40.png", tmp_path / "black.png",
        overlays=tmp_path / "over", out=tmp_path / "all.csv",
    )  # fmt: skip
    assert [each.odd for each in found] == [False, True]
    sizes = set()
    for path in (tmp_path / "over").rglob("*.png"):
        with Image.open(path) as drawn:
            sizes.add(drawn.size)
    assert sizes == {(20, 20), (50, 30)}
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines[0] == "path,answer,score,limit,error,notes"


def test_a_folder_of_good_images_alone_is_enough(teacher, parts, tmp_path):
    shutil.copytree(parts / "train", tmp_path / "only")
    made = striate.train(tmp_path / "only", out=tmp_path / "run", weights=teacher, **QUICK)
    assert "All images here are good" in made.report_file.read_text("utf-8")


def test_without_weights_nothing_can_be_compared(parts, tmp_path):
    with pytest.raises(OptionError) as caught:
        striate.train(parts, out=tmp_path / "run", **QUICK)
    assert str(caught.value).startswith(
        "the task anomaly compares what a network sees that has learned before, and none that fits "
        "is here; give --weights with a run of yours and --network patches:NAME with its network"
    )


def test_features_may_not_change(parts, teacher, tmp_path):
    with pytest.raises(OptionError) as caught:
        striate.train(parts, out=tmp_path / "run", weights=teacher, freeze="none", **QUICK)
    assert str(caught.value) == (
        "the task anomaly has no use for --freeze none: features that may change become the same "
        "for every image; leave it out"
    )


def test_the_network_of_the_weights_must_be_the_one_inside(parts, teacher, tmp_path):
    options = {**QUICK, "network": "patches:resnet20"}
    with pytest.raises(OptionError, match="its network is lenet5, not patches:resnet20"):
        striate.train(parts, out=tmp_path / "run", weights=teacher, **options)
