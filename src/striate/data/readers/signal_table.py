"""Reader of tables of signals: a CSV file with a signal a row, and its class or other targets.

With a heading, columns whose headings end with a number (`t0`, `x_1`, `17`) are the samples in
their order; `label` or `class`, `labels`, `split` and a column of groups are as in a manifest, and
all other columns are targets: numbers, or 0 and 1 for each label. Without a heading all columns are
samples but the first or the last, the one that holds whole numbers or text: the class.

A sample that is empty behind all others belongs to a shorter signal. Two files in a folder whose
names differ in their split only, as `ECG5000_TRAIN.tsv` and `ECG5000_TEST.tsv`, are one data set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Samples
from striate.data.listing.groups import Groups
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Sample, Split, os_reason
from striate.data.listing.split_names import split_and_rest, split_of
from striate.data.readers.csv_rows import DELIMITERS, read_rows
from striate.data.readers.entries import suffix
from striate.data.readers.manifest_folder import Row, place_of, wrong
from striate.data.readers.manifest_header import PATH_COLUMNS, Roles
from striate.data.readers.manifest_targets import class_names, make_targets, parse_cells
from striate.data.readers.number_cells import is_number
from striate.data.signals.signal_file import SUFFIXES
from striate.errors import DataError, printable

#: heading of a sample
_SAMPLE = re.compile(r"(?!labels?[ _-]?\d)[^\W\d]*[ _-]*\d+")
_TARGETS, _SPLIT = ("label", "class", "labels"), ("split", "part", "subset", "partition")
_NUMBERING = ("", "id", "index", "unnamed: 0")
_FEWEST = 3  #: columns of a table


@dataclass(frozen=True)
class Table:
    """Signals of one channel, and the rows that they stand in."""

    signals: NDArray[np.float32]  #: (N, L, 1), NaN behind shorter ones
    rows: list[Row]  #: with the cells of their targets, if they have any
    roles: Roles | None  #: of the targets; None: there are none


def is_signal_table(file: Path) -> bool:
    """Return whether a file has a signal a row: numbers alone, or headings of samples."""
    first = _read_first(file)
    if len(first) < _FEWEST or _names(first) & set(PATH_COLUMNS):
        return False
    if _is_heading(first):
        return 2 * sum(map(_is_sample, first)) > len(first)
    return sum(map(is_number, first)) >= len(first) - 1


def read_signal_table(file: Path, kind: str | None = None, group: str | None = None) -> Listing:
    """List the signals of a table. Raises DataError with the line of the first invalid row."""
    return _listed(Path(os.path.realpath(file)).parent, [(file, None)], kind, group)


def read_signal_tables(
    folder: Path, files: Collection[str], kind: str | None, group: str | None
) -> Listing | None:
    """List the tables of a folder that are splits of one data set; None if there are none."""
    told = {name: split_and_rest(Path(name).stem) for name in sorted(files) if _is_text(name)}
    splits: dict[str, Split] = {name: split for name, (split, _) in told.items() if split}
    same = len({told[name][1] for name in splits}) == 1
    if len(splits) < 2 or not same or len(set(splits.values())) < len(splits):
        return None
    if not all(is_signal_table(folder / name) for name in splits):
        return None
    parts: list[tuple[Path, Split | None]] = [(folder / name, splits[name]) for name in splits]
    return _listed(folder, parts, kind, group)


def _is_text(name: str) -> bool:
    return suffix(name) in SUFFIXES - {".npy"}


def read_table(
    file: Path, kind: str | None = None, group: str | None = None, length: int | None = None
) -> Table:
    """Read a table. Raises DataError with the line of the first invalid row.

    Where rows without a heading have `length` values, none of these is a class.
    """
    lines = list(read_table_lines(file))
    heading = bool(lines) and _is_heading(lines[0][1])
    if len(lines) <= heading:
        raise DataError(f"{printable(str(file))}: the table holds no signals; add a line for each")
    if heading:
        return _with_heading(file, lines[0][1], lines[1:], kind, group)
    return _without_heading(file, lines, length)


def read_table_lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line and values of each row that has any. Raises DataError."""
    rows = read_rows(file, _delimiter(file), blanks=True)
    return ((line, values) for line, values in rows if any(map(str.strip, values)))


