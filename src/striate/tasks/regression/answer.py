"""Answer of regression: the numbers of an image, in their own unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from striate.tasks.answers import Answers
from striate.text import MISSING, format_amount


@dataclass(frozen=True, slots=True)
class NumbersAnswer:
    """The predicted numbers of one image by column; NaN where there is no prediction."""

    values: Mapping[str, float]  #: column, with its unit as written in the data -> number

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """Names of the columns, as in the data."""
        return tuple(self.values)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, as in the data."""
        return tuple(self.values)

    def csv_cells(self) -> tuple[str, ...]:
        """Return each number with the digits that single precision has."""
        return tuple("" if math.isnan(n) else f"{n:.8g}" for n in self.values.values())

    def cells(self) -> tuple[str, ...]:
        """Return each number in short."""
        return tuple(MISSING if math.isnan(n) else format_amount(n) for n in self.values.values())

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return each column with its number."""
        return (("number", "value"), *zip(self.values, self.cells(), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; None where there is no prediction."""
        numbers = {name: None if math.isnan(n) else n for name, n in self.values.items()}
        return {"numbers": numbers}


_SCRIPT = """\
const tell = number => String(Number(number.toPrecision(6)));
const rows = names.map((name, at) => [name, decoded[at], tell(decoded[at])]);
return {title: rows.map(([name, , told]) => `${name} ${told}`).join(", "), rows};"""


@dataclass(frozen=True)
class NumbersAnswers(Answers):
    """A number for each name."""

    name: ClassVar[str] = "regression"
    kind: ClassVar[str] = "numbers"
    decodes: ClassVar[str] = "numbers"

    @property
    def blank(self) -> NumbersAnswer:
        """Stands for an image that could not be read."""
        return NumbersAnswer(dict.fromkeys(self.spec.names, math.nan))

    def write_python(self) -> str:
        """Return lines that print the answer of a row."""
        return 'print(path, *(f"{name} {value:.6g}" for name, value in zip(names, decoded)))'

    def write_script(self) -> str:
        """Return lines that show the number of each column."""
        return _SCRIPT

    def answer(self, decoded: NDArray[Any], top: int) -> NumbersAnswer:
        """Return the numbers (V,) by column."""
        return NumbersAnswer(dict(zip(self.spec.names, decoded.tolist(), strict=True)))
