"""Predictions as a table (terminal, notebook), CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from striate import storage, text
from striate.prediction.parquet import PARQUET, write_parquet
from striate.prediction.predictor import Prediction
from striate.tasks.results import ListedAnswer

SUFFIXES = (".csv", ".jsonl", PARQUET)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?")
_BLANK = " \u00a0\u3000\u200b\ufeff"


def write(
    path: Path,
    predictions: Sequence[Prediction],
    columns: Sequence[str],
    *,
    raw_csv: bool = False,
) -> None:
    """Write predictions to a .csv, .jsonl or .parquet file, atomically.

    A .csv has a row for each, or for each box; `columns` are those of the answers in it.

    Raises OptionError for another suffix, StorageError when it cannot be written.
    """
    storage.check_suffix(path, SUFFIXES)
    rows = Rows.of(path, columns, raw_csv=raw_csv)
    if path.suffix.lower() == PARQUET:
        write_parquet(path, lambda: map(rows.text, predictions))
    else:
        storage.write(path, rows.head + "".join(map(rows.text, predictions)))


@dataclass(frozen=True, slots=True)
class Rows:
    """Predictions as text: that of the head of the file, and that of each."""

    head: str
    text: Callable[[Prediction], str]

    @classmethod
    def of(cls, path: Path, columns: Sequence[str], *, raw_csv: bool = False) -> Self:
        """Return how a file of this suffix is written; Parquet is made of lines of JSON."""
        if path.suffix.lower() != ".csv":
            return cls("", as_json_line)
        heads = ("path", *columns, "error", "notes")
        write = partial(as_csv_rows, columns=len(columns), raw=raw_csv)
        return cls(csv_text([heads], raw=raw_csv), write)


def as_json_line(prediction: Prediction) -> str:
    return json.dumps(prediction.to_json()) + "\n"


def as_csv_rows(prediction: Prediction, columns: int, *, raw: bool = False) -> str:
    """Return the rows of an image, of an answer with that many columns."""
    notes = " ".join(prediction.notes)
    answers = _answered(prediction, columns)
    return csv_text(
        [(prediction.path, *answer, prediction.error, notes) for answer in answers], raw=raw
    )


def csv_text(rows: Iterable[Sequence[str]], *, raw: bool = False) -> str:
    """Return RFC 4180 CSV; cells that look like formulas get a leading '.

    `raw` leaves these cells unchanged. Undecodable bytes of a path are surrogates, which `write`
    turns back into the bytes. https://owasp.org/www-community/attacks/CSV_Injection
    """
    file = io.StringIO()
    csv.writer(file).writerows(rows if raw else (map(harmless, row) for row in rows))
    return file.getvalue()


def _answered(prediction: Prediction, columns: int) -> Sequence[Sequence[str]]:
    """Return the rows of an image, a cell for each column of the answer."""
    if prediction.error:
        return ([""] * columns,)
    answer = prediction.answer
    return answer.csv_rows() if isinstance(answer, ListedAnswer) else (answer.csv_cells(),)


def harmless(cell: str) -> str:
    """Prefix the cell with ' if it or one of its lines starts like a formula, ignoring blanks.

    A number below 0 stays one.
    """
    if _NUMBER.fullmatch(cell):
        return cell
    starts = [cell, *(line.lstrip(_BLANK) for line in cell.splitlines())]
    return "'" + cell if any(start.startswith(_FORMULA_STARTS) for start in starts) else cell


class Predictions(tuple[Prediction, ...]):
    """Predictions in input order, shown as a table on the terminal and in a notebook."""

    __slots__ = ()

    @property
    def failed(self) -> int:
        """Count the images without a prediction."""
        return sum(1 for prediction in self if prediction.error)

    def to_json(self) -> list[dict[str, Any]]:
        return [prediction.to_json() for prediction in self]

    def __repr__(self) -> str:
        return "\n".join(text.columns(self._rows(), left=self._left))

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return text.html_table(self._rows(), left=self._left)

    @property
    def _columns(self) -> tuple[str, ...]:
        """Heads of the answer's columns, the last of which holds an error too."""
        *others, last = self[0].answer.columns if self else ("answer",)
        return (*others, f"{last} or error")

    @property
    def _left(self) -> tuple[int, ...]:
        """Places of the columns of words: image, answer, its last column, notes."""
        last = len(self._columns)
        return (0, 1, last, last + 1)

    def _rows(self) -> list[tuple[str, ...]]:
        blank = [text.MISSING] * (len(self._columns) - 1)
        return [
            ("image", *self._columns, "notes"),
            *(
                (
                    row.path,
                    *((*blank, row.error) if row.error else row.answer.cells()),
                    ", ".join(row.notes),
                )
                for row in self
            ),
        ]
