"""Masks go all the way, from check to predict, on generated pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.listing.samples import IGNORE
from striate.data.readers.voc import voc_table
from striate.errors import OptionError
from striate.training.events import Epoch, Note, Started
from striate.training.run import Run
from tests.tasks.segmentation.scenes import COUNT, HIGH, NAMES, WIDE, write_scenes
from tests.training import forks

OPTIONS = {
    "network": "unet(width=4)",
    "size": 32,
    "batch": 4,
    "threads": 1,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "epochs": 4,
    "autotune": "no",
}


@pytest.fixture
def scenes(tmp_path):
    return write_scenes(tmp_path / "scenes")


def test_masks_are_learned_judged_and_predicted(scenes, tmp_path):
    checked = striate.check(scenes)
    assert checked.trainable
    assert "It can be trained on: segmentation." in str(checked)
    steps = {
        name: value for name, value in OPTIONS.items() if name not in ("learning_rate", "epochs")
    }
    assert striate.find_rate(scenes, steps=10, **steps).losses
    run = striate.train(scenes, out=tmp_path / "whole", **OPTIONS)
    first = striate.stream(scenes, out=tmp_path / "cut", **OPTIONS)
    started = next(event for event in first if isinstance(event, Started))
    assert (started.task, started.figure.title) == ("segmentation", "mean IoU")
    next(event for event in first if isinstance(event, Epoch))
    first.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert striate.verify(run.folder).same
    best = max(epoch.validation["mean_iou"] for epoch in run.epochs())
    assert striate.load(run.folder).facts["validation mean IoU"] == f"{100 * best:.1f} %"
    assert run.epochs()[-1].train_loss < run.epochs()[0].train_loss
    told = json.loads((run.folder / "evaluation.json").read_text())
    assert told["class_names"] == list(NAMES)
    assert np.sum(told["confusion"]) == (HIGH * WIDE - 3) * told["images"]
    model = striate.load(run.folder)
    results = striate.evaluate(model, scenes, split="all", out=tmp_path / "page.html")
    assert len(results) == COUNT
    assert results.scores()[0].value > results.baseline().value
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "mean IoU" in page
    assert "accuracy on" not in page
    rows = striate.predict(model, scenes / "images", masks=tmp_path / "predicted")
    assert rows[0].mask.shape == (HIGH, WIDE)
    written = np.asarray(Image.open(tmp_path / "predicted" / "00.png"))
    assert np.array_equal(written, rows[0].mask)
    tiled = striate.predict(model, scenes / "images/00.png", tile=16)
    whole = striate.predict(model, scenes / "images/00.png", tile="whole")
    assert np.mean(tiled[0].mask != whole[0].mask) < 1e-2


def test_weights_dice_and_cutmix_train_too(scenes, tmp_path):
    options = {
        **OPTIONS,
        "epochs": 1,
        "balance": "weights",
        "label_smoothing": 0.1,
        "task_params": "dice=1",
        "augment_params": "cutmix=0.5,hflip=yes",
        "accumulate": 2,
    }
    run = striate.train(scenes, out=tmp_path / "run", **options)
    assert np.isfinite(run.epochs()[0].train_loss)
    terms = "with class weights, label smoothing, Dice loss"
    facts = striate.load(run.folder).facts
    assert (facts["task params"], facts["training loss"]) == ("dice=1", terms)
    assert (
        f"Training loss is measured {terms}, validation loss without: the two are not the same "
        "quantity, so compare each with itself."
    ) in run.report_file.read_text("utf-8")


def test_a_network_of_single_answers_cannot_be_trained_on_masks(scenes, tmp_path):
    with pytest.raises(OptionError) as error:
        striate.train(scenes, out=tmp_path / "run", **{**OPTIONS, "network": "resnet20"})
    assert str(error.value) == (
        "resnet20 gives a row of outputs for an image and cannot be trained for segmentation, "
        "which needs outputs for every pixel; choose another network, such as unet(width=16)"
    )


OWN = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, classes, stride=1):
        first = nn.Conv2d(3, 8, 3, stride, padding=1)
        super().__init__(first, nn.ReLU(), nn.Conv2d(8, classes, 3, padding=1))
"""


