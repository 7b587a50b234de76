"""Ranges are named in one text, checked, and stand in place of those of the level."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from striate.data.augment.ranges import LEVELS, AugmentRanges, augment_ranges, default_level
from striate.errors import OptionError
from striate.options import AugmentParams, CheckOptions, TrainOptions


def test_every_range_is_an_option() -> None:
    assert {field.name for field in fields(AugmentRanges)} == set(AugmentParams.model_fields)


def test_given_ranges_stand_in_place_of_those_of_the_level() -> None:
    found = augment_ranges("strong", "rotate=15, hflip=no,mixup=0.2")
    assert found == replace(LEVELS["strong"], rotate=15, hflip=False, mixup=0.2)
    assert augment_ranges("light", None) == LEVELS["light"]
    assert (default_level(1), default_level(3)) == ("light", "standard")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trun=3", "vary: no option is called 'trun'; did you mean 'turn'?"),
        ("rotate=181", "vary: turn must be at most 180.0, but '181' came"),
        ("crop=1", "vary: crop must be below 1.0, but '1' came"),
        ("mirror=maybe", "vary: mirror must be true or false, but 'maybe' came"),
        ("mixup=nan", "vary: mixup must be a finite number, but 'nan' came"),
        ("rotate=1,rotate=2", "vary names 'turn' twice"),
        ("turn", "vary takes ranges by name, as in rotate=15,translate=0.1, but 'turn' came"),
        ("", "vary takes ranges by name, as in rotate=15,translate=0.1, but '' came"),
    ],
)
@pytest.mark.parametrize("model", [TrainOptions, CheckOptions])
def test_a_wrong_range_is_refused(
    model: type[TrainOptions | CheckOptions], text: str, message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        model.read({"vary": text})
    assert str(caught.value) == message
