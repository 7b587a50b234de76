"""What mirroring an image makes of its numbers, and the augmentation that leaves them right."""

from dataclasses import replace

import pytest
import torch

from striate.data.augment.ranges import LEVELS, AugmentRanges
from striate.errors import OptionError
from striate.tasks.regression.mirrors import Mirroring

STANDARD = LEVELS["standard"]
EVERYTHING = AugmentRanges(
    rotate=8, translate=0.1, scale=0.1, hflip=True, vflip=True, shear=5, aspect=0.2, crop=0.2,
    brightness=0.1, erase=0.1,
)  # fmt: skip


def mirroring(text, *names, named=()):
    return Mirroring.parse(text, names or ("x",), frozenset(named))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("-v", -3.0), ("v", 3.0), ("same", 3.0), ("640-v", 637.0), ("1 - v", -2.0), ("0.5-v", -2.5)],
)
def test_a_rule_says_what_becomes_of_a_value(rule, expected):
    values = torch.tensor([[3.0], [3.0]], dtype=torch.float64)
    moved = mirroring(f"x = {rule}").apply(values, torch.tensor([True, False]))
    assert moved.tolist() == [[expected], [3.0]]


def test_each_column_has_its_rule_whatever_the_order():
    values = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    found = mirroring("b (m)=10-v,a=-v", "a", "b (m)")
    assert found.apply(values, torch.tensor([True])).tolist() == [[-1.0, 8.0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x=w", "--mirrored says for every column what a value v becomes in an image mirrored left "
         "to right, as in angle=-v,x=640-v,age=same, but 'x=w' came;\n"
         "it can name 'x', 'y', or say same of all of them"),
        ("x=640v", "--mirrored says for every column what a value v becomes in an image mirrored "
         "left to right, as in angle=-v,x=640-v,age=same, but 'x=640v' came;\n"
         "it can name 'x', 'y', or say same of all of them"),
        ("", "--mirrored says for every column what a value v becomes in an image mirrored left to "
         "right, as in angle=-v,x=640-v,age=same, but '' came;\n"
         "it can name 'x', 'y', or say same of all of them"),
        ("X=-v,y=-v", "--mirrored names no column 'X';\n"
         "it can name 'x', 'y', or say same of all of them"),
        ("x=-v,x=v,y=v", "--mirrored names the column 'x' twice"),
        ("x=-v", "--mirrored leaves out 'y'; where moving an image does not change it, add y=same"),
    ],
)  # fmt: skip
def test_what_is_said_wrongly_of_columns_is_an_error(text, expected):
    with pytest.raises(OptionError) as caught:
        mirroring(text, "x", "y")
    assert str(caught.value) == expected


CELLS = ("WBC (cells)", "RBC (cells)", "size [px]", "size [mm]", "light", "light (lx)")


def test_a_unit_may_be_left_out_where_one_column_has_the_name():
    text = "WBC=same,RBC (cells)=-v,size [px]=9-v,size [mm]=v,light=-v,light (lx)=same"
    values = torch.tensor([[1.0, 2, 3, 4, 5, 6]], dtype=torch.float64)
    moved = mirroring(text, *CELLS).apply(values, torch.tensor([True]))
    assert moved.tolist() == [[1, -2, 6, 4, -5, 6]]


def test_same_alone_is_said_of_every_column():
    found = mirroring(" same", "a", "b (m)")
    assert found == mirroring("a=same,b=same", "a", "b (m)")
    assert found.ranges(EVERYTHING) == EVERYTHING


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("size=-v", "--mirrored names 'size', which is 'size [px]', 'size [mm]'; add the unit"),
        ("RBC=-v,RBC (cells)=-v", "--mirrored names the column 'RBC (cells)' twice"),
        ("PLT=same", "--mirrored names no column 'PLT';\nit can name 'WBC', 'RBC', 'size [px]', "
         "'size [mm]', 'light', 'light (lx)', or say same of all of them"),
        ("WBC=same,size [mm]=v,light=v,light (lx)=v", "--mirrored leaves out 'RBC (cells)', "
         "'size [px]'; where moving an image does not change it, add RBC=same"),
    ],
)  # fmt: skip
def test_what_can_be_named_is_listed(text, expected):
    with pytest.raises(OptionError) as caught:
        mirroring(text, *CELLS)
    assert str(caught.value) == expected


