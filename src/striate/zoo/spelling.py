"""Names of networks, which may carry arguments for the builder: "mobilenet_v1(width=0.5)"."""

from __future__ import annotations

from typing import Any

from striate.errors import OptionError, printable
from striate.text import MISWRITTEN, arguments

_LONGEST = 100  # characters: what a model file may name
_MOST = 65_536  # of any number


def parsed(spelled: str) -> tuple[str, dict[str, Any]]:
    """The name, and arguments written as in Python: numbers, True, False and tuples of those.

    Raises OptionError.
    """
    name, bracket, rest = spelled.partition("(")
    if not bracket:
        return name, {}
    try:
        listed, named = arguments(rest, _LONGEST - len(name) - 1)
    except MISWRITTEN:
        listed, named = [None], {}
    if listed or "" in named or not all(map(_plain, named.values())):
        raise OptionError(
            f"{printable(spelled, 200)}: expected arguments of numbers up to {_MOST:,}, "
            "as in mobilenet_v1(width=0.5)"
        )
    return name, named


def _plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_plain, value))
    return isinstance(value, int | float) and 0 <= value <= _MOST