def _listed(
    root: Path, parts: Sequence[tuple[Path, Split | None]], kind: str | None, group: str | None
) -> Listing:
    tables = [(file, split, read_table(file, kind, group)) for file, split in parts]
    rows, roles = list[Row](), tables[0][2].roles
    for file, split, table in tables:
        if roles is None or table.roles is None or table.roles.names != roles.names:
            _refuse(file, table, roles)
        rows += [row._replace(split=split or row.split) for row in table.rows]
    assert roles is not None
    names = class_names(rows) if roles.target == "label" else []
    labels = {name: label for label, name in enumerate(names)}
    images = Samples.of(
        Sample(row.path, labels[row.cells[0]] if labels else 0, row.split) for row in rows
    )
    if group is not None:
        images = images.with_groups(Groups.of([row.group for row in rows]))
    targets = make_targets(parts[0][0], rows, roles, images, kind)
    signals = _joined([table.signals for _, _, table in tables])
    return Listing(root, "signals in rows", targets, images, arrays=signals, inputs="signal")


def _refuse(file: Path, table: Table, roles: Roles | None) -> NoReturn:
    if table.roles is None:
        raise DataError(
            f"{printable(str(file))}: which column is the class? Neither the first nor the last "
            "alone holds whole numbers or text;\nwrite a heading above: label over the class, "
            "t0, t1, ... over the samples"
        )
    there, other = (", ".join(each.names) for each in (table.roles, roles or table.roles))
    raise wrong(file, 1, f"its targets are {there}, but {other} in the other table")