def test_the_first_of_many_columns_are_listed():
    with pytest.raises(OptionError) as caught:
        mirroring("x=v", *(f"c{at:02} (m)" for at in range(20)))
    assert str(caught.value) == (
        "--mirrored names no column 'x';\nit can name 'c00', 'c01', 'c02', 'c03', 'c04', 'c05', "
        "'c06', 'c07', 'c08', 'c09', 'c10', 'c11' and 8 more, or say same of all of them"
    )


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        (None, {"hflip", "vflip"}),
        ("x=same", set()),
        ("x=-v", {"vflip", "rotate", "shear"}),
        ("x=640-v", {"vflip", "rotate", "shear", "translate", "scale", "aspect", "crop"}),
        ("x=v", {"vflip", "rotate", "shear", "translate", "scale", "aspect", "crop"}),
    ],
)
def test_augmentation_that_makes_a_number_wrong_is_left_out(text, left_out):
    off = AugmentRanges()
    expected = replace(EVERYTHING, **{name: getattr(off, name) for name in left_out})
    found = mirroring(text).ranges(EVERYTHING)
    assert found == expected
    assert type(found.vflip) is bool


def test_the_most_careful_column_decides():
    found = mirroring("a=same,b=-v", "a", "b").ranges(EVERYTHING)
    assert (found.rotate, found.translate, found.vflip) == (0, 0.1, False)


def test_what_is_asked_for_by_name_is_used_all_the_same():
    assert mirroring("x=-v", named=("rotate",)).ranges(EVERYTHING).rotate == 8


@pytest.mark.parametrize(
    ("text", "flip", "expected"),
    [
        (None, "hflip", "hflip may change 'x', 'y'; say what becomes of a value v with --mirrored, "
         "as in x=-v or x=same"),
        (None, "vflip", "vflip may change 'x', 'y'; say what becomes of a value v with --mirrored, "
         "as in x=-v or x=same"),
        ("x=-v,y=same", "vflip", "vflip turns an image upside down, and what becomes of 'x' there "
         "is not known; leave it out of --augment-params"),
    ],
)  # fmt: skip
def test_a_flip_that_is_asked_for_needs_to_be_explained(text, flip, expected):
    found = mirroring(text, "x", "y", named=(flip,))
    found.check(AugmentRanges())
    with pytest.raises(OptionError) as caught:
        found.check(AugmentRanges(**{flip: True}))
    assert str(caught.value) == expected


@pytest.mark.parametrize(("text", "flip"), [("x=-v", "hflip"), ("x=same", "vflip")])
def test_a_flip_that_is_explained_is_used(text, flip):
    found = mirroring(text, named=(flip,))
    found.check(AugmentRanges(**{flip: True}))
    assert getattr(found.ranges(EVERYTHING), flip) is True


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        (None, STANDARD, "augmentation: hflip left out, as that might change 'x'; turning or "
         "moving an image is taken to change no number; --mirrored says what does, as in x=-v or "
         "x=same"),
        (None, LEVELS["light"], "augmentation: turning or moving an image is taken to change no "
         "number; --mirrored says what does, as in x=-v or x=same"),
        (None, AugmentRanges(brightness=0.1), ""),
        ("x=-v", STANDARD, "augmentation: rotate left out, as that would change 'x'; what is named "
         "in --augment-params is used all the same"),
        ("x=same", EVERYTHING, ""),
    ],
)  # fmt: skip
def test_one_line_says_what_is_left_out_and_how_to_say_it(text, asked, expected):
    assert mirroring(text).note(asked) == expected
