"""Images anywhere in a folder, listed as they are needed: memory does not grow with their number.

Names of a large folder are sorted on disk.
"""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from striate.data.readers.entries import companion, hidden
from striate.data.readers.walk import set_aside
from striate.errors import DataError
from striate.storage import storage_error

_IN_MEMORY = 100_000  #: names that are sorted at once
_LONGEST = 100_000  #: bytes of a name
_BLOCK = 1 << 16


def list_unlabeled(folder: Path) -> Iterator[str]:
    """Yield the candidates anywhere in a folder, relative to it, by the rules of a class folder.

    Files come before subfolders, by code point. Unreadable subfolders are listed themselves, at
    the end.
    """
    place, unreadable = str(folder), list[str]()
    waiting: list[Iterator[str]] = [iter([""])]
    while waiting:
        inside = next(waiting[-1], None)
        if inside is None:
            waiting.pop()
            continue
        files, folders = SortedNames(), SortedNames()
        try:
            _read(place, inside, files, folders)
        except OSError:
            unreadable.append(inside.rstrip("/"))
            continue
        yield from files
        waiting.append(f"{name}/" for name in folders)
    yield from unreadable


def _read(place: str, inside: str, files: SortedNames, folders: SortedNames) -> None:
    """Add the paths of what a folder holds; `inside` is "" or ends with a slash."""
    with os.scandir(f"{place}/{inside}") as entries:
        for entry in entries:
            path = inside + entry.name
            if hidden(entry.name) or set_aside(place, path, entry):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.add(path)
            elif not companion(entry.name):
                files.add(path)


class SortedNames:
    """Names by code point; of many, all but the last are kept in temporary files."""

    def __init__(self) -> None:
        self._names = list[str]()
        self._runs = list[BufferedIOBase]()

    def add(self, name: str) -> None:
        """Raises StorageError where temporary files cannot be written."""
        self._names.append(name)
        if len(self._names) == _IN_MEMORY:
            self._names.sort()
            self._runs.append(_keep(self._names))
            self._names.clear()

    def __iter__(self) -> Iterator[str]:
        return heapq.merge(sorted(self._names), *map(_kept, self._runs))


def _keep(names: list[str]) -> BufferedIOBase:
    try:
        file = cast(BufferedIOBase, tempfile.TemporaryFile())  # noqa: SIM115 - closed with the last name
        file.write(b"".join(os.fsencode(name) + b"\0" for name in names))
        file.flush()
    except OSError as error:
        place, advice = Path(tempfile.gettempdir()), "make room, or set TMPDIR to another folder"
        raise storage_error(place, error, advice) from error
    return file


def _kept(file: BufferedIOBase) -> Iterator[str]:
    with file:
        file.seek(0)
        yield from map(os.fsdecode, split_names(iter(lambda: file.read1(_BLOCK), b""), b"\0"))


def split_names(blocks: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """Yield the names in blocks of bytes, each of which ends with `end`. Raises DataError."""
    rest = b""
    for block in blocks:
        *names, rest = (rest + block).split(end)
        yield from names
        if len(rest) >= _LONGEST:
            raise DataError(f"expected names of files, but one of {_LONGEST:,} bytes or more came")
    if rest:
        yield rest
