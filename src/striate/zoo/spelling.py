"""Names of networks, which may carry arguments for the builder: "mobilenet_v1(width=0.5)"."""

from __future__ import annotations

import ast
from typing import Any

from striate.errors import OptionError, printable

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
        if len(spelled) > _LONGEST:
            raise ValueError
        call = ast.parse(f"_({rest}", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
            raise ValueError
        arguments = {entry.arg or "": ast.literal_eval(entry.value) for entry in call.keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        arguments = {"": None}
    if "" in arguments or not all(map(_plain, arguments.values())):
        raise OptionError(
            f"{printable(spelled, 200)}: expected arguments of numbers up to {_MOST:,}, "
            "as in mobilenet_v1(width=0.5)"
        )
    return name, arguments


def _plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_plain, value))
    return isinstance(value, int | float) and 0 <= value <= _MOST
