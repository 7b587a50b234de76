"""A file that takes hours to write: after a kill, the same command goes on where it was.

Rows stand in FILE.rows.partial. A line of FILE.journal.partial says how many of them are on disk,
and is written after they are; what lies behind them is cut off. Both are gone when FILE is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from striate import storage
from striate.errors import BusyError, OptionError, StorageError, printable

_BEGIN = "remove its .rows.partial to begin anew"
ANEW = f"repeat the first command to go on, or {_BEGIN}"
_GO_ON = "make room and repeat the command, which goes on where it was"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is safely on disk."""

    images: int = 0
    failed: int = 0
    size: int = 0  #: of their rows, in bytes
    names: str = ""  #: SHA-256 of the names of the images


class Unfinished:
    """Rows of a file that is not finished, and the journal of how many are on disk."""

    def __init__(self, path: Path, rows: BinaryIO, journal: BinaryIO, done: Mark) -> None:
        self.path, self.done = path, done
        self._rows, self._journal = rows, journal

    def write(self, text: str) -> None:
        """Raises StorageError."""
        with _explained(self.path):
            self._rows.write(text.encode("utf-8", "surrogateescape"))

    def mark(self, images: int, failed: int, names: str) -> None:
        """Keep what is written: the rows of so many images. Raises StorageError."""
        with _explained(self.path):
            _sync(self._rows)
            self.done = Mark(images, failed, self._rows.tell(), names)
            self._journal.write(_line(asdict(self.done)))
            _sync(self._journal)

    def finish(
        self, convert: Callable[[Path, Callable[[], Iterable[str]]], None] | None = None
    ) -> None:
        """Give the rows the name of the file, or what `convert` writes there of their lines.

        Raises StorageError.
        """
        rows, journal = _places(self.path)
        with _explained(self.path):
            if convert is None:
                rows.replace(self.path)
            else:
                convert(self.path, partial(_lines, rows))
            for place in (journal, rows):
                place.unlink(missing_ok=True)
            storage.sync_folder(self.path.parent)


def _lines(rows: Path) -> Iterator[str]:
    with rows.open(encoding="ascii") as file:
        yield from file


@contextlib.contextmanager
def unfinished(path: Path, made_by: Mapping[str, str]) -> Generator[Unfinished]:
    """Open what a command that was `made_by` these wrote of a file, or begin it.

    Raises OptionError if it was another command, BusyError if one is writing it now, StorageError.
    """
    rows, journal = _places(path)
    with contextlib.ExitStack() as held:
        with _explained(path):
            begun = rows.exists() and journal.exists()
            file = held.enter_context(rows.open("a+b"))
            _hold(file, path)
            done = _read(path, journal, made_by) if begun else Mark()
            if os.fstat(file.fileno()).st_size < done.size:
                what = f"has fewer bytes than {printable(journal.name)} says"
                raise StorageError(f"{printable(str(rows))}: {what}; remove it to begin anew")
            file.truncate(done.size)
            file.seek(done.size)
            storage.write(journal, _line({"by": dict(made_by)}) + _line(asdict(done)))
            lines = held.enter_context(journal.open("ab"))
        yield Unfinished(path, file, lines, done)


def _places(path: Path) -> tuple[Path, Path]:
    """Return the files for the rows and the journal; readers of folders pass over such names."""
    rows, journal = (f"{path.name}.{what}.partial" for what in ("rows", "journal"))
    return path.with_name(rows), path.with_name(journal)


def _hold(file: BinaryIO, path: Path) -> None:
    """Lock a file until it is closed. Raises BusyError."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        shown = printable(str(path))
        raise BusyError(
            f"{shown}: another process is writing it; wait, or choose another name"
        ) from error


def _read(path: Path, journal: Path, made_by: Mapping[str, str]) -> Mark:
    """Return the last mark of a journal whose command was the same. Raises OptionError."""
    lines = storage.read_json_lines(journal, _BEGIN)
    head = next(lines, None)
    if isinstance(head, StorageError):
        raise head
    compare_makers(printable(str(path)), (head or {}).get("by", {}), made_by, ANEW)
    done = Mark()
    for line in lines:
        if isinstance(line, StorageError):  # the kill came while it was written
            break
        done = Mark(**line)
    return done


def compare_makers(
    shown: str, before: Mapping[str, str], now: Mapping[str, str], anew: str
) -> None:
    """Raises OptionError if a file was begun in another way."""
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            was, new = (printable(str(given.get(name)), 60) for given in (before, now))
            raise OptionError(f"{shown} was begun with {name} {was}, and now it is {new}; {anew}")


@contextlib.contextmanager
def _explained(path: Path) -> Generator[None]:
    """Raise StorageError for an OSError within the block."""
    try:
        yield
    except (StorageError, BusyError):
        raise
    except OSError as error:
        raise storage.storage_error(path, error, _GO_ON) from error


def _line(values: Mapping[str, object]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
