"""Labeled points in the plane, and their split into training and test points."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

MOST_CLASSES = 8  #: as many as a figure has colors that everybody can tell apart


@dataclass(frozen=True, eq=False)
class Points:
    """Points in the plane with a class each."""

    xy: NDArray[np.float32]  #: (N, 2)
    labels: NDArray[np.int64]  #: (N,), indices into `class_names`
    class_names: tuple[str, ...]
    name: str  #: of the set or the file

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: NDArray[np.int64]) -> Points:
        """Return the points of these rows."""
        return replace(self, xy=self.xy[rows], labels=self.labels[rows])

    def split(self, test: float, seed: int = 0) -> tuple[Points, Points]:
        """Return training and test points; `test` is the fraction of each class held out.

        Every class with two points or more has one on either side. The order of points is kept.
        The same seed gives the same parts.
        """
        rng = np.random.default_rng(seed)
        held = np.zeros(len(self), bool)
        for label in range(len(self.class_names)):
            rows = rng.permutation(np.flatnonzero(self.labels == label))
            held[rows[: max(1, min(round(test * len(rows)), len(rows) - 1))]] = True
        return self.select(np.flatnonzero(~held)), self.select(np.flatnonzero(held))
