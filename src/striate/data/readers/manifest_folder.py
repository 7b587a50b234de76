"""Rows of a manifest, and the existing files that their paths stand for."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.samples import Split, fold_case, os_reason
from striate.errors import DataError, printable


class Row(NamedTuple):
    line: int  #: its first line, from 1
    place: str  #: "line 4"
    path: str
    split: Split | None
    #: class; names of labels; path of the mask; or a cell for each column of labels or numbers
    cells: tuple[str, ...]
    stray: str  #: cell in which a blank stands around one of several names; "" if there is none
    group: str  #: that the image belongs to; "" without a column of groups


def place_of(file: Path, line: int) -> str:
    """Return "line 4", or "row 4" in a Parquet file."""
    return f"{'row' if file.suffix.lower() == '.parquet' else 'line'} {line:,}"


def wrong(file: Path, line: int, what: str) -> DataError:
    """Return the error that names a line."""
    return DataError(f"{printable(str(file))}: {place_of(file, line)}: {what}")


class ManifestFolder:
    """The manifest's folder; each folder in it is scanned once, not per file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.root = str(Path(os.path.realpath(file)).parent)
        self._known: dict[str, tuple[str, frozenset[str]]] = {}

    def locate(self, row: Row) -> str:
        """Return the existing path of a row's file relative to the root, links resolved."""
        parent, _, name = row.path.rpartition("/")
        if row.path.startswith("/") and not parent:
            parent = "/"
        if parent not in self._known:
            self._known[parent] = self._read(row, parent)
        inside, names = self._known[parent]
        return inside + name if name in names else self._linked(row, inside, name, names)

    def _read(self, row: Row, parent: str) -> tuple[str, frozenset[str]]:
        """Return a folder's path in the root, with a slash unless empty, and its regular files."""
        inside = self._relative(row, os.path.realpath(Path(self.root, parent)))
        try:
            with os.scandir(f"{self.root}/{inside}") as entries:
                names = (entry.name for entry in entries if entry.is_file(follow_symlinks=False))
                return inside and inside + "/", frozenset(names)
        except FileNotFoundError:
            return inside and inside + "/", frozenset()
        except OSError as error:
            raise wrong(self.file, row.line, f"{row.path!r}: {os_reason(error)}") from error

    def _linked(self, row: Row, inside: str, name: str, names: frozenset[str]) -> str:
        """Resolve a link to a file inside the root; anything else is not an image."""
        place = Path(self.root, inside, name)
        try:
            mode = place.stat().st_mode
        except FileNotFoundError as error:
            hint = _advice(row.path, inside, name, names)
            raise wrong(self.file, row.line, f"no such file: {row.path!r}{hint}") from error
        except OSError as error:
            raise wrong(self.file, row.line, f"{row.path!r}: {os_reason(error)}") from error
        if stat.S_ISREG(mode):
            return self._relative(row, os.path.realpath(place))
        what = "a folder" if stat.S_ISDIR(mode) else "a special file"
        raise wrong(self.file, row.line, f"{row.path!r} is {what}; expected an image")

    def _relative(self, row: Row, place: str) -> str:
        if place == self.root:
            return ""
        prefix = self.root.rstrip("/") + "/"
        if not place.startswith(prefix):
            what = f"{row.path!r} leads out of the manifest's folder"
            raise wrong(self.file, row.line, f"{what}; keep the manifest above its images")
        return place[len(prefix) :]


def _advice(path: str, inside: str, name: str, names: frozenset[str]) -> str:
    """Return what to do about a path that leads to no file, with "; " before it."""
    if re.match(r"[A-Za-z]:[\\/]|\\\\", path):
        return "; write it from the manifest's folder on, as in 'photos/1.jpg'"
    if "\\" in path:
        return "; write folders with '/'"
    folded = fold_case(name.strip())
    near = sorted(
        other for other in names if folded in (fold_case(other), fold_case(Path(other).stem))
    )
    return f"; did you mean {inside + near[0]!r}?" if near else ""
