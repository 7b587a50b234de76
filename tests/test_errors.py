"""The error tree, its exit codes, and the sentences for names that do not exist."""

from __future__ import annotations

import re

import pytest

from striate import errors
from striate.errors import OptionError, StriateError, printable, unknown

COLORS = ("crimson", "scarlet", "teal")


def test_the_tree_drawn_at_the_top_is_the_tree() -> None:
    drawn = re.findall(r"(\w+Error) +(?:\((\w+)\))? +(\d+)", errors.__doc__ or "")
    assert len(drawn) == 9
    for name, builtin, code in drawn:
        kind = getattr(errors, name)
        assert issubclass(kind, StriateError)
        assert kind.exit_code == int(code)
        assert not builtin or kind.__mro__[2].__name__ == builtin
    assert {kind.__name__ for kind in StriateError.__subclasses__()} < {row[0] for row in drawn}


def test_every_error_has_an_exit_code_of_its_own() -> None:
    kinds = [StriateError, *StriateError.__subclasses__()]
    assert len({kind.exit_code for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scralet", "no color is called 'scralet'; did you mean 'scarlet'?"),
        ("CRIMSON", "no color is called 'CRIMSON'; did you mean 'crimson'?"),
        ("q", "no color is called 'q'; there are 'crimson', 'scarlet' and 'teal'"),
        ("", "no color is called ''; there are 'crimson', 'scarlet' and 'teal'"),
        ("te\nal", r"no color is called 'te\nal'; did you mean 'teal'?"),
        ("te\x1bal\udc80", r"no color is called 'te\x1bal\udc80'; did you mean 'teal'?"),
        (
            "z" * 5000,
            f"no color is called '{'z' * 199}...; there are 'crimson', 'scarlet' and 'teal'",
        ),
    ],
)
def test_a_misspelled_name_is_corrected(name: str, message: str) -> None:
    error = unknown("color", name, COLORS)
    assert isinstance(error, OptionError)
    assert str(error) == message


def test_up_to_three_names_are_proposed() -> None:
    error = unknown("network", "lenet", ["lenet3", "lenet4", "lenet5", "lenet6"])
    assert str(error) == (
        "no network is called 'lenet'; did you mean 'lenet6', 'lenet5' or 'lenet4'?"
    )


@pytest.mark.parametrize("name", ["ResNet18", "ResNet-18", "resnet_18", "RESNET 18", "resnetl8"])
def test_a_name_in_another_spelling_is_known(name: str) -> None:
    error = unknown("network", name, ["resnet18", "resnet101", "resnet110", "resnet152"])
    assert str(error) == f"no network is called {name!r}; did you mean 'resnet18'?"


def test_of_many_names_the_nearest_three_are_listed() -> None:
    names = [f"network{number}" for number in range(11, 65)]
    assert str(unknown("network", "zzz", names)) == (
        "no network is called 'zzz'; of 54 names the nearest are 'network64', 'network63' and "
        "'network62'"
    )
    assert str(unknown("network", "", names)).count("'network") == 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Ünïcode 猫 🐈.png", "plain Ünïcode 猫 🐈.png"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("caf\udce9", r"caf\udce9"),
        ("\u2028", r"\u2028"),
    ],
)
def test_what_would_move_the_cursor_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_cut() -> None:
    assert printable("abcdef", 6) == "abcdef"
    assert printable("abcdefg", 6) == "abcdef..."
    assert printable("a\nb\nc", 2) == r"a\n..."
