"""Targets of regression: equal rows, captions, counts and what `check` says against them."""

import numpy as np
import pytest

from striate.data.listing.columns import Records, Samples
from striate.data.listing.samples import Record, Sample
from striate.data.listing.target_spec import TargetSpec
from striate.data.targets.numbers import NumberTargets

NAN = float("nan")


def numbers(*rows, names=("x", "y")):
    return NumberTargets(TargetSpec("numbers", names), np.array(rows, np.float64))


def images(*splits):
    return Samples.of(Sample(f"{at}.png", 0, split) for at, split in enumerate(splits))


def problems(targets, *splits):
    found = images(*splits)
    return targets.problems(found, found, ())


def test_rows_have_equal_ids_if_their_numbers_are_equal_or_missing_alike():
    ids = numbers((0.0, NAN), (1.0, 2.0), (-0.0, -NAN), (1.0, NAN)).ids()
    assert ids[0] == ids[2]
    assert len(set(ids.tolist())) == 3


def test_targets_are_equal_if_missing_numbers_are_missing_in_both():
    assert numbers((1.0, NAN)) == numbers((1.0, NAN))
    assert numbers((1.0, NAN)) != numbers((1.0, 2.0))
    assert numbers((1.0, NAN)) != numbers((1.0, NAN), names=("x", "z"))


def test_the_entry_of_an_image_holds_null_for_a_missing_number():
    assert numbers((1.5, NAN)).entry(0) == {"numbers": {"x": 1.5, "y": None}}


def test_a_caption_names_the_columns_only_where_there_are_several():
    assert numbers((1.5, NAN)).describe(0) == "x 1.5, y ?"
    assert numbers((-12.25,), names=("angle (deg)",)).describe(0) == "-12.25"


def test_columns_are_matched_by_name_and_those_not_here_are_missing():
    aligned = numbers((1.0, 2.0)).aligned(TargetSpec("numbers", ("y", "z", "x")))
    assert aligned.spec.names == ("y", "z", "x")
    np.testing.assert_array_equal(aligned.values, [[2.0, NAN, 1.0]])


def test_chosen_rows_are_selected():
    np.testing.assert_array_equal(
        numbers((1, 2), (3, 4), (5, 6)).select([0, 2]).values[:, 0], [1, 5]
    )


def test_a_column_has_its_count_per_split_what_is_missing_and_its_range():
    targets = numbers((1.0, NAN), (4.0, NAN), (2.0, 1234567.0))
    counts = targets.count(images("train", "train", "test"), ("train", "test"))
    assert counts.images == {"x": 3, "y": 1}
    assert counts.splits == {"train": {"x": 2, "y": 0}, "test": {"x": 1, "y": 1}}
    assert counts.columns == {
        "missing": ("0", "2"),
        "min": ("1", "1.23457e+06"),
        "median": ("2", "1.23457e+06"),
        "max": ("4", "1.23457e+06"),
    }
    empty = numbers((NAN, 1.0)).count(images(None), ())
    assert empty.columns["min"] == ("–", "1")


def test_numbers_that_differ_have_no_problem():
    assert problems(numbers((1, 2), (2, 3), (3, NAN)), None, None, None) == ()
    assert problems(numbers((1, 2), (2, 3), (2, 2)), "train", "train", "validation") == ()


@pytest.mark.parametrize(
    ("rows", "splits", "expected"),
    [
        (((1, 2),), (None,), "there is one image; expected at least two: one to train on, one to "
         "validate"),
        (((1, NAN), (2, NAN)), (None, None), "no image has a number in column 'y'; expected at "
         "least two, or remove the column"),
        (((1, NAN), (2, 3)), (None, None), "only one image has a number in column 'y'; expected "
         "at least two, or remove the column"),
        (((1, 2.5), (2, 2.5)), (None, None), "column 'y' is 2.5 for every image; expected numbers "
         "that differ, or remove the column"),
        (((1, 5), (2, 5), (2, 6)), ("train", "train", "test"), "column 'y' is 5 for every image "
         "in train; expected numbers that differ, or remove the column"),
        (((1, 5), (2, 6), (2, NAN)), ("train", "train", "validation"), "no image of validation "
         "has a number in column 'y'; fill some in"),
        (((1, 5), (2, 6)), ("validation", "test"), "there are no images to train on: all 2 are in "
         "validation and test"),
    ],
)  # fmt: skip
def test_a_problem_is_a_sentence_that_says_what_to_do(rows, splits, expected):
    assert problems(numbers(*rows), *splits) == (expected,)


def test_without_a_usable_image_only_that_is_said():
    none, empty = numbers((1, 2)).select([]), images()
    assert none.problems(empty, images(None, None), ()) == (
        "none of the 2 images can be used; replace them",
    )
    assert none.problems(empty, images(None), ()) == ("the only image cannot be used; replace it",)
    assert none.problems(empty, empty, ()) == ("there are no images",)


def test_copies_of_one_image_leave_none_for_validation():
    same, other = Record("ab" * 32, 8, 8, 3), Record("cd" * 32, 8, 8, 3)
    targets = numbers((1, 2), (2, 3))
    assert targets.copied(images(None, None), Records.of([same, same])) == (
        "all 2 images are copies of one; expected at least two",
    )
    assert targets.copied(images(None, None), Records.of([same, other])) == ()
