"""Predictions as a table (terminal, notebook), CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from striate import storage, text
from striate.prediction.predictor import Prediction
from striate.tasks.results import ListedAnswer

SUFFIXES = (".csv", ".jsonl")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?")
_BLANK = " \u00a0\u3000\u200b\ufeff"


def write(
    path: Path,
    predictions: Iterable[Prediction],
    columns: Sequence[str],
    *,
    raw_csv: bool = False,
) -> None:
    """Write one row per prediction, or one per box, to a .csv or .jsonl file, atomically.

    `columns` are those of the answers in a CSV.

    Raises OptionError for another suffix, StorageError when it cannot be written.
    """
    storage.check_suffix(path, SUFFIXES)
    lines = path.suffix.lower() == ".jsonl"
    made = as_jsonl(predictions) if lines else as_csv(predictions, columns, raw=raw_csv)
    storage.write(path, made)


def as_jsonl(predictions: Iterable[Prediction]) -> str:
    return "".join(json.dumps(prediction.to_json()) + "\n" for prediction in predictions)


def as_csv(predictions: Iterable[Prediction], columns: Sequence[str], *, raw: bool = False) -> str:
    """Return RFC 4180 CSV with a header; cells that look like formulas get a leading '.

    `raw` leaves these cells unchanged. Undecodable bytes of a path are surrogates, which `write`
    turns back into the bytes. https://owasp.org/www-community/attacks/CSV_Injection
    """
    file = io.StringIO()
    writer = csv.writer(file)
    heads = ("path", *columns, "error", "notes")
    writer.writerow(heads if raw else map(harmless, heads))
    for prediction in predictions:
        for answer in _answered(prediction, len(columns)):
            cells = (prediction.path, *answer, prediction.error, " ".join(prediction.notes))
            writer.writerow(cells if raw else map(harmless, cells))
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