def test_a_network_of_ones_own_is_trained_on_masks(scenes, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    options = {**OPTIONS, "network": f"{tmp_path}/own.py:Net", "task_params": "crop_size=16"}
    run = striate.train(scenes, out=tmp_path / "run", **options)
    model = striate.load(run.folder, network=options["network"])
    results = striate.evaluate(model, scenes, split="all")
    assert results.scores()[0].value > results.baseline().value
    (row,) = striate.predict(model, scenes / "images/00.png")
    assert row.mask.shape == (HIGH, WIDE)


def test_a_network_of_ones_own_with_coarser_outputs_is_refused(scenes, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    options = {**OPTIONS, "network": f"{tmp_path}/own.py:Net(stride=2)"}
    with pytest.raises(OptionError) as error:
        striate.train(scenes, out=tmp_path / "run", **options)
    assert str(error.value) == (
        "own.py:Net(stride=2) gives (1, 3, 16, 16) for 1 image of 3x32x32 in evaluation; "
        "expected (1, 3, 32, 32), an output for each of 3 classes at every pixel"
    )


def test_two_processes_measure_what_one_does(scenes, tmp_path):
    """Pixels are added up over processes; the loss of an image is the same in any of them."""
    options = {**OPTIONS, "epochs": 2, "augment_params": "cutmix=0.5,hflip=yes"}
    one, two = forks.train_by_one_and_two(scenes, tmp_path, options)
    for mine, theirs in zip(one, two, strict=True):
        assert theirs.train_loss == pytest.approx(mine.train_loss, rel=1e-3)
        assert theirs.train == pytest.approx(mine.train, abs=1e-3)


def test_masks_of_other_values_are_judged_by_the_names_of_their_classes(scenes, tmp_path):
    run = striate.train(scenes, out=tmp_path / "run", **{**OPTIONS, "epochs": 1})
    expected = striate.evaluate(run.folder, scenes, split="all")
    (scenes / "classes.txt").write_text("7 box\n8 ground\n9 disc\n255 void\n")
    for path in (scenes / "masks").iterdir():
        mask = np.asarray(Image.open(path))
        turned = np.select([mask == 0, mask == 1, mask == 2], [8, 9, 7], IGNORE)
        Image.fromarray(turned.astype(np.uint8)).save(path)
    found = striate.evaluate(run.folder, scenes, split="all")
    assert np.array_equal(found.confusion, expected.confusion)
    assert found.spec.names == expected.spec.names


def test_a_folder_of_pascal_voc_with_a_few_of_its_classes_trains(scenes, tmp_path):
    (tmp_path / "voc").mkdir()
    (scenes / "classes.txt").unlink()
    (scenes / "images").rename(tmp_path / "voc/JPEGImages")
    (scenes / "masks").rename(tmp_path / "voc/SegmentationClass")
    for path in (tmp_path / "voc/SegmentationClass").iterdir():
        mask = Image.open(path)
        mask.putpalette(b"".join(color.to_bytes(3, "big") for color in voc_table().colors))
        mask.save(path)
    checked = striate.check(tmp_path / "voc")
    assert checked.trainable
    text = str(checked)
    assert "18 unseen class: no mask to train on shows it: it is not learned" in text
    assert "    bottle: in no mask\n    and 15 more\n" in text
    options = {**OPTIONS, "epochs": 1, "balance": "weights", "label_smoothing": 0.1}
    events = list(striate.stream(tmp_path / "voc", out=tmp_path / "run", **options))
    assert next(event.text for event in events if isinstance(event, Note)) == (
        "no mask to train on shows “bird”, “boat”, “bottle”, “bus”, “car” and 13 more, which will "
        "not be learned"
    )
    assert "18 unseen class" in (tmp_path / "run/report.html").read_text("utf-8")
    assert Run(tmp_path / "run").epochs()[0].train_loss < 10
