"""Predictions as a table (terminal, notebook), CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from striate import storage
from striate.prediction.predictor import Prediction
from striate.text import MISSING, columns, format_percent, html_table

SUFFIXES = (".csv", ".jsonl")
COLUMNS = ("path", "class", "probability", "error", "notes")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BLANK = " \u00a0\u3000\u200b\ufeff"


def write(path: Path, predictions: Iterable[Prediction], *, raw_csv: bool = False) -> None:
    """Write one row per prediction to a .csv or .jsonl file, atomically.

    Raises OptionError for another suffix, StorageError when it cannot be written.
    """
    storage.check_suffix(path, SUFFIXES)
    text = (
        as_jsonl(predictions)
        if path.suffix.lower() == ".jsonl"
        else as_csv(predictions, raw=raw_csv)
    )
    storage.write(path, text)


def as_jsonl(predictions: Iterable[Prediction]) -> str:
    return "".join(json.dumps(prediction.to_json()) + "\n" for prediction in predictions)


def as_csv(predictions: Iterable[Prediction], *, raw: bool = False) -> str:
    """Return RFC 4180 CSV with a header; cells that look like formulas get a leading '.

    `raw` leaves these cells unchanged. Undecodable bytes of a path are surrogates, which `write`
    turns back into the bytes. https://owasp.org/www-community/attacks/CSV_Injection
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for prediction in predictions:
        cells = (
            prediction.path,
            prediction.class_name,
            f"{prediction.probability:.6f}" if not prediction.error else "",
            prediction.error,
            " ".join(prediction.notes),
        )
        writer.writerow(cells if raw else map(_harmless, cells))
    return file.getvalue()


def _harmless(cell: str) -> str:
    """Prefix the cell with ' if it or one of its lines starts like a formula, ignoring blanks."""
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
        return "\n".join(columns(self._rows(), left=(0, 1, 3, 4)))

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return html_table(self._rows(), left=(0, 1, 3, 4))

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            ("image", "class", "confidence", "other classes or error", "notes"),
            *(
                (
                    row.path,
                    row.class_name or MISSING,
                    MISSING if row.error else format_percent(row.probability),
                    row.error
                    or ", ".join(f"{name} {format_percent(p)}" for name, p in row.top[1:]),
                    ", ".join(row.notes),
                )
                for row in self
            ),
        ]
