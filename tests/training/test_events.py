"""Events are read back as they were written; the figures of an epoch are attributes too."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from striate.cli.train import _say_what_there_is
from striate.input_description import from_json
from striate.tasks.classification.task import ACCURACY
from striate.tasks.figures import Figure, Score
from striate.tasks.results import Baseline
from striate.training.events import (
    Epoch,
    Event,
    Finished,
    Scores,
    Started,
    Step,
    to_json,
)
from tests.training.trainings import epoch

MOSTLY = Baseline(0.5591, "always predicting the most frequent class", "dog")
SCORES = Scores("test", (Score(ACCURACY, 0.75, 0.5, 0.9, 20),), 1, MOSTLY)
EVENTS: list[Event] = [
    Started(
        Path("runs/a"), "lenet5", 61_706, "classification", "10 classes", ACCURACY,
        {"train": 70, "validation": 15, "test": 15}, 0, 32, 12, None, 35, 8, "cpu", 2,
        "channels-last, float32", None, 1,
    ),
    Step(1, 5, 0.7, {"accuracy": 0.5}, 0.1, 900.0, 0.1, 0.2, 30.0),
    epoch(1),
    Finished(Path("runs/a"), 12, 9, {"accuracy": 0.8}, 40.0, SCORES),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_read_back_as_it_was_written(event: Event):
    told = json.loads(json.dumps(to_json(event)))
    assert told.pop("event") == type(event).__name__
    assert from_json(type(event), told) == event


def test_scores_stand_beside_what_the_same_answer_for_all_reaches():
    said = "test accuracy 75 % (15 of 20 images, 95 % interval 50 to 90 %)"
    assert str(SCORES) == f"{said} (always “dog”: 56 %)"
    assert str(Scores("test", SCORES.figures)) == said
    error = Score(Figure("mae", "MAE", higher_is_better=False, form="number", unit="px"),
                  0.5, 0.25, 1, 9)  # fmt: skip
    median = Baseline(6.0594, "always predicting the training median")
    assert str(Scores("validation", (error,), 0, median)) == (
        "validation MAE 0.5 px (9 images, 95 % interval 0.25 to 1 px) "
        "(always predicting the training median: 6.059 px)"
    )


def test_scores_of_an_earlier_version_are_read():
    told = to_json(EVENTS[-1])
    del told["event"], told["scores"]["baseline"]
    assert from_json(Finished, told).scores == Scores("test", SCORES.figures, 1)


def test_figures_of_an_epoch_are_attributes():
    found = epoch(1, train_accuracy=0.9, validation_accuracy=0.7)
    assert (found.train_accuracy, found.validation_accuracy) == (0.9, 0.7)
    found = epoch(1, train={}, validation={"mean_iou": 0.4})
    assert found.validation_mean_iou == 0.4


@pytest.mark.parametrize(
    "name", ["validation_mae", "train_", "accuracy", "test_accuracy", "figures", "__len__"]
)
def test_an_attribute_that_an_epoch_lacks_is_an_attribute_error(name: str):
    with pytest.raises(AttributeError) as caught:
        getattr(epoch(1), name)
    assert str(caught.value) == f"Epoch has no {name!r}"


def test_an_undefined_figure_is_no_attribute():
    with pytest.raises(AttributeError, match="Epoch has no 'train_accuracy'"):
        _ = epoch(1, train={}).train_accuracy


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_an_epoch_can_be_copied(copied):
    assert copied(epoch(1)) == epoch(1)


def test_an_epoch_without_values_lacks_them_all():
    """As copy and pickle make it, before they fill it."""
    empty = Epoch.__new__(Epoch)
    for name in ("train", "validation", "train_accuracy"):
        assert not hasattr(empty, name)


def test_train_says_that_a_network_answers_alike_for_all_images(capsys):
    finished = replace(EVENTS[-1], scores=replace(SCORES, leaked=0, same_answer=True))
    _say_what_there_is(finished, ("predict", "IMAGE..."), "", "image")
    assert capsys.readouterr().out == (
        "test accuracy 75 % (15 of 20 images, 95 % interval 50 to 90 %) (always “dog”: 56 %)\n"
        "The network gives the same answer for all 20 images: it has learned nothing yet.\n"
        "report   runs/a/report.html\n"
        "model    runs/a/model.safetensors\n"
        "predict  striate predict runs/a/model.safetensors IMAGE...\n"
    )
