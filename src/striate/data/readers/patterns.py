"""Paths that a pattern of the shell stands for, as 'photos/**/*.jpg', listed as they are needed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import translate

from striate.data.readers.unlabeled import SortedNames

_UNFINISHED = ".partial"  #: ending of what is being written


def has_pattern(path: str) -> bool:
    return any(character in path for character in "*?[")


def match_paths(pattern: str) -> Iterator[str]:
    """Yield the paths like a pattern by code point, those of a folder before those in its folders.

    `*`, `?` and `[...]` stand for visible names, and ** for folders at any depth, of which the
    files alone are given; links to folders are not followed there. A folder that cannot be read is
    given itself.
    """
    parts = [part for part in pattern.split("/") if part]
    return _match("/" if pattern.startswith("/") else "", parts, deep="**" in parts)


def _match(home: str, parts: Sequence[str], *, deep: bool) -> Iterator[str]:
    """Yield the paths like the parts in a folder, which is "" or ends with a slash."""
    first, rest = parts[0], parts[1:]
    try:
        if first == "**":
            if not rest:
                yield home or "."
                return
            folders = _names(home, "*", folders=True, links=False)
            yield from _match(home, rest, deep=deep)
            for name in folders:
                yield from _match(f"{home}{name}/", parts, deep=deep)
        elif rest:
            for name in _names(home, first, folders=True, links=True):
                yield from _match(f"{home}{name}/", rest, deep=deep)
        else:
            for name in _names(home, first, folders=False if deep else None, links=True):
                yield home + name
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        yield home or "."


def _names(home: str, pattern: str, *, folders: bool | None, links: bool) -> Iterable[str]:
    """Return the names like a pattern in a folder: of folders, of all else, or of both (None)."""
    if not has_pattern(pattern):
        return [pattern] if os.path.lexists(home + pattern) else []
    found, like = SortedNames(), re.compile(translate(pattern))
    with os.scandir(home or ".") as entries:
        for entry in entries:
            name = entry.name
            if (
                like.fullmatch(name)
                and (not name.startswith(".") or pattern.startswith("."))
                and not name.endswith(_UNFINISHED)
                and (folders is None or entry.is_dir(follow_symlinks=links) == folders)
            ):
                found.add(name)
    return found
