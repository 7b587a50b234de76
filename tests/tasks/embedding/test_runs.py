"""An embedding goes all the way: train on some classes, resume, verify, judge and search others."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.readers.scan import scan
from striate.errors import DataError, OptionError
from striate.training.events import Epoch

QUICK = {
    "task": "embedding", "network": "cosine:lenet5(embedding=8)", "batch": 8, "threads": 1,
    "seed": 1, "augment": "light", "epochs": 4, "learning_rate": 0.03, "ema": 0.8,
}  # fmt: skip
NAMES = [f"turn{at:02}" for at in range(12)]


def wave(turn: int, seed: int) -> Image.Image:
    """Stripes, turned by so many twelfths of half a turn."""
    random = np.random.default_rng((turn, seed))
    down, across = np.mgrid[:20, :20]
    angle = np.pi * turn / 12
    phase = down * np.cos(angle) + across * np.sin(angle)
    pixels = 128 + 80 * np.sin(phase * 1.2 + random.uniform(0, 6)) + random.normal(0, 12, (20, 20))
    return Image.fromarray(np.clip(pixels, 0, 255).astype("uint8"))


@pytest.fixture(scope="module")
def turns(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("turns") / "turns"
    for turn, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for seed in range(16):
            wave(turn, seed).save(folder / name / f"{seed:02}.png")
    return folder


@pytest.fixture(scope="module")
def run(turns, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    options = {**QUICK, "group": "{group}/*", "validation": 0.3, "test": 0.3}
    return striate.train(turns, out=out, **options)


def test_whole_classes_are_split(run, turns):
    splits: dict[str, set[str]] = {}
    for entry in run.samples():
        splits.setdefault(entry["class"], set()).add(entry["split"])
    assert set(splits) == set(NAMES)
    assert all(len(found) == 1 for found in splits.values())
    assert set().union(*splits.values()) == {"train", "validation", "test"}
    trained = striate.load(run.folder).task.spec.constants["trained"]
    assert {NAMES[int(label)] for label in trained} == {
        name for name, found in splits.items() if found == {"train"}
    }


def test_recall_leads_and_the_best_epoch_keeps_its_threshold(run):
    epochs = run.epochs()
    best = [epoch for epoch in epochs if epoch.best][-1]
    assert best.validation["recall_at_1"] == max(e.validation["recall_at_1"] for e in epochs)
    assert set(best.train) == {"accuracy"}
    threshold = striate.load(run.folder).task.threshold
    assert -1 < threshold < 1


def test_a_stopped_training_goes_on_bit_for_bit(run, turns, tmp_path):
    options = {**QUICK, "group": "{group}/*", "validation": 0.3, "test": 0.3}
    events = striate.stream(turns, out=tmp_path / "cut", **options)
    next(event for event in events if isinstance(event, Epoch))
    events.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert [e.validation for e in again.epochs()] == [e.validation for e in run.epochs()]
    assert striate.verify(run.folder).same


def test_the_report_is_of_classes_that_are_new(run, turns, tmp_path):
    report = run.report_file.read_text("utf-8")
    assert "were not trained on" in report
    assert "One class, yet far apart" in report
    results = striate.evaluate(run.folder, turns, out=tmp_path / "page.html")
    assert results.new_classes == len(results.present) >= 2
    written = json.loads((run.folder / "evaluation.json").read_text())
    assert written["new_classes"] == results.new_classes
    assert 0 <= written["at_threshold"]["strangers_accepted"] <= 1


def test_classes_with_other_names_are_judged_too(run, turns, tmp_path):
    for name in NAMES[:3]:
        shutil.copytree(turns / name, tmp_path / "strange" / f"new {name}")
    results = striate.evaluate(run.folder, tmp_path / "strange", split="all")
    assert [row.name for row in results.per_class if not row.trained] == [
        row.name for row in results.per_class
    ]
    assert {row.name for row in results.per_class} == {f"new {name}" for name in NAMES[:3]}


@pytest.fixture
def gallery(turns, tmp_path):
    for name in NAMES[:3]:
        (tmp_path / "known" / name).mkdir(parents=True)
        for file in ("00.png", "01.png"):
            shutil.copy(turns / name / file, tmp_path / "known" / name)
    return tmp_path / "known"


def test_an_image_of_the_gallery_finds_itself(run, turns, gallery):
    (found,) = striate.predict(run.folder, turns / NAMES[1] / "00.png", gallery=gallery)
    assert found.class_name == NAMES[1]
    assert found.similarity == pytest.approx(1, abs=1e-5)
    assert found.nearest == str(gallery / NAMES[1] / "00.png")
    (strange,) = striate.predict(
        run.folder, turns / NAMES[6] / "00.png", gallery=gallery, threshold=1.0
    )
    assert strange.class_name == "none of these"
    assert strange.rejected


def test_a_gallery_of_one_picture_answers_it_or_none_of_these(run, turns, tmp_path):
    (tmp_path / "one").mkdir()
    shutil.copy(turns / NAMES[0] / "00.png", tmp_path / "one")
    found = striate.predict(
        run.folder, turns / NAMES[0] / "00.png", turns / NAMES[5], gallery=tmp_path / "one"
    )
    assert found[0].class_name == "one"
    assert {each.class_name for each in found} <= {"one", "none of these"}


def test_predictions_are_written(run, turns, gallery, tmp_path):
    (tmp_path / "no.png").write_text("no image")
    found = striate.predict(
        run.folder, turns / NAMES[1] / "00.png", tmp_path / "no.png",
        gallery=gallery, out=tmp_path / "all.csv",
    )  # fmt: skip
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines[0] == "path,class,similarity,nearest,error,notes"
    assert found.failed == 1
    assert found[0].to_json()["top"][0]["class"] == NAMES[1]


def test_a_gallery_with_a_picture_that_cannot_be_read_is_refused(run, turns, gallery):
    (gallery / NAMES[0] / "bad.png").write_text("no image")
    (gallery / NAMES[0] / "worse.png").write_text("no image")
    with pytest.raises(DataError) as caught:
        striate.predict(run.folder, turns / NAMES[0], gallery=gallery)
    assert str(caught.value) == (
        f"{gallery}: {NAMES[0]}/bad.png: not an image, one of 2 files that cannot be used"
    )


def test_an_empty_gallery_and_none_at_all_are_refused(run, turns, tmp_path, photos):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        striate.predict(run.folder, turns, gallery=tmp_path / "empty")
    assert str(caught.value).startswith(f"{tmp_path / 'empty'}: ")
    with pytest.raises(DataError, match="no such folder"):
        striate.predict(run.folder, turns, gallery=tmp_path / "nowhere")
    with pytest.raises(OptionError) as caught:
        striate.predict(run.folder, turns)
    assert str(caught.value) == (
        "the task embedding tells which images are alike; name a folder with a folder of images "
        "for each class to look in, as in --gallery known"
    )


def test_a_gallery_is_not_for_a_classifier(photos, tmp_path):
    made = striate.train(photos, out=tmp_path / "run", network="lenet5", epochs=1, threads=1)
    with pytest.raises(OptionError) as caught:
        striate.predict(made.folder, photos, gallery=photos)
    assert str(caught.value) == (
        "a gallery is searched for what is alike, but the task classification answers with a "
        "class; leave out --gallery"
    )


def test_a_classifier_cannot_leave_whole_classes_out(turns, tmp_path):
    with pytest.raises(DataError, match="are of one group"):
        striate.train(turns, out=tmp_path / "run", group="{group}/*", network="lenet5")


def test_other_networks_and_useless_options_are_refused(turns, tmp_path):
    with pytest.raises(OptionError) as caught:
        striate.train(turns, task="embedding", network="lenet5", out=tmp_path / "run")
    assert str(caught.value) == (
        "lenet5 gives a row of outputs for an image and cannot be trained for embedding, which "
        "needs an embedding and its cosines to classes; choose another network, such as "
        "cosine:lenet5"
    )
    with pytest.raises(OptionError, match="has no use for --balance weights: an angle has no"):
        striate.train(turns, task="embedding", balance="weights", out=tmp_path / "run")


def test_class_folders_are_open_where_the_task_is(turns):
    assert scan(turns, "open").targets.spec.kind == "open"
    assert scan(turns).targets.spec.kind == "label"
