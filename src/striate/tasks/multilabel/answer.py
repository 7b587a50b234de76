"""Answer of several labels: those whose probability reaches their threshold, or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.tasks.results import NONE_OF_THESE
from striate.text import format_percent

NONE = "none"  #: shown in place of labels where no probability reaches its threshold


@dataclass(frozen=True, slots=True)
class LabelsAnswer:
    """The labels of one image, and the most probable ones."""

    labels: tuple[str, ...] = ()  #: most probable first; empty if none reaches its threshold
    probabilities: tuple[float, ...] = ()  #: of these labels, 0 to 1
    top: tuple[tuple[str, float], ...] = ()  #: (label, probability), most probable first
    rejected: bool = False  #: whether the image is none of the labels, however probable they are

    @property
    def csv_columns(self) -> tuple[str, ...]:
        """Heads of the columns in a CSV file."""
        return "labels", "probabilities"

    @property
    def columns(self) -> tuple[str, ...]:
        """Heads of the columns in a table."""
        return "labels", "other labels"

    @classmethod
    def of(
        cls,
        probabilities: NDArray[Any],
        thresholds: NDArray[np.float64],
        names: Sequence[str],
        top: int,
    ) -> LabelsAnswer:
        """Return the answer of probabilities (K,) and thresholds (K,)."""
        order: list[int] = np.argsort(-probabilities, kind="stable").tolist()
        given = [at for at in order if probabilities[at] >= thresholds[at]]
        return cls(
            tuple(names[at] for at in given),
            tuple(float(probabilities[at]) for at in given),
            tuple((names[at], float(probabilities[at])) for at in order[:top]),
        )

    def csv_cells(self) -> tuple[str, ...]:
        """Return labels and probabilities, each separated by semicolons; both empty for none."""
        return ";".join(self.labels), ";".join(f"{p:.6f}" for p in self.probabilities)

    def cells(self) -> tuple[str, ...]:
        """Return the labels and the likeliest of the others, each with its probability."""
        given = zip(self.labels, self.probabilities, strict=True)
        others = [pair for pair in self.top if pair[0] not in self.labels]
        none = NONE_OF_THESE if self.rejected else NONE
        return _list_shares(given) or none, _list_shares(others)

    def details(self) -> tuple[tuple[str, str], ...]:
        """Return the labels, then the likeliest of the others, with their probabilities."""
        given = dict(zip(self.labels, self.probabilities, strict=True))
        others = {name: share for name, share in self.top if name not in given}
        return (
            ("labels", "confidence"),
            *((name, format_percent(share)) for name, share in given.items()),
            *(() if given else ((NONE_OF_THESE if self.rejected else NONE, ""),)),
            *((f"({name})", format_percent(share)) for name, share in others.items()),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; probabilities are rounded to six decimals."""
        pairs = zip(self.labels, self.probabilities, strict=True)
        return {
            "labels": [{"label": name, "probability": round(p, 6)} for name, p in pairs],
            "top": [{"label": name, "probability": round(p, 6)} for name, p in self.top],
        }


def _list_shares(pairs: Iterable[tuple[str, float]]) -> str:
    """Return "car 98.0 %, sky 95.0 %"."""
    return ", ".join(f"{name} {format_percent(share)}" for name, share in pairs)