def _joined(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Join (N, L, 1) of different lengths, with NaN behind shorter ones."""
    longest = max(part.shape[1] for part in parts)
    joined = np.full((sum(map(len, parts)), longest, 1), np.nan, np.float32)
    first = 0
    for part in parts:
        joined[first : first + len(part), : part.shape[1]] = part
        first += len(part)
    return joined


def _with_heading(
    file: Path,
    header: list[str],
    lines: Sequence[tuple[int, list[str]]],
    kind: str | None,
    group: str | None,
) -> Table:
    names = [name.strip().lower() for name in header]
    for line, values in lines:
        if len(values) != len(names):
            what = f"expected {len(names):,} values, one a column, found {len(values):,}"
            raise wrong(file, line, what)
    samples = [at for at, name in enumerate(header) if _is_sample(name)]
    roles = find_table_roles(file, header, names, samples, kind, group)
    values = [[each[at] for at in samples] for _, each in lines]
    numbers = [line for line, _ in lines]
    rows = [read_table_row(file, line, each, roles) for line, each in lines]
    return Table(_parse(file, numbers, values), rows, roles if roles.targets else None)


def find_table_roles(
    file: Path,
    header: list[str],
    names: list[str],
    samples: Collection[int],
    kind: str | None,
    group: str | None,
) -> Roles:
    """Return what the columns beside the `samples` are for. Raises DataError."""
    if group is not None and (wanted := group.strip().lower()) not in names:
        raise wrong(file, 1, f"no column is called {wanted!r}, as --group asks for")
    grouped = None if group is None else names.index(group.strip().lower())
    split = next((at for at, name in enumerate(names) if name in _SPLIT), None)
    rest = [
        at for at, name in enumerate(names)
        if at not in (*samples, split, grouped) and name not in _NUMBERING
    ]  # fmt: skip
    others = [at for at in rest if names[at] not in _TARGETS]
    named = [at for at in rest if names[at] in _TARGETS]
    if len(named) > 1:
        raise wrong(file, 1, f"the columns {names[named[0]]!r} and {names[named[1]]!r} both hold "
                    "targets; keep one")  # fmt: skip
    if named and not (kind == "numbers" and others):
        target = "labels" if names[named[0]] == "labels" else "label"
        return Roles(0, split, grouped, target, tuple(named), (target,), len(names), "comma")
    headings = tuple(header[at].strip() for at in others)
    return Roles(0, split, grouped, "columns", tuple(others), headings, len(names), "comma")


def read_table_row(file: Path, line: int, values: Sequence[str], roles: Roles) -> Row:
    """Return a row of a table, whose path is its file and line. Raises DataError."""
    split = None
    if roles.split is not None and (split := split_of(word := values[roles.split].strip())) is None:
        what = f"the split is {word!r}; expected 'train', 'validation' or 'test'"
        raise wrong(file, line, what)
    cells = parse_cells(file, line, values, roles) if roles.targets else ()
    group = "" if roles.group is None else values[roles.group].strip()
    if roles.group is not None and not group:
        raise wrong(file, line, "the group is empty; give each signal one")
    return Row(line, place_of(file, line), _path(file, line), split, cells, "", group)


def _without_heading(
    file: Path, lines: Sequence[tuple[int, list[str]]], length: int | None
) -> Table:
    """Read rows of samples whose first or last value is their class."""
    ends = () if len(lines[0][1]) == length else (0, -1)
    whole = [at for at in ends if all(_whole(values[at]) is not None for _, values in lines)]
    text = [at for at in whole if not all(is_number(values[at].strip()) for _, values in lines)]
    telling = text or whole
    place = telling[0] if len(telling) == 1 else None
    numbers = [line for line, _ in lines]
    samples = [
        values if place is None else values[1:] if place == 0 else values[:-1]
        for _, values in lines
    ]
    rows = [
        Row(line, place_of(file, line), _path(file, line), None,
            () if place is None else (_whole(values[place]) or "",), "", "")
        for line, values in lines
    ]  # fmt: skip
    roles = None if place is None else Roles(0, None, None, "label", (0,), ("label",), 0, "comma")
    return Table(_parse(file, numbers, samples), rows, roles)


def _path(file: Path, line: int) -> str:
    return f"{file.name}#{line}"


def _whole(cell: str) -> str | None:
    """Return the class that a cell names: text, or a whole number without decimals; else None."""
    text = cell.strip()
    if not is_number(text):
        return None if text.lower() in ("", "nan") else text
    value = float(text)
    return f"{value:.0f}" if value.is_integer() else None


def _parse(
    file: Path, lines: Sequence[int], values: Sequence[Sequence[str]]
) -> NDArray[np.float32]:
    """Return the samples (N, L, 1), NaN where a cell is empty. Raises DataError for text."""
    found = np.full((len(values), max(map(len, values)), 1), np.nan, np.float32)
    for row, cells in enumerate(values):
        try:
            found[row, : len(cells), 0] = [float(cell or "nan") for cell in cells]
        except ValueError:
            at = next(at for at, cell in enumerate(cells) if cell.strip() and not _is_float(cell))
            what = f"sample {at + 1:,} is {printable(cells[at], 40)!r}; expected a number"
            raise wrong(file, lines[row], what) from None
    return found


def _is_float(cell: str) -> bool:
    return is_number(cell.strip()) or cell.strip().lower() in ("nan", "inf", "-inf")


def _read_first(file: Path) -> list[str]:
    return next((values for _, values in read_table_lines(file)), [])


def _delimiter(file: Path) -> str:
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape") as text:
            head = next((line for line in text if line.strip()), "")
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
    return next((mark for mark in DELIMITERS if mark in head), " ")


def _names(cells: Sequence[str]) -> set[str]:
    return {cell.strip().lower() for cell in cells}


def _is_heading(cells: Sequence[str]) -> bool:
    known = not _names(cells).isdisjoint((*_TARGETS, *_SPLIT))
    return known or 2 * sum(not is_number(cell.strip()) for cell in cells) > len(cells)


def _is_sample(name: str) -> bool:
    return bool(_SAMPLE.fullmatch(name.strip()))
