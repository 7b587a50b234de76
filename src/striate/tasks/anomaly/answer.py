"""Answer of one class alone: whether an image is like the good ones, and where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.tasks.anomaly.drawing import Distances, decode, draw_heat, encode

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
