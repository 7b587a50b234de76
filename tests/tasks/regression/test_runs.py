"""Numbers go all the way: check, find-rate, train, resume, verify, evaluate, predict, load."""

import csv
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate import tensorfile
from striate.data.augment.ranges import AugmentRanges
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.loader import ImageDataset, load_split
from striate.data.prepare import prepare_images, scan_images
from striate.errors import DataError, OptionError
from striate.images import contact_sheet
from striate.options import TrainOptions
from striate.progress import drain
from striate.tasks import bind_task
from striate.tasks.regression.task import Regression
from striate.training.events import Epoch, Finished, Note, Started
from tests.tasks import gauges
from tests.training import forks

BLANK = Image.new("RGB", (8, 8))
MIRRORED = "place (px)=-v,light=same"
QUICK = {
    "network": "lenet5", "batch": 8, "threads": 1, "seed": 3, "augment": "standard",
    "mirrored": MIRRORED, "ema": 0.8, "schedule": "plateau", "patience": 8, "epochs": 6,
    "learning_rate": 0.02,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return gauges.write(tmp_path_factory.mktemp("gauges") / "data")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return striate.train(data, out=tmp_path_factory.mktemp("runs") / "run", **QUICK)


def test_check_counts_each_column(data):
    found = striate.check(data)
    assert found.trainable
    text = str(found)
    assert "80 images in 2 numbers (manifest)" in text
    assert "It can be trained on: regression." in text
    lines = [line.split() for line in text.splitlines()]
    assert ["number", "images", "missing", "min", "median", "max"] in lines
    assert next(line for line in lines if line[:1] == ["light"])[1:3] == ["64", "16"]


def test_each_mirrored_bar_has_the_number_of_where_it_is_now(data):
    listing = scan_images(data)
    prepared = drain(
        prepare_images(
            data, listing, Preprocess(gauges.SIDE, 1), SplitFractions(0.1, 0.1), trainable=True
        )
    )
    task = bind_task(None, listing.targets.spec).configure(TrainOptions(mirrored=MIRRORED))
    ranges = task.ranges(AugmentRanges(hflip=True, brightness=0.1))
    train = load_split(
        prepared.decoded, "train", prepared.preprocess, torch.device("cpu"), task.augment
    )
    signs = set()
    for batch in train.train_batches(16, seed=0, epoch=0, variation=ranges):
        seen = gauges.places(batch.images[:, 0].numpy())
        np.testing.assert_allclose(batch.targets[:, 0], seen, atol=0.3)
        signs |= set(np.sign(seen[np.abs(seen) > 3]).tolist())
    assert signs == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("mirrored", "expected"), [(None, (False, 8)), ("place (px)=-v,light=same", (True, 0))]
)
def test_training_leaves_out_what_makes_a_number_wrong(
    data, tmp_path, monkeypatch, mirrored, expected
):
    seen, usual = set(), ImageDataset.train_batches

    def noting(images, size, **settings):
        seen.add((settings["variation"].hflip, settings["variation"].rotate))
        return usual(images, size, **settings)

    monkeypatch.setattr(ImageDataset, "train_batches", noting)
    options = {**QUICK, "mirrored": mirrored, "epochs": 1, "autotune": "yes"}
    striate.train(data, out=tmp_path / "run", **options)
    assert seen == {expected}


def test_the_best_epoch_has_the_least_error(run):
    epochs = run.epochs()
    best = [epoch for epoch in epochs if epoch.best][-1]
    assert best.validation["mae"] == min(epoch.validation["mae"] for epoch in epochs)
    assert best.validation_mae < 0.8
    assert set(best.train) == {"mae", "rmse", "r2"}


def test_nothing_in_the_run_speaks_of_accuracy_or_classes(run):
    for name in ("report.html", "events.jsonl", "evaluation.json"):
        text = (run.folder / name).read_text("utf-8").lower()
        assert "accuracy" not in text, name
    assert "validation MAE 0." in repr(run)
    assert repr(run).endswith(" std)")
    first = json.loads((run.folder / "pictures.jsonl").read_text().splitlines()[0])
    assert first["numbers"]["light"] is None
    assert list(first) == ["path", "numbers", "split", "sha256"]


def test_the_events_name_task_and_figure_and_say_what_is_left_out_once(data, tmp_path):
    events = list(striate.stream(data, out=tmp_path / "run", **{**QUICK, "epochs": 1}))
    started = next(event for event in events if isinstance(event, Started))
    assert (started.task, started.targets) == ("regression", "2 numbers")
    assert (started.figure.title, started.figure.unit) == ("MAE", "std")
    notes = [event.text for event in events if isinstance(event, Note)]
    assert [text for text in notes if text.startswith("augmentation")] == [
        "augmentation: rotate left out, as that would change 'place (px)'; what is named in "
        "--augment-params is used all the same"
    ]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.validation.keys() == {"mae", "rmse", "r2"}
    assert str(finished.scores).startswith("test MAE ")


