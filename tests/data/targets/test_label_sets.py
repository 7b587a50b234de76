"""Label sets: what is counted, compared, recorded, and why they cannot be trained on."""

import numpy as np
import pytest

from striate.data.listing.columns import Records, Samples
from striate.data.listing.samples import Record, Sample, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.targets.label_sets import LabelSets

PETS = LabelSets.of(("cat", "dog", "emu"), np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]],
                                                    np.uint8))  # fmt: skip


def images(*splits: Split | None) -> Samples:
    return Samples.of(Sample(f"{at}.jpg", 0, split) for at, split in enumerate(splits))


def problems(matrix: list[list[int]], *splits: Split | None, names=("cat", "dog")):
    rows = images(*(splits or [None] * len(matrix)))
    return LabelSets.of(names, np.array(matrix, np.uint8)).problems(rows, rows, ())


def test_an_image_is_recorded_and_described_with_its_labels():
    assert PETS.entry(0) == {"labels": ["cat", "dog"]}
    assert PETS.entry(2) == {"labels": []}
    assert (PETS.describe(0), PETS.describe(2)) == ("cat, dog", "no label")


def test_equal_sets_have_equal_numbers():
    one, two, none, again = PETS.ids().tolist()
    assert one == again
    assert len({one, two, none}) == 3


def test_labels_and_images_without_any_are_counted_per_split():
    counts = PETS.count(images("train", "train", "test", "test"), ("train", "test"))
    assert counts.images == {"cat": 2, "dog": 3, "emu": 0, "(no label)": 1}
    assert counts.splits == {
        "train": {"cat": 1, "dog": 2, "emu": 0, "(no label)": 0},
        "test": {"cat": 1, "dog": 1, "emu": 0, "(no label)": 1},
    }


def test_a_model_numbers_the_labels_its_own_way():
    spec = TargetSpec("labels", ("emu", "owl", "dog", "cat"))
    aligned = PETS.aligned(spec)
    assert aligned.spec == spec
    assert aligned.values.tolist() == [[0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 1, 1]]


def test_enough_images_with_and_without_each_label_are_no_problem():
    assert problems([[1, 1], [0, 0], [1, 0], [0, 1]]) == ()
    assert problems([[1, 0], [0, 1], [1, 1]], "train", "train", "validation") == ()


def findings(matrix: list[list[int]], *splits: Split | None):
    rows = images(*(splits or [None] * len(matrix)))
    found = LabelSets.of(("cat", "dog"), np.array(matrix, np.uint8)).findings(rows)
    return [(each.kind, each.path, each.detail) for each in found]


@pytest.mark.parametrize(
    ("matrix", "kind", "detail"),
    [
        ([[1, 1], [1, 0], [1, 1], [1, 0]], "unlearned label", "on every image to train on"),
        ([[0, 1], [0, 0], [0, 1], [0, 0]], "unlearned label", "on no image to train on"),
        ([[1, 1], [0, 0], [0, 1], [0, 0]], "unjudged label", "on one image"),
        ([[1, 1], [1, 0], [1, 1], [0, 0]], "unjudged label", "missing on one"),
    ],
)
def test_a_label_with_one_value_is_found_and_the_others_are_learned(matrix, kind, detail):
    assert problems(matrix) == ()
    assert findings(matrix) == [(kind, "cat", detail)]


def test_each_label_is_looked_for_in_train_and_in_validation():
    matrix = [[1, 0], [1, 1], [0, 0], [0, 1]]
    parts = ("train", "train", "test", "validation")
    assert problems(matrix, *parts) == ()
    assert findings(matrix, *parts) == [
        ("unlearned label", "cat", "on every image to train on"),
        ("unjudged label", "dog", "on every image of validation"),
    ]
    parts = ("train", "validation", "train", "validation")
    assert findings(matrix, *parts) == [("unlearned label", "dog", "on no image to train on")]
    assert findings(matrix, "train", "validation", "validation", "train") == []


def test_where_no_label_can_be_learned_there_is_nothing_to_train():
    assert problems([[1, 0], [1, 0], [1, 0]]) == (
        "no label can be learned: all images have it, or all lack it, as 'cat', which is on every "
        "image;\nexpected one that some images have and some lack",
    )
    assert problems([[0, 0], [0, 0], [1, 1]], "train", "train", "test") == (
        "no label can be learned: all images in train have it, or all lack it, as 'cat', which is "
        "on no image;\nexpected one that some images have and some lack",
    )
    assert problems([[1, 0], [1, 1]], "test", "validation") == (
        "there are no images to train on: all 2 are in validation and test",
    )


def test_names_that_look_the_same_are_named():
    assert problems([[1, 0], [0, 1], [1, 0], [0, 1]], names=("cat", "Cat")) == (
        "labels 'cat' and 'Cat' differ only in case or Unicode form; merge or rename them",
    )


def test_without_labels_or_images_there_is_nothing_to_learn():
    assert LabelSets.of((), np.zeros((1, 0), np.uint8)).problems(
        images(None), images(None), ()
    ) == ("no image has a label; write the names of its labels, or a 1 below each",)
    none = LabelSets.of(("cat",), np.zeros((0, 1), np.uint8))
    assert none.problems(images(), images(None, None), ()) == (
        "none of the 2 images can be used; replace them",
    )


def test_images_of_all_labels_that_are_copies_are_one_image_each():
    records = Records.of([Record(digit * 64, 4, 4, 3) for digit in "abca"])
    rows = images(*[None] * 4)
    assert PETS.copied(rows, records) == ()
    only = LabelSets.of(("cat",), PETS.matrix[:, :1])
    assert only.copied(rows, records) == (
        "all 2 images with label 'cat' are copies of one; expected at least two different ones of "
        "a label",
    )
