"""Targets of regression: one or more numbers an image, any of which may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples, rows_in_split
from striate.data.listing.samples import Finding, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import TargetCounts, Targets
from striate.data.targets.number_problems import find_copies, find_problems
from striate.text import MISSING


@dataclass(frozen=True, eq=False)
class NumberTargets(Targets):
    """A row of numbers an image."""

    numbers: NDArray[np.float64]  #: (N, V); NaN: missing

    @property
    def values(self) -> NDArray[np.float64]:
        return self.numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NumberTargets)
            and self.spec == other.spec
            and np.array_equal(self.numbers, other.numbers, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def select(self, rows: NDArray[Any]) -> NumberTargets:
        return replace(self, numbers=self.numbers[rows])

    def aligned(self, spec: TargetSpec) -> NumberTargets:
        """Return the columns of a model's spec; one that is not here is missing in every row."""
        numbers = np.full((len(self), len(spec.names)), np.nan)
        for column, name in enumerate(spec.names):
            if name in self.spec.names:
                numbers[:, column] = self.numbers[:, self.spec.names.index(name)]
        return NumberTargets(spec, numbers)

    def ids(self) -> NDArray[np.int64]:
        """Return integers (N,) that are equal for equal rows; a missing number equals another."""
        # compare bits, of which NaN and zero have several; np.unique of rows takes no equal_nan
        bits = np.where(np.isnan(self.numbers), np.nan, self.numbers + 0.0).view(np.int64)
        return np.unique(bits, axis=0, return_inverse=True)[1].reshape(-1)

    def entry(self, row: int) -> dict[str, Any]:
        cells = zip(self.spec.names, self.numbers[row].tolist(), strict=True)
        return {"numbers": {name: None if np.isnan(cell) else cell for name, cell in cells}}

    def describe(self, row: int) -> str:
        return describe_numbers(self.spec.names, self.numbers[row].tolist())

    def problems(
        self,
        images: Samples,
        candidates: Samples,
        findings: Sequence[Finding],  # noqa: ARG002 - no column lacks images because of a file
    ) -> tuple[str, ...]:
        return find_problems(self.spec.names, self.numbers, images, candidates)

    def copied(self, images: Samples, records: Records) -> tuple[str, ...]:  # noqa: ARG002
        return find_copies(records)

    def count(self, images: Samples, splits: Sequence[Split]) -> TargetCounts:
        known = ~np.isnan(self.numbers)
        total = self._count(known)
        missing = len(known) - known.sum(axis=0)
        return TargetCounts(
            total,
            {split: self._count(known[rows_in_split(images, split)]) for split in splits},
            {
                "missing": tuple(f"{count:,}" for count in missing.tolist()),
                "min": tuple(self._each(np.min)),
                "median": tuple(self._each(np.median)),
                "max": tuple(self._each(np.max)),
            },
        )

    def _count(self, known: NDArray[np.bool_]) -> dict[str, int]:
        return dict(zip(self.spec.names, known.sum(axis=0).tolist(), strict=True))

    def _each(self, statistic: Any) -> Iterator[str]:
        for column in self.numbers.T:
            known = column[~np.isnan(column)]
            yield f"{statistic(known):.6g}" if len(known) else MISSING


def describe_numbers(names: Sequence[str], numbers: Sequence[float]) -> str:
    """Return "12.5" of one number, "x 3, y ?" of several, of which y is missing."""
    shown = ["?" if np.isnan(number) else f"{number:.6g}" for number in numbers]
    if len(shown) == 1:
        return shown[0]
    return ", ".join(f"{name} {text}" for name, text in zip(names, shown, strict=True))
