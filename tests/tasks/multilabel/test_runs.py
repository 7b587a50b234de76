"""Several labels go all the way: check, find-rate, train, resume, verify, evaluate, predict."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import striate
from striate import tensorfile
from striate.errors import DataError
from striate.training.events import Epoch, Note, Step
from tests.tasks.shapes import NAMES, shapes

QUICK = {
    "network": "lenet5", "batch": 8, "threads": 1, "seed": 3, "augment": "light", "ema": 0.8,
    "augment_params": "mixup=0.2", "epochs": 6, "learning_rate": 0.03,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return shapes(tmp_path_factory.mktemp("shapes") / "data", 160)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return striate.train(data, out=tmp_path_factory.mktemp("runs") / "run", **QUICK)


def test_check_counts_each_label_and_images_without_any(data):
    found = striate.check(data)
    assert found.trainable
    text = str(found)
    assert "160 images in 3 labels (manifest)" in text
    assert "It can be trained on: multilabel." in text
    assert found.counts == {"blue": 80, "green": 80, "red": 80, "(no label)": 20}
    assert found.to_json()["labels"]["(no label)"] == 20


def test_a_rate_is_found(data):
    assert striate.find_rate(data, network="lenet5", threads=1, steps=20).losses


def test_the_best_epoch_has_the_highest_map_and_its_thresholds(run):
    epochs = run.epochs()
    best = [epoch for epoch in epochs if epoch.best][-1]
    assert best.validation["mAP"] == max(epoch.validation["mAP"] for epoch in epochs) > 0.75
    assert set(best.train) == {"micro_f1"}
    thresholds = striate.load(run.folder).task.spec.constants["threshold"]
    assert len(thresholds) == 3
    assert all(0 <= each < 1 for each in thresholds)
    assert thresholds != (0.5, 0.5, 0.5)


def same(one: Path, other: Path) -> bool:
    (about, tensors), (its, others) = (tensorfile.read(each) for each in (one, other))
    return about == its and tensorfile.digest(tensors) == tensorfile.digest(others)


def test_a_run_that_was_stopped_is_the_same_to_the_last_bit(data, run, tmp_path):
    first = striate.stream(data, out=tmp_path / "cut", **QUICK)
    for _ in range(2):
        next(event for event in first if isinstance(event, Epoch))
    first.close()
    again = striate.train(resume=tmp_path / "cut", progress=False)
    assert same(again.model_file, run.model_file)
    assert striate.verify(run.folder).same


def test_a_damaged_model_file_is_written_again_with_its_thresholds(data, tmp_path):
    made = striate.train(data, out=tmp_path / "run", progress=False, **{**QUICK, "epochs": 1})
    then = tensorfile.read(made.model_file)[0]["targets"]
    made.model_file.write_bytes(b"damaged")
    first = striate.stream(resume=made.folder, epochs=2)
    next(event for event in first if isinstance(event, Step))
    first.close()
    assert tensorfile.read(made.model_file)[0]["targets"] == then


def test_shards_train_the_same_network(data, run, tmp_path):
    packed = striate.pack(data, tmp_path / "shards")
    assert str(packed).endswith("160 images of 3 labels in 1 shard, 0.4 MB")
    about = json.loads((tmp_path / "shards" / "shards.json").read_text())
    assert (about["version"], about["targets"]["kind"]) == (2, "labels")
    again = striate.train(tmp_path / "shards", out=tmp_path / "run", progress=False, **QUICK)
    assert again.epochs()[-1].weights == run.epochs()[-1].weights


def test_a_stream_trains_the_same_network(data, run, tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "own cache"))
    monkeypatch.setenv("STRIATE_CACHE_GB", "0.00001")
    events = list(striate.stream(data, out=tmp_path / "run", **QUICK))
    assert any(isinstance(event, Note) and "streamed" in event.text for event in events)
    assert [e.weights for e in events if isinstance(e, Epoch)] == [e.weights for e in run.epochs()]


def test_the_report_shows_labels_and_no_classes(run):
    page = run.report_file.read_text()
    for text in ("Label by label, the weakest first", "Errors that occur together", "mAP"):
        assert text in page
    assert "accuracy" not in page
    said = json.loads((run.folder / "evaluation.json").read_text())
    assert said["labels"] == sorted(NAMES)
    assert said["scores"]["mAP"]["value"] > 0.6


def test_predictions_name_every_label_or_none(data, run, tmp_path):
    out = tmp_path / "answers.csv"
    images = [data.parent / f"{at:03}.png" for at in range(16)]
    answers = striate.predict(run.folder, *images, out=out)
    hits = [set(answer.labels) == {n for at, n in enumerate(NAMES) if (k % 8) >> at & 1}
            for k, answer in enumerate(answers)]  # fmt: skip
    assert np.mean(hits) > 0.3
    with out.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "labels", "probabilities", "error", "notes"]
    assert [row[1].split(";") if row[1] else [] for row in rows[1:]] == [
        list(answer.labels) for answer in answers
    ]


def test_thresholds_are_kept_in_the_model_file(run, tmp_path):
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(run.model_file.read_bytes())
    found = striate.evaluate(copy, run.read_options()["data"], threshold=0.3, save_threshold=True)
    assert found.thresholds.tolist() == [0.3, 0.3, 0.3]
    assert striate.load(copy).task.thresholds.tolist() == [0.3, 0.3, 0.3]
    chosen = striate.evaluate(run.folder, min_recall=0.9, split="validation")
    assert all(row.recall.value >= 0.9 for row in chosen.per_label)


def test_data_of_classes_are_refused(run, tmp_path, data):
    (tmp_path / "list.csv").write_text("path,label\n000.png,cat\n001.png,dog\n")
    for name in ("000.png", "001.png"):
        (tmp_path / name).write_bytes((data.parent / name).read_bytes())
    with pytest.raises(DataError) as refusal:
        striate.evaluate(run.folder, tmp_path / "list.csv")
    assert str(refusal.value) == (
        f"{tmp_path}/list.csv: 'cat', 'dog' of its 2 labels are not among the 3 that the model was "
        "trained on: 'blue', 'green', 'red';\n"
        "name them as the model does, or give --rename FILE.csv, whose lines are a name of the "
        "images, a comma, and the model's name for it"
    )


def test_a_label_on_every_image_trains_with_a_note_and_counts_for_no_map(tmp_path):
    data = shapes(tmp_path / "shapes", 48)
    lines = data.read_text().splitlines()
    rest = [f"{line.rstrip(';')};road".replace(",;", ",") for line in lines[1:]]
    data.write_text("\n".join([lines[0], *rest]))
    text = str(striate.check(data))
    assert (
        "1 unlearned label: images to train on all have it, or all lack it: it is not learned\n"
        "    road: on every image to train on\n"
    ) in text
    assert "It can be trained on: multilabel." in text
    options = {**QUICK, "epochs": 1, "balance": "weights"}
    events = list(striate.stream(data, out=tmp_path / "run", **options))
    assert next(event.text for event in events if isinstance(event, Note)) == (
        "images to train on all have, or all lack: “road”; this is not learned"
    )
    found = striate.evaluate(tmp_path / "run")
    assert found.everywhere == ("road",)
    assert found.thresholds[found.labels.index("road")] == 0.5
    assert "1 unlearned label" in (tmp_path / "run/report.html").read_text("utf-8")


def test_where_no_label_can_be_told_apart_nothing_is_trained(tmp_path):
    data = shapes(tmp_path / "shapes", 8)
    data.write_text("path,labels\n" + "\n".join(f"{at:03}.png,road" for at in range(8)))
    with pytest.raises(DataError) as refusal:
        striate.train(data, out=tmp_path / "run", **QUICK)
    assert str(refusal.value) == (
        f"{data}: no label can be learned: all images have it, or all lack it, as 'road', which is "
        "on every image;\nexpected one that some images have and some lack"
    )


def test_validation_images_alike_in_every_label_train_without_a_leading_figure(tmp_path):
    data = shapes(tmp_path / "shapes", 48)
    head, *rows = data.read_text().splitlines()
    parts = ["validation" if at % 8 == 7 else "train" for at in range(48)]
    lines = (f"{row},{part}" for row, part in zip(rows, parts, strict=True))
    data.write_text("\n".join([f"{head},split", *lines]))
    events = list(striate.stream(data, out=tmp_path / "run", **{**QUICK, "epochs": 1}))
    assert next(event.text for event in events if isinstance(event, Note)) == (
        "validation images all have, or all lack: “blue”, “green”, “red”; this is left out of mAP"
    )
    assert events[-1].validation.keys() == {"micro_f1"}
    assert [score.figure.name for score in events[-1].scores.figures] == [
        "micro_f1",
        "macro_f1",
        "exact_match",
    ]
    found = striate.evaluate(tmp_path / "run", split="validation")
    assert found.thresholds.tolist() == [0.5, 0.5, 0.5]
