"""Reader of points from a CSV file with the columns x, y and label, and points by name.

The first line names the columns, in any order and with others beside them; it also determines the
delimiter: comma, semicolon or tab. UTF-8 with or without a byte-order mark.
"""

from __future__ import annotations

import csv
import inspect
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from striate.errors import DataError, OptionError, printable, unknown
from striate.samples.point_sets import POINT_SETS
from striate.samples.points import MOST_CLASSES, Points

_COLUMNS = ("x", "y", "label")
_DELIMITERS = ",;\t"
_LARGEST = float(np.finfo(np.float32).max)


class _Row(NamedTuple):
    x: float
    y: float
    label: str


def load_points(source: str | Path, drawn: Mapping[str, Any]) -> Points:
    """Draw the points of a named set with the arguments `drawn`, or read them from a CSV file.

    Raises OptionError for an unknown name and for an argument that the source has no use for;
    DataError as `read_points` does.
    """
    name = str(source)
    make = POINT_SETS.get(name)
    known = inspect.signature(make).parameters if make else ()
    for argument in drawn:
        if argument not in known and argument != "seed":
            what = "two classes" if make else "its own points"
            raise OptionError(f"{printable(name)} has {what}; leave {argument} out")
    if make:
        return make(**drawn)
    if not Path(name).suffix and not Path(name).exists():
        raise unknown("point set", name, POINT_SETS)
    return read_points(source)


def read_points(path: str | Path) -> Points:
    """Read a CSV file of x, y and label; class names are its labels in code-point order.

    Raises DataError with the line of the first invalid row, or when it has fewer than two labels,
    more than `MOST_CLASSES`, or one with a single point.
    """
    shown = printable(str(path))
    rows = list(_rows(Path(path), shown))
    counts = Counter(row.label for row in rows)
    if not rows:
        raise DataError(f"{shown}: no points; write a line of x, y and label for each")
    if len(counts) == 1:
        raise DataError(
            f"{shown}: one label only, {rows[0].label!r}; there is nothing to tell apart"
        )
    if len(counts) > MOST_CLASSES:
        raise DataError(f"{shown}: {len(counts)} labels; expected 2 to {MOST_CLASSES}")
    for label, count in counts.items():
        if count == 1:
            raise DataError(
                f"{shown}: one point only with the label {label!r}; expected two or more, to train "
                "and to test"
            )
    names = sorted(counts)
    xy = np.array([(row.x, row.y) for row in rows], np.float32)
    labels = np.array([names.index(row.label) for row in rows], np.int64)
    return Points(xy, labels, tuple(names), Path(path).stem)


def _rows(path: Path, shown: str) -> Iterator[_Row]:
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            head = text.readline()
            delimiter = max(_DELIMITERS, key=head.count)
            names = next(csv.reader([head], delimiter=delimiter), [])
            places = _places(shown, [name.strip().lower() for name in names])
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            for values in reader:
                line = reader.line_num + 1
                if len(values) not in (0, len(names)):
                    found = f"expected {len(names)} values, found {len(values)}"
                    raise DataError(f"{shown}: line {line:,}: {found}")
                if values:
                    yield _row(f"{shown}: line {line:,}", [values[at] for at in places])
    except UnicodeDecodeError as error:
        raise DataError(f"{shown}: not UTF-8 text; save it as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise DataError(f"{shown}: line {line + 1:,}: not valid CSV: {error}") from error
    except OSError as error:
        raise DataError(f"{shown}: {(error.strerror or 'unreadable').lower()}") from error


def _places(shown: str, names: Sequence[str]) -> list[int]:
    """Return where the columns x, y and label are."""
    for column in _COLUMNS:
        if names.count(column) != 1:
            what = "stands twice" if column in names else "is missing"
            found = printable(repr(",".join(names)), 200)
            raise DataError(
                f"{shown}: line 1: the column {column!r} {what}; expected 'x,y,label', "
                f"found {found}"
            )
    return [names.index(column) for column in _COLUMNS]


def _row(where: str, values: Sequence[str]) -> _Row:
    x, y = (_number(where, *pair) for pair in zip(_COLUMNS, values[:2], strict=False))
    label = values[2].strip()
    if not label:
        raise DataError(f"{where}: the label is empty")
    return _Row(x, y, label)


def _number(where: str, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if abs(number) <= _LARGEST and "_" not in text:
        return number
    advice = "; write it with a decimal point" if "," in text else ""
    raise DataError(f"{where}: {column} is {printable(repr(text), 60)}, no finite number{advice}")
