"""Answer of a classifier: the class of an image, and the most probable others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.text import format_percent


@dataclass(frozen=True, slots=True)
class ClassAnswer:
    """The class of one image, and the most probable others."""

    class_name: str = ""  #: the most probable class, or as a threshold decides between two
    probability: float = 0.0  #: of that class, 0 to 1
    #: (class, probability): the class of the image, then the most probable others
    top: tuple[tuple[str, float], ...] = ()

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """Class and probability."""
        return "class", "probability"

    @property
    def columns(self) -> tuple[str, ...]:
        """Class, confidence and the classes after it."""
        return "class", "confidence", "other classes"

    @classmethod
    def of(
        cls, probabilities: NDArray[Any], class_names: Sequence[str], top: int, first: int
    ) -> ClassAnswer:
        """Return the answer `first` of probabilities (K,), with `top` classes in all."""
        order = np.argsort(-probabilities, kind="stable")
        others: list[int] = order[order != first][: max(0, top - 1)].tolist()
        found = tuple((class_names[i], float(probabilities[i])) for i in (first, *others))
        return cls(*found[0], found[:top])

    def csv_cells(self) -> tuple[str, ...]:
        """Return class and probability."""
        return self.class_name, f"{self.probability:.6f}"

    def cells(self) -> tuple[str, ...]:
        """Return class, confidence and the classes after it."""
        others = ", ".join(f"{name} {format_percent(share)}" for name, share in self.top[1:])
        return self.class_name, format_percent(self.probability), others

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return the listed classes with their probabilities."""
        return (
            ("class", "confidence"),
            *((name, format_percent(share)) for name, share in self.top),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; probabilities are rounded to six decimals."""
        return {
            "class": self.class_name,
            "probability": round(self.probability, 6),
            "top": [{"class": name, "probability": round(p, 6)} for name, p in self.top],
        }
