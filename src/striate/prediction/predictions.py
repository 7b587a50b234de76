"""Predictions of several pictures as a value that reads well."""

from __future__ import annotations

from typing import Any

from striate.prediction.predictor import Prediction
from striate.text import MISSING, columns, html_table, percent


class Predictions(tuple[Prediction, ...]):
    """Predictions in the order asked: a table on the terminal and in a notebook."""

    __slots__ = ()

    @property
    def failed(self) -> int:
        """How many pictures could not be read."""
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
            ("picture", "class", "share", "then, or why not", "what was done"),
            *(
                (
                    row.path,
                    row.class_name or MISSING,
                    MISSING if row.error else percent(row.probability),
                    row.error or ", ".join(f"{name} {percent(p)}" for name, p in row.top[1:]),
                    ", ".join(row.notes),
                )
                for row in self
            ),
        ]
