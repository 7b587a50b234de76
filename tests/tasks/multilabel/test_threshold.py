"""Thresholds of labels: one given for all, or one chosen for each on validation images."""

import numpy as np
import pytest

from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.options import EvaluateOptions, PredictOptions
from striate.tasks.multilabel.task import MultiLabel

PETS = MultiLabel(TargetSpec("labels", ("cat", "dog", "emu"), {"threshold": (0.4, 0.5, 0.6)}))
RATED = np.float32([[0.9, 0.1, 0.8], [0.7, 0.9, 0.8], [0.5, 0.6, 0.8], [0.1, 0.4, 0.8]])
TRUTH = np.uint8([[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1]])


def decided(rated=RATED, **options):
    batches = [(rated[:3], TRUTH[:3]), (rated[3:], TRUTH[3:])]
    return PETS.decide(EvaluateOptions.read(options), batches).thresholds.tolist()


def test_a_threshold_holds_for_all_labels():
    assert decided(threshold=0.3) == [0.3, 0.3, 0.3]
    task = PETS.decide(PredictOptions.read({"threshold": 0.75}), ())
    assert task.answer(RATED[1], 3).labels == ("dog", "emu")
    assert task.spec.constants == {"threshold": (0.75, 0.75, 0.75)}
    assert decided(split="test") == [0.4, 0.5, 0.6]


def test_one_is_chosen_for_each_label_and_a_label_on_every_image_keeps_its_own():
    assert decided(min_precision=1.0) == pytest.approx([0.8, 0.5, 0.6])
    assert decided(min_precision=0.6) == pytest.approx([0.3, 0.5, 0.6])
    assert decided(min_recall=1.0) == pytest.approx([0.3, 0.5, 0.6])


def test_a_precision_that_a_label_does_not_reach_is_refused_with_its_name():
    with pytest.raises(OptionError) as refusal:
        decided(rated=1 - RATED, min_precision=0.9)
    assert str(refusal.value) == (
        "no threshold reaches a precision of 90.0 % for “cat”, “dog” on the 4 validation images;\n"
        "ask for less, or set one threshold for all labels by --threshold"
    )


def test_a_positive_class_is_refused():
    with pytest.raises(OptionError) as refusal:
        decided(positive="cat")
    assert str(refusal.value) == (
        "a positive class is one of two, but the model answers with labels, each with a threshold "
        "of its own;\nleave --positive out"
    )
