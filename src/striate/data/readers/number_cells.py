"""Numbers in the cells of a manifest, and what to do about a cell that holds none."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.data.readers.manifest_folder import Row, wrong
from striate.errors import printable

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BEGINS = re.compile(r"\W*\d")  #: a cell that is at least meant as a number
_GROUPED = re.compile(r"([+-]?\d{1,3}(?:([ ,.'\u2019\u00a0\u202f])\d{3})(?:\2\d{3})*)([.,]\d+)?")
_WITH_UNIT = re.compile(r"([€$£]?)\s*[+-]?\d+(?:[.,]\d+)?\s*([^\W\d]\S*|[^\w\s.,:;/+-]\S*)?")
_NONE = "or an empty cell where it is not known"


def is_number(cell: str) -> bool:
    """Return whether a cell is written as a number."""
    return bool(_NUMBER.fullmatch(cell))


def parse_numbers(file: Path, rows: Sequence[Row], names: Sequence[str]) -> NDArray[np.float64]:
    """Return the numbers of all rows, (N, V), NaN where a cell is empty.

    Raises DataError for a column of text, else for the first cell that holds no number.
    """
    for at, name in enumerate(names):
        _refuse_text(file, rows, at, name)
    numbers = [
        [
            _number(file, row.line, name, cell)
            for name, cell in zip(names, row.cells, strict=True)
        ]
        for row in rows
    ]  # fmt: skip
    return np.array(numbers, np.float64)


def _refuse_text(file: Path, rows: Sequence[Row], at: int, name: str) -> None:
    """Raise DataError for a column in which nothing is meant as a number."""
    filled = [row for row in rows if row.cells[at]]
    if filled and not any(_BEGINS.match(row.cells[at]) for row in filled):
        first = filled[0]
        raise wrong(
            file,
            first.line,
            f"{name!r} is {printable(first.cells[at], 60)!r}, and no line has a number there; "
            "call the column 'label' if it\nholds classes, 'mask' if it holds the paths of masks, "
            "write 1 and 0 if it is a label that an image has or not,\nelse remove the column",
        )


def _number(file: Path, line: int, name: str, cell: str) -> float:
    if not cell:
        return math.nan
    if is_number(cell) and math.isfinite(value := float(cell)):
        return value
    raise wrong(file, line, f"{name!r} is {printable(cell, 60)!r}; {_advice(name, cell)}")


def _advice(name: str, cell: str) -> str:
    plain = cell.replace("\u2212", "-").replace("\u2013", "-")
    if is_number(cell) or cell.lower().lstrip("+-") in ("inf", "infinity"):
        return f"expected a finite number, {_NONE}"
    if plain != cell and is_number(plain):
        return f"write the minus as a hyphen: {plain}"
    if re.fullmatch(r"[+-]?\d{1,3},\d{3}", cell):
        point, none = cell.replace(",", "."), cell.replace(",", "")
        return f"write {none} if the comma separates thousands, {point} if it is a decimal comma"
    if re.fullmatch(r"[+-]?\d+,\d+", cell):
        return f"write the decimal comma as a point: {cell.replace(',', '.')}"
    if grouped := _GROUPED.fullmatch(cell):
        whole, between, decimals = grouped.groups()
        number = whole.replace(between, "") + (decimals or "").replace(",", ".")
        return f"write it without separators of thousands: {number}"
    if (found := _WITH_UNIT.fullmatch(cell)) and (unit := found[1] or found[2]):
        return f"write the number alone, and its unit in the heading, as in '{name} [{unit}]'"
    return f"expected a number as in -1.5, {_NONE}"