def test_a_run_is_resumed_and_verified_to_the_last_bit(data, run, tmp_path):
    cut = striate.stream(data, out=tmp_path / "cut", **QUICK)
    next(event for event in cut if isinstance(event, Epoch))
    cut.close()
    again = striate.train(resume=tmp_path / "cut")
    (told, tensors), (expected, whole) = map(tensorfile.read, (again.model_file, run.model_file))
    assert told == expected
    assert tensorfile.digest(tensors) == tensorfile.digest(whole)
    assert [epoch.weights for epoch in again.epochs()] == [e.weights for e in run.epochs()]
    assert striate.verify(run.folder).same


@pytest.mark.parametrize("source", ["folder", "shards"])
@pytest.mark.parametrize("room", ["100", "0.00001"])
def test_folder_shards_and_stream_give_the_same_run(data, run, tmp_path, monkeypatch, source, room):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STRIATE_CACHE_GB", room)
    place = data
    if source == "shards":
        place = tmp_path / "shards"
        packed = striate.pack(data, place)
        assert str(packed).startswith(f"{place}: 80 images of 2 numbers in 1 shard, ")
    again = striate.train(place, out=tmp_path / "run", **{**QUICK, "epochs": 2, "patience": 2})
    assert [e.weights for e in again.epochs()] == [e.weights for e in run.epochs()][:2]


def test_a_rate_is_found(data):
    assert math.isfinite(striate.find_rate(data, steps=20, network="lenet5", batch=8).suggested)


def test_a_model_answers_in_the_unit_of_each_column(data, run, tmp_path):
    model = striate.load(run.folder)
    assert isinstance(model.task, Regression)
    out = tmp_path / "answers.csv"
    answers = striate.predict(model, data.parent, out=out)
    with data.open() as file:
        true = {row["path"]: float(row["place (px)"]) for row in csv.DictReader(file)}
    errors = [abs(a.values["place (px)"] - true[a.path.rpartition("/")[2]]) for a in answers]
    assert np.mean(errors) < 1.5
    rows = list(csv.reader(out.read_text().splitlines()))
    assert rows[0] == ["path", "place (px)", "light", "error", "notes"]
    assert float(rows[1][1]) == pytest.approx(answers[0].values["place (px)"], rel=1e-6)
    assert not any(cell.startswith("'") for row in rows for cell in row)
    assert "place (px)  light or error  notes" in str(answers)


def test_an_evaluation_compares_with_the_best_constant(data, run, tmp_path):
    results = striate.evaluate(run.folder, data, out=tmp_path / "page.html")
    mae, rmse, r2 = results.scores()
    assert [score.figure.name for score in (mae, rmse, r2)] == ["mae", "rmse", "r2"]
    assert mae.low < mae.value < mae.high < results.baseline().value
    kept = json.loads((run.folder / "evaluation.json").read_text())
    assert kept["mae"]["value"] == pytest.approx(mae.value)
    assert [column["name"] for column in kept["per_column"]] == list(gauges.COLUMNS)
    page = (tmp_path / "page.html").read_text("utf-8")
    for text in ("Errors by column", "Predicted and true", "The worst errors", "predicted = true"):
        assert text in page


def test_images_of_classes_do_not_fit_a_model_of_numbers(run, photos):
    with pytest.raises(DataError) as caught:
        striate.evaluate(run.folder, photos)
    assert str(caught.value) == (
        f"{photos}: gives a class for every image, but the model answers with numbers; evaluate "
        "it on images that have numbers"
    )


def test_a_flip_without_its_meaning_is_refused_before_an_image_is_decoded(data, tmp_path):
    with pytest.raises(OptionError) as caught:
        striate.train(data, out=tmp_path / "run", augment_params="hflip=yes")
    assert str(caught.value) == (
        "hflip may change 'place (px)', 'light'; say what becomes of a value v with --mirrored, "
        "as in place=-v or place=same"
    )


def test_the_sheet_of_check_says_the_number_of_a_mirrored_image(data, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(contact_sheet, "_drawn", lambda rows, *_: told.extend(rows) or BLANK)
    striate.check(data, augment="standard", mirrored=MIRRORED, out=tmp_path / "sheet.png")
    captions = [words for row in told for words in row.words]
    for row in told:
        place = float(row.name.partition("place (px) ")[2].partition(",")[0])
        for image, words in zip(row.images, row.words, strict=True):
            if abs(place) > 4:  # farther than an image is moved
                seen = gauges.places(image[None, ..., 0]).item()
                assert (seen > 0) == ((place > 0) != ("\nplace " in words)), words
    assert any("\nplace " in words for words in captions)
    assert any("\n" not in words for words in captions)


@pytest.mark.parametrize("loss", ["absolute", "huber"])
def test_the_loss_is_chosen_by_task_params(data, tmp_path, loss):
    options = {**QUICK, "task_params": f"loss={loss}", "epochs": 1}
    events = striate.stream(data, out=tmp_path / loss, **options)
    chosen = next(event for event in events if isinstance(event, Epoch))
    assert 0 < chosen.validation_loss < 1


def test_two_processes_measure_what_one_does(data, tmp_path):
    """Sums of errors are added up over processes, and all agree on the best epoch."""
    options = {**QUICK, "epochs": 2, "augment": "light"}
    one, two = forks.train_by_one_and_two(data, tmp_path, options)
    for mine, theirs in zip(one, two, strict=True):
        assert theirs.validation == pytest.approx(mine.validation, rel=1e-3)
        assert theirs.train == pytest.approx(mine.train, rel=1e-3)
