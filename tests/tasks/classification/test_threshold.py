"""The threshold of two classes: stored in the spec, set or chosen, and decided by."""

from __future__ import annotations

import numpy as np
import pytest

from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.options import EvaluateOptions, PredictOptions
from striate.tasks.classification.results import make_evaluation
from striate.tasks.classification.task import Classification
from striate.tasks.classification.threshold import EVENLY, Aim, Threshold
from striate.tasks.results import About

PARTS = TargetSpec("label", ("defect", "sound"))
#: probabilities of "sound" of eight validation images, and their labels: 5 of 8 are sound
SCORES = np.float32([0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1])
LABELS = np.array([1, 1, 0, 1, 1, 0, 1, 0])


def batches(labels=LABELS):
    rated = np.stack([1 - SCORES, SCORES], axis=1)
    yield rated[:3], labels[:3]
    yield rated[3:], labels[3:]


def changed(spec=PARTS, labels=LABELS, **options) -> Threshold:
    task = Classification(spec)
    return task.decide(EvaluateOptions.read(options), batches(labels)).threshold


def test_without_a_threshold_the_more_probable_class_is_answered_and_of_equal_ones_the_first():
    rated = np.float32([[0.6, 0.4], [0.5, 0.5], [0.4, 0.6]])
    assert EVENLY.decide(rated).tolist() == [0, 0, 1]
    assert EVENLY.decide(np.float32([0.2, 0.3, 0.5])) == 2


@pytest.mark.parametrize(
    ("threshold", "answers"),
    [
        (Threshold(1, 0.3), [0, 1, 1, 1]),
        (Threshold(0, 0.3), [0, 0, 0, 1]),
        (Threshold(1, 0.0), [1, 1, 1, 1]),
        (Threshold(1, 1.0), [0, 0, 0, 1]),
    ],
)
def test_the_positive_class_is_answered_from_the_threshold_on(threshold: Threshold, answers):
    rated = np.float32([[0.8, 0.2], [0.7, 0.3], [0.4, 0.6], [0.0, 1.0]])
    assert threshold.decide(rated).tolist() == answers
    assert [int(threshold.decide(row)) for row in rated] == answers


def test_an_answer_is_the_class_decided_for_with_its_own_probability():
    task = Classification(Threshold(1, 0.2).store(PARTS))
    answer = task.answer(np.float32([0.75, 0.25]), 3)
    assert (answer.class_name, answer.probability) == ("sound", 0.25)
    assert answer.top == (("sound", 0.25), ("defect", 0.75))
    assert task.answer(np.float32([0.75, 0.25]), 1).top == (("sound", 0.25),)
    assert task.answer(np.float32([0.875, 0.125]), 3).class_name == "defect"


def test_a_threshold_is_stored_beside_the_other_constants_of_a_spec():
    spec = TargetSpec("label", PARTS.names, {"mean": (0.5,)})
    stored = Threshold(0, 0.25).store(spec)
    assert stored.constants == {"mean": (0.5,), "positive": (0.0,), "threshold": (0.25,)}
    assert Threshold.stored(stored) == Threshold(0, 0.25)
    assert Threshold(1).store(stored).constants == {"mean": (0.5,), "positive": (1.0,)}
    assert Threshold.stored(PARTS) == Threshold(1, None) == EVENLY


@pytest.mark.parametrize(
    ("names", "constants", "message"),
    [
        ("abc", {"threshold": (0.5,)}, "a threshold is for two classes, but there are 3"),
        ("ab", {"threshold": (1.5,)}, "threshold must be a number from 0 to 1, not (1.5,)"),
        ("ab", {"threshold": ()}, "threshold must be a number from 0 to 1, not ()"),
        (
            "ab",
            {"threshold": (0.5,), "min_recall": (0.9,)},
            "min_recall must be the share asked for, hits and images, not (0.9,)",
        ),
        ("ab", {"positive": (2.0,)}, "positive must be 0 or 1, the place of a class, not (2.0,)"),
    ],
)
def test_a_stored_threshold_that_fits_no_two_classes_is_refused(names, constants, message):
    with pytest.raises(OptionError) as caught:
        Classification(TargetSpec("label", tuple(names), constants))
    assert str(caught.value) == message


def test_options_set_the_positive_class_and_the_threshold():
    assert changed(threshold=0.3) == Threshold(1, 0.3)
    assert changed(positive="defect", threshold=0.3) == Threshold(0, 0.3)
    task = Classification(PARTS).decide(PredictOptions.read({"threshold": 0.1}), ())
    assert task.threshold == Threshold(1, 0.1)


def test_another_positive_class_voids_the_threshold_of_the_one_before():
    stored = Threshold(1, 0.3).store(PARTS)
    assert changed(stored, positive="sound") == Threshold(1, 0.3)
    assert changed(stored, positive="defect") == Threshold(0, None)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"min_precision": 1.0}, (0.8 + 0.7) / 2),  # 2 of 2
        ({"min_precision": 0.75}, (0.4 + 0.3) / 2),  # 4 of 5; 3 of 4 finds fewer
        ({"min_recall": 0.6}, (0.4 + 0.3) / 2),  # 4 of 5; 3 of 4 is less precise
        ({"min_recall": 1.0}, (0.2 + 0.1) / 2),
        ({"min_recall": 1.0, "positive": "defect"}, (0.3 + 0.2) / 2),
    ],
)
def test_a_threshold_is_chosen_in_the_middle_below_the_score_that_reaches_what_is_wanted(
    asked, expected
):
    assert changed(**asked).value == pytest.approx(expected, abs=1e-6)


