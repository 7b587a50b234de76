"""Exception classes of striate, and the exit code of each on the command line.

    StriateError                        70  an internal error (if none of those below)
    ├── ProofError       (ValueError)    1  an export whose answers are not those of its model
    ├── OptionError      (ValueError)    2  a wrong option, name or size
    ├── DataError        (ValueError)    3  a folder or image that cannot be used
    ├── StorageError     (OSError)       4  a disk that is full, read-only or unreadable
    ├── BusyError        (RuntimeError)  5  a run that another process is using
    ├── DivergedError    (ArithmeticError) 6  a training run whose loss is no longer finite
    ├── ModelError       (ValueError)    7  a model file that is refused
    └── GroupError       (ConnectionError) 8  one of several training processes has ended

A message states the expectation, the actual value, where, and the remedy, in one to three lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LISTED = 12  # maximum names listed in a message


class StriateError(Exception):
    """Base class of all errors striate raises on purpose."""

    exit_code = 70


class ProofError(StriateError, ValueError):
    exit_code = 1


class OptionError(StriateError, ValueError):
    exit_code = 2


class DataError(StriateError, ValueError):
    exit_code = 3


class StorageError(StriateError, OSError):
    exit_code = 4


class BusyError(StriateError, RuntimeError):
    exit_code = 5


class DivergedError(StriateError, ArithmeticError):
    exit_code = 6


class ModelError(StriateError, ValueError):
    exit_code = 7


class GroupError(StriateError, ConnectionError):
    exit_code = 8


class PeerFailedError(GroupError):
    """Another process of the same training failed; it reports the error, this one exits quietly."""


def unknown(kind: str, name: str, known: Iterable[str]) -> OptionError:
    """Return the error for an unknown name, with up to three similar names.

    If none is similar, all known names are listed, or the closest of many.
    """
    names = sorted(known)
    seen = {_seen(name): name for name in reversed(names)}
    near = _near(name, seen, cutoff=0.5)
    if near:
        hint = f"did you mean {_either(near)}?"
    elif len(names) > _LISTED:
        nearest = _either(_near(name, seen, cutoff=0), last="and")
        hint = f"of {len(names)} names the nearest are {nearest}"
    else:
        hint = f"there are {_either(names, last='and')}"
    return OptionError(f"no {kind} is called {printable(repr(name), 200)}; {hint}")


def _near(name: str, seen: dict[str, str], cutoff: float) -> list[str]:
    if (exact := _seen(name)) in seen:
        return [seen[exact]]
    return [seen[match] for match in difflib.get_close_matches(exact, seen, n=3, cutoff=cutoff)]


def _seen(name: str) -> str:
    """Normalize a name: without separators, with similar letters and digits made equal."""
    return name.lower().translate(str.maketrans("oil", "011", "-_ "))


def printable(text: str, most: int | None = None) -> str:
    """Return the text on one line: control, direction and undecodable characters are escaped.

    Characters after the first `most` are dropped.
    """
    shown = text[:most]
    if not shown.isprintable():
        shown = "".join(map(_escape, shown))
    return shown + ("..." if most is not None and len(text) > most else "")


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def visible(text: str) -> str:
    """Return text safe for a terminal: `printable`, but keeping line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def _either(names: list[str], last: str = "or") -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"
