"""Targets are named in words, and those a model does not know are refused."""

from __future__ import annotations

from itertools import permutations

import pytest

from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError

PETS = TargetSpec("label", ("cat", "dog"))


def test_targets_are_counted_in_words() -> None:
    assert str(PETS) == "2 classes"
    assert str(TargetSpec("numbers", ("angle",))) == "1 number"


def test_a_model_is_judged_on_the_names_it_knows_in_any_order_and_number() -> None:
    TargetSpec("label", ("dog", "cat")).check_known(PETS, "photos")
    TargetSpec("label", ("dog",)).check_known(PETS, "photos")


def test_names_that_a_model_was_not_trained_on_are_refused() -> None:
    with pytest.raises(DataError) as error:
        TargetSpec("label", ("owl", "cat", "ant")).check_known(PETS, "photos")
    assert str(error.value) == (
        "photos: 'ant', 'owl' of its 3 classes are not among the 2 that the model was trained on: "
        "'cat', 'dog';\n"
        "name them as the model does, or give --rename FILE.csv, whose lines are a name of the "
        "images, a comma, and the model's name for it"
    )


def test_many_names_are_counted_with_commas() -> None:
    known = TargetSpec("label", tuple(f"class {at:04}" for at in range(1235)))
    with pytest.raises(DataError) as error:
        TargetSpec("label", ("ant", "class 0007")).check_known(known, "photos")
    assert str(error.value) == (
        "photos: 'ant' of its 2 classes are not among the 1,235 that the model was trained on: "
        "'class 0000', 'class 0001', 'class 0002', 'class 0003', 'class 0004' and 1,230 more;\n"
        "name them as the model does, or give --rename FILE.csv, whose lines are a name of the "
        "images, a comma, and the model's name for it"
    )


ASKED = {"label": "a class", "labels": "labels", "numbers": "numbers", "mask": "a mask"}


@pytest.mark.parametrize(("given", "known"), [*permutations(ASKED, 2)])
def test_targets_of_another_kind_are_refused(given: str, known: str) -> None:
    with pytest.raises(DataError) as error:
        TargetSpec(given, ("x", "y")).check_known(TargetSpec(known, ("x", "y")), "photos")
    assert str(error.value) == (
        f"photos: gives {ASKED[given]} for every image, but the model answers with {ASKED[known]}; "
        f"evaluate it on images that have {ASKED[known]}"
    )
