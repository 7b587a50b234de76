"""Reader of CSV manifests: one row per image, with path, label and optional split.

The first line names the columns: `path` and `label`, and optionally `split`, `part`, `subset` or
`partition`; it also determines the delimiter: comma, semicolon, tab or bar.
Other columns are ignored, but a near-miss of a known name is an error. Paths are relative
to the manifest's folder and stay inside it. UTF-8 with or without a byte-order mark; bytes of a
path that are not UTF-8 are kept, so that any file name can be listed.

A row that repeats an earlier one is a finding. Any other invalid row is an error that names its
line: the owner can correct a manifest.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample, Split, fold_case, os_reason
from striate.data.readers.split_names import split_of
from striate.errors import DataError, printable

_COLUMNS = ("path", "label", "split", "part")
#: the second pair only applies without the first
_SPLIT_COLUMNS = (("split", "part"), ("subset", "partition"))
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


class _Row(NamedTuple):
    line: int  #: first line of the row, from 1
    path: str
    label: str
    split: Split | None


class _Columns(NamedTuple):
    """Column index of each value."""

    path: int
    label: int
    split: int | None
    width: int  #: values per row
    between: str  #: name of the delimiter: "comma"


def read_manifest(file: Path) -> Listing:
    """List the images of a CSV manifest; class names are its labels in code-point order.

    Raises DataError with the line of the first invalid row.
    """
    folder = _Folder(file)
    first: dict[str, _Row] = {}
    findings: list[Finding] = []
    for row in _rows(file):
        path = folder.locate(row)
        kept = first.setdefault(path, row)
        if kept is not row:
            _check_agreement(file, row, kept)
            detail = f"line {row.line} repeats line {kept.line}"
            findings.append(Finding("repeated row", path, detail))
    if not first:
        raise DataError(
            f"{printable(str(file))}: the manifest names no images; add a line for each"
        )
    class_names = sorted({row.label for row in first.values()})
    labels = {name: label for label, name in enumerate(class_names)}
    images = Samples.of(Sample(path, labels[row.label], row.split) for path, row in first.items())
    return Listing(Path(folder.root), "manifest", tuple(class_names), images, tuple(findings))


def _rows(file: Path) -> Iterator[_Row]:
    line = 1
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            delimiter, blanks = _dialect(file)
            reader = csv.reader(text, delimiter=delimiter, skipinitialspace=blanks, strict=True)
            columns = _columns(file, next(reader, []), delimiter)
            line = reader.line_num + 1
            for values in reader:
                if values:
                    yield _row(file, line, values, columns)
                line = reader.line_num + 1
    except csv.Error as error:
        raise _wrong(file, line, f"not valid CSV: {error}; check the quotes") from error
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error


def _dialect(file: Path) -> tuple[str, bool]:
    """Return the delimiter, and whether blanks after it are skipped.

    They are if the header has some, or if one precedes a quoted value. Otherwise no quote follows
    a blank: inside quotes it would be doubled.
    """
    with file.open("rb") as lines:
        head = re.split(r"[\r\n]", lines.readline().decode("utf-8-sig", "surrogateescape"))[0]
        for delimiter in _DELIMITERS:
            names = next(csv.reader([head], delimiter=delimiter, skipinitialspace=True), [])
            if {"path", "label"} <= {name.strip().lower() for name in names}:
                break
        else:
            delimiter = ","
        mark = re.escape(delimiter.encode())
        quoted = re.compile(rb"(?:^|\r|" + mark + rb') +"[^"\r\n' + mark + rb"]")
        lines.seek(0)
        return delimiter, f"{delimiter} " in head or any(map(quoted.search, lines))


def _columns(file: Path, header: list[str], delimiter: str) -> _Columns:
    names = [name.strip().lower() for name in header]
    if any(name.startswith("\udcff") or "\0" in name for name in names):
        raise _wrong(file, 1, "not UTF-8; save the manifest as 'CSV UTF-8'")
    for name in names:
        near = difflib.get_close_matches(name, _COLUMNS, n=1, cutoff=0.8)
        if near and near[0] not in names:
            raise _wrong(file, 1, f"no column is called {name!r}; did you mean {near[0]!r}?")
    known = [name for name in names if name in _COLUMNS]
    if not {"path", "label"} <= set(known):
        found = repr(",".join(header)) if header else "nothing"
        raise _wrong(
            file, 1, f"expected the columns 'path,label' or 'path,label,split', found {found}"
        )
    named = ([name for name in names if name in pair] for pair in _SPLIT_COLUMNS)
    splits = next(filter(None, named), [])
    if len(splits) > 1 or len(set(known)) < len(known):
        raise _wrong(file, 1, f"a column stands twice in {','.join(known)!r}; keep one of the two")
    split = names.index(splits[0]) if splits else None
    path, label = names.index("path"), names.index("label")
    return _Columns(path, label, split, len(names), _DELIMITERS[delimiter])


def _row(file: Path, line: int, values: list[str], columns: _Columns) -> _Row:
    if len(values) != columns.width:
        what = f"expected {columns.width} values, one a column, found {len(values)}"
        raise _wrong(
            file, line, f"{what}; put quotes around a value that holds a {columns.between}"
        )
    path, label = values[columns.path], values[columns.label].strip()
    if label.startswith('"') and values[columns.label] != label:
        raise _wrong(file, line, "a blank stands before the quotes of the label; remove it")
    for name, value in (("path", path), ("label", label)):
        if not value or "\0" in value:
            what = "holds a NUL byte; write the manifest anew" if value else "is empty"
            raise _wrong(file, line, f"the {name} {what}")
    if not label.isascii() and any("\ud800" <= character <= "\udfff" for character in label):
        raise _wrong(
            file, line, f"the label {label!r} is not UTF-8; save the manifest as 'CSV UTF-8'"
        )
    path = os.fsdecode(path.encode("utf-8", "surrogateescape"))
    if columns.split is None:
        return _Row(line, path, label, None)
    word = values[columns.split].strip()
    split = split_of(word)
    if split is None:
        raise _wrong(file, line, f"the split is {word!r}; expected 'train', 'validation' or 'test'")
    return _Row(line, path, label, split)


class _Folder:
    """The manifest's folder; each folder in it is scanned once, not per file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.root = str(Path(os.path.realpath(file)).parent)
        self._known: dict[str, tuple[str, frozenset[str]]] = {}

    def locate(self, row: _Row) -> str:
        """Return the existing path of a row's image relative to the root, links resolved."""
        parent, _, name = row.path.rpartition("/")
        if row.path.startswith("/") and not parent:
            parent = "/"
        if parent not in self._known:
            self._known[parent] = self._read(row, parent)
        inside, names = self._known[parent]
        return inside + name if name in names else self._linked(row, inside, name, names)

    def _read(self, row: _Row, parent: str) -> tuple[str, frozenset[str]]:
        """Return a folder's path in the root, with a slash unless empty, and its regular files."""
        inside = self._relative(row, os.path.realpath(Path(self.root, parent)))
        try:
            with os.scandir(f"{self.root}/{inside}") as entries:
                names = (entry.name for entry in entries if entry.is_file(follow_symlinks=False))
                return inside and inside + "/", frozenset(names)
        except FileNotFoundError:
            return inside and inside + "/", frozenset()
        except OSError as error:
            raise _wrong(self.file, row.line, f"{row.path!r}: {os_reason(error)}") from error

    def _linked(self, row: _Row, inside: str, name: str, names: frozenset[str]) -> str:
        """Resolve a link to a file inside the root; anything else is not an image."""
        place = Path(self.root, inside, name)
        try:
            mode = place.stat().st_mode
        except FileNotFoundError as error:
            near = sorted(other for other in names if fold_case(other) == fold_case(name))
            hint = f"; did you mean {inside + near[0]!r}?" if near else ""
            hint = "; write folders with '/'" if "\\" in row.path else hint
            raise _wrong(self.file, row.line, f"no such file: {row.path!r}{hint}") from error
        except OSError as error:
            raise _wrong(self.file, row.line, f"{row.path!r}: {os_reason(error)}") from error
        if stat.S_ISREG(mode):
            return self._relative(row, os.path.realpath(place))
        what = "a folder" if stat.S_ISDIR(mode) else "a special file"
        raise _wrong(self.file, row.line, f"{row.path!r} is {what}; expected an image")

    def _relative(self, row: _Row, place: str) -> str:
        if place == self.root:
            return ""
        prefix = self.root.rstrip("/") + "/"
        if not place.startswith(prefix):
            what = f"{row.path!r} leads out of the manifest's folder"
            raise _wrong(self.file, row.line, f"{what}; keep the manifest above its images")
        return place[len(prefix) :]


def _check_agreement(file: Path, row: _Row, kept: _Row) -> None:
    if row.label != kept.label:
        what = f"{row.path!r} is labeled {row.label!r}, but {kept.label!r} in line {kept.line}"
        raise _wrong(file, row.line, f"{what}; remove the wrong line")
    if row.split != kept.split:
        what = f"{row.path!r} is in {row.split}, but in {kept.split} in line {kept.line}"
        raise _wrong(file, row.line, f"{what}; remove one of the lines")


def _wrong(file: Path, line: int, what: str) -> DataError:
    return DataError(f"{printable(str(file))}: line {line:,}: {what}")
