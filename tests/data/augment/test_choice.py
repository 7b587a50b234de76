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
    found = augment_ranges("strong", AugmentParams.parse("rotate=15, hflip=no,mixup=0.2"))
    assert found == replace(LEVELS["strong"], rotate=15, hflip=False, mixup=0.2)
    assert augment_ranges("light", None) == LEVELS["light"]
    assert (default_level(1), default_level(3)) == ("light", "standard")


def test_ranges_are_parsed_when_options_are_read_and_written_as_they_were_given() -> None:
    options = TrainOptions.read({"augment_params": "rotate=15.0, hflip=no"})
    assert options.augment_params is not None
    assert (options.augment_params.rotate, options.augment_params.hflip) == (15, False)
    assert options.given() == {"augment_params": "rotate=15.0, hflip=no"}
    assert TrainOptions.read(options.given()) == options
    assert TrainOptions.read(dict(options)) == options


def test_ranges_are_text() -> None:
    with pytest.raises(OptionError) as caught:
        TrainOptions.read({"augment_params": 5})
    assert str(caught.value) == "augment_params must be text, but 5 came"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hfilp=yes", "augment_params: no option is called 'hfilp'; did you mean 'hflip'?"),
        ("rotate=181", "augment_params: rotate must be at most 180.0, but '181' came"),
        ("crop=1", "augment_params: crop must be below 1.0, but '1' came"),
        ("hflip=maybe", "augment_params: hflip must be true or false, but 'maybe' came"),
        ("mixup=nan", "augment_params: mixup must be a finite number, but 'nan' came"),
        ("rotate=1,rotate=2", "augment_params names 'rotate' twice"),
        (
            "rotate",
            "augment_params takes ranges by name, as in rotate=15,translate=0.1, but 'rotate' came",
        ),
        ("", "augment_params takes ranges by name, as in rotate=15,translate=0.1, but '' came"),
    ],
)
@pytest.mark.parametrize("model", [TrainOptions, CheckOptions])
def test_a_wrong_range_is_refused(
    model: type[TrainOptions | CheckOptions], text: str, message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        model.read({"augment_params": text})
    assert str(caught.value) == message
