"""Names of networks, which may carry arguments for the builder: "mobilenet_v1(width=0.5)"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from striate.errors import OptionError, printable
from striate.text import MISWRITTEN, parse_arguments

_LONGEST = 100  # characters: what a model file may name
_LONGEST_OWN = 1000  # the same of a network that is not ours
_MOST = 65_536  # of any number


def parsed(spelled: str) -> tuple[str, dict[str, Any]]:
    """The name, and arguments written as in Python: numbers, True, False and tuples of those.

    Raises OptionError.
    """
    name, listed, named = _cut(spelled, _LONGEST)
    if listed or not all(map(_plain, named.values())):
        raise OptionError(
            f"{printable(spelled, 200)}: expected arguments of numbers up to {_MOST:,}, "
            "as in mobilenet_v1(width=0.5)"
        )
    return name, named


def parsed_own(spelled: str) -> tuple[str, dict[str, Any]]:
    """The same of a user's own network, whose arguments may be any literal of Python."""
    name, listed, named = _cut(spelled, _LONGEST_OWN)
    if listed:
        raise OptionError(
            f"{printable(spelled, 200)}: expected arguments by name, "
            "as in Net(width=32, activation='relu')"
        )
    return name, named


def spelled(name: str, named: Mapping[str, Any]) -> str:
    """What `parsed` reads."""
    listed = ", ".join(f"{word}={value!r}" for word, value in named.items())
    return f"{name}({listed})" if named else name


def _cut(spelled: str, longest: int) -> tuple[str, list[Any], dict[str, Any]]:
    """The name, and its arguments by place and by name; what is not written so has a place."""
    name, bracket, rest = spelled.partition("(")
    if not bracket:
        return name, [], {}
    try:
        listed, named = parse_arguments(rest, longest - len(name) - 1)
    except MISWRITTEN:
        listed, named = [None], {}
    return name, [None] if "" in named else listed, named


def _plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_plain, value))
    return isinstance(value, int | float) and 0 <= value <= _MOST
