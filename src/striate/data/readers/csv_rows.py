"""Rows of a CSV file, whatever its delimiter, as spreadsheets write them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from striate.data.listing.samples import os_reason
from striate.data.readers.manifest_folder import wrong
from striate.errors import DataError, printable

#: delimiter -> what it is called
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def read_rows(file: Path, delimiter: str, *, blanks: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line of each row, from 1, with its values; skip `blanks` before values.

    Bytes that are not UTF-8 are kept as surrogates. Raises DataError.
    """
    line = 1
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            reader = csv.reader(text, delimiter=delimiter, skipinitialspace=blanks, strict=True)
            for values in reader:
                yield line, values
                line = reader.line_num + 1
    except csv.Error as error:
        raise wrong(file, line, f"not valid CSV: {error}; check the quotes") from error
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error


def find_dialect(file: Path, columns: Sequence[str]) -> tuple[str, bool]:
    """Return the delimiter, and whether blanks after it are skipped. Raises DataError.

    The delimiter is the one that makes a column called as one of `columns`. Blanks are skipped if
    the header has some, or if one precedes a quoted value. Otherwise no quote follows a blank:
    inside quotes it would be doubled.
    """
    try:
        with file.open("rb") as lines:
            head = re.split(r"[\r\n]", lines.readline().decode("utf-8-sig", "surrogateescape"))[0]
            delimiter = _delimiter(head, columns)
            mark = re.escape(delimiter.encode())
            quoted = re.compile(rb"(?:^|\r|" + mark + rb') +"[^"\r\n' + mark + rb"]")
            lines.seek(0)
            return delimiter, f"{delimiter} " in head or any(map(quoted.search, lines))
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error


def _delimiter(head: str, columns: Sequence[str]) -> str:
    for column, delimiter in product(columns, DELIMITERS):
        names = next(csv.reader([head], delimiter=delimiter, skipinitialspace=True), [])
        if column in {name.strip().lower() for name in names} and len(names) > 1:
            return delimiter
    return ","