def test_what_a_threshold_was_chosen_for_is_stored_and_said():
    chosen = changed(min_precision=0.75)
    assert chosen.aim == Aim("precision", 0.75, 4, 5)
    stored = chosen.store(PARTS)
    assert stored.constants["min_precision"] == (0.75, 4.0, 5.0)
    assert Threshold.stored(stored) == chosen
    assert changed(stored, positive="sound") == chosen
    assert changed(stored, threshold=0.3) == Threshold(1, 0.3)
    assert Threshold(1, 0.3).store(stored).constants.keys() == {"positive", "threshold"}
    assert chosen.aim.describe("sound") == (
        "precision ≥ 75 %: 80 % on validation (4 of 5 images predicted sound)"
    )
    assert changed(min_recall=0.6).aim.describe("sound") == (
        "recall ≥ 60 %: 80 % on validation (4 of 5 images of sound)"
    )


def test_an_evaluation_says_what_its_threshold_was_chosen_for_and_whether_it_is_missed():
    rated = np.tile(np.float32([[0.3, 0.7], [0.6, 0.4]]), (20, 1))
    labels, paths = np.tile([1, 0, 0, 0], 10), [f"{at}.png" for at in range(40)]
    aim = Aim("precision", 0.9, 10, 11)
    about, threshold = About("net", "test", tuple(paths), 0), Threshold(1, 0.6315, aim)
    found = make_evaluation(rated, labels, PARTS.names, about, threshold)
    chosen = (
        "threshold 0.6315, chosen for precision ≥ 90 %: 91 % on validation (10 of 11 images "
        "predicted sound)"
    )
    missed = (
        "Of these images the precision is 50 % (95 % interval 30 to 70 %), clearly below the 90 % "
        "that the threshold was chosen for."
    )
    assert [remark.text for remark in found.remarks()][-2:] == [f"T{chosen[1:]}.", missed]
    assert [line.strip() for line in repr(found).split("\n")][-3:-1] == [chosen, missed]
    assert found.to_json()["chosen_for"] == {
        "share": "precision", "asked": 0.9, "hits": 10, "images": 11
    }  # fmt: skip


def test_below_the_lowest_score_the_middle_is_half_of_it():
    labels = np.array([0, 0, 0, 0, 0, 0, 0, 1])
    assert changed(labels=labels, min_recall=1.0).value == pytest.approx(0.05)


def test_between_neighboring_numbers_the_score_itself_is_the_threshold():
    high = np.float32(0.7)
    low = np.nextafter(high, np.float32(0))
    rated = np.float32([[1 - high, high], [1 - low, low]])
    options = EvaluateOptions.read({"min_precision": 1.0})
    task = Classification(PARTS).decide(options, [(rated, np.array([1, 0]))])
    assert task.threshold.value == float(high)


def test_a_precision_that_no_threshold_reaches_is_answered_with_the_highest_there_is():
    labels = np.array([0, 1, 1, 1, 0, 0, 1, 0])
    with pytest.raises(OptionError) as caught:
        changed(labels=labels, min_precision=0.9)
    assert str(caught.value) == (
        "no threshold reaches a precision of 90.0 % for 'sound' on the 8 validation images;\n"
        "the highest is 75.0 %, with a recall of 75.0 %, at --threshold 0.600000024"
    )


def test_without_an_image_of_the_positive_class_no_threshold_can_be_chosen():
    with pytest.raises(OptionError) as caught:
        changed(labels=np.zeros(8, int), min_recall=0.5)
    assert str(caught.value) == (
        "none of the 8 validation images is of 'sound': no threshold can be chosen"
    )


def test_an_unknown_class_and_more_than_two_are_refused():
    with pytest.raises(OptionError) as caught:
        changed(positive="defekt")
    assert str(caught.value) == "no class is called 'defekt'; did you mean 'defect'?"
    with pytest.raises(OptionError) as caught:
        changed(TargetSpec("label", ("a", "b", "c")), threshold=0.5)
    assert str(caught.value) == (
        "a positive class and a threshold are for two classes, but the model answers with one of "
        "3 classes"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"threshold": 0.3, "min_recall": 0.9},
            "threshold, min_precision and min_recall each set it; give one",
        ),
        (
            {"save_threshold": True},
            "save_threshold stores what positive, threshold, min_precision or min_recall sets; "
            "give one of them",
        ),
        ({"threshold": 1.5}, "threshold must be at most 1.0, but 1.5 came"),
        ({"min_precision": 0}, "min_precision must be above 0.0, but 0 came"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(OptionError) as caught:
        EvaluateOptions.read(options)
    assert str(caught.value) == message
