"""Answer of one class alone: whether an image is like the good ones, and where it is not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.errors import OptionError
from striate.options import DecisionOptions
from striate.tasks.anomaly.drawing import Distances, decode, draw_heat, encode, restore
from striate.tasks.anomaly.metrics import GOOD, HEAT, LIMIT
from striate.tasks.answers import Answers, Batches

#: shown for an image that is not like the good ones
ODD = "odd"


@dataclass(frozen=True, slots=True)
class AnomalyAnswer:
    """How unlike the good images one image is."""

    name: str = ""  #: of the good class, or "odd"
    score: float = 0.0  #: mean distance of the worst patches, 0 to 2
    limit: float = 0.0  #: from which score on an image is odd
    odd: bool = False
    png: bytes = field(default=b"", repr=False)  #: distances as gray: white is 1.5 times the heat

    @classmethod
    def of(
        cls, distances: Distances, score: float, name: str, limit: float, heat: float
    ) -> AnomalyAnswer:
        """Return the answer of a score and distances (H, W)."""
        odd = not score <= limit
        return cls(ODD if odd else name, score, limit, odd, encode(distances, heat))

    def draw(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Lay red over the image (H, W, 1 or 3) where it is unlike the good ones: (H, W, 3)."""
        return draw_heat(pixels, decode(self.png))

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """The answer, its score and the limit."""
        return "answer", "score", "limit"

    @property
    def columns(self) -> tuple[str, ...]:
        """The answer, its score and the limit."""
        return "answer", "score", "limit"

    def csv_cells(self) -> tuple[str, ...]:
        """Return the answer, its score and the limit."""
        return self.name, f"{self.score:.6f}", f"{self.limit:.6f}"

    def cells(self) -> tuple[str, ...]:
        """Return the answer, its score and the limit."""
        return self.name, f"{self.score:.4f}", f"{self.limit:.4f}"

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return the answer with its score, and the limit."""
        return ("answer", "score"), (self.name, f"{self.score:.4f}"), ("limit", f"{self.limit:.4f}")

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; numbers are rounded to six decimals."""
        return {
            "answer": self.name,
            "odd": self.odd,
            "score": round(self.score, 6),
            "limit": round(self.limit, 6),
        }


#: of an example beside an exported model
_PYTHON = """\
odd = decoded[0, 0] > constants["limit"][0]
name = "odd" if odd else names[int(constants["good"][0])]
print(path, name, f"{decoded[0, 0]:.4f}")
"""


_SCRIPT = """\
const odd = decoded[0] > constants.limit[0], name = odd ? "odd" : names[constants.good[0]];
const rows = [["score", decoded[0]], ["limit", constants.limit[0]]];
return {title: name, rows: rows.map(([what, n]) => [what, n, n.toFixed(4)])};"""


@dataclass(frozen=True)
class AnomalyAnswers(Answers):
    """Whether an image is like the good ones."""

    name: ClassVar[str] = "anomaly"
    kind: ClassVar[str] = "open"
    head: ClassVar[str] = "patches"
    decodes: ClassVar[str] = "distances"
    places: ClassVar[tuple[str, ...]] = ("good",)

    @property
    def blank(self) -> AnomalyAnswer:
        """Nothing known."""
        return AnomalyAnswer()

    @property
    def good(self) -> int:
        """The label of the good class."""
        return int(self._constant(GOOD, 0))

    @property
    def limit(self) -> float:
        """The highest score of an image that is not odd."""
        return self._constant(LIMIT, math.inf)

    def _constant(self, name: str, default: float) -> float:
        return self.spec.constants.get(name, (default,))[0]

    def _with(self, **constants: float) -> Self:
        known = {**self.spec.constants, **{name: (each,) for name, each in constants.items()}}
        return replace(self, spec=replace(self.spec, constants=known))

    def restore(
        self, decoded: NDArray[Any], preprocess: Preprocess, size: tuple[int, int]
    ) -> NDArray[Any]:
        """Return the distances in the size of the image, under a row of the same score."""
        found = restore(decoded[1:], preprocess, size)
        return np.concatenate([np.full((1, found.shape[1]), decoded[0, 0], found.dtype), found])

    def write_python(self) -> str:
        """Return lines that print the answer of a row."""
        return _PYTHON

    def write_script(self) -> str:
        """Return lines that show the score and the limit."""
        return _SCRIPT

    def answer(self, decoded: NDArray[Any], top: int) -> AnomalyAnswer:
        """Return the answer of a score and distances (1 + H, W)."""
        name, heat = self.spec.names[self.good], self._constant(HEAT, 1.0)
        return AnomalyAnswer.of(decoded[1:], float(decoded[0, 0]), name, self.limit, heat)

    def decide(self, options: DecisionOptions, validation: Batches) -> Self:
        """Return the task with another limit. Raises OptionError for a positive class."""
        if options.threshold is None:
            raise OptionError(
                "a positive class, precision and recall are for two classes or labels; set the "
                "score from which on an image is odd by --threshold"
            )
        return self._with(**{LIMIT: options.threshold})
