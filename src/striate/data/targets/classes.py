"""Targets of classification: one class an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples, rows_in_split
from striate.data.listing.samples import Finding, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import TargetCounts, Targets
from striate.data.targets.class_problems import find_copies, find_problems


@dataclass(frozen=True, eq=False)
class ClassTargets(Targets):
    """One class an image."""

    labels: NDArray[np.integer[Any]]  #: (N,) indices of the spec's names

    @classmethod
    def of(cls, class_names: Sequence[str], images: Samples) -> ClassTargets:
        """Return the classes of samples, which are their labels."""
        return cls(TargetSpec("label", tuple(class_names)), images.labels)

    @property
    def values(self) -> NDArray[np.int64]:
        return self.labels.astype(np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ClassTargets)
            and self.spec == other.spec
            and np.array_equal(self.labels, other.labels)
        )

    __hash__ = None  # type: ignore[assignment]

    def select(self, rows: NDArray[Any]) -> ClassTargets:
        return replace(self, labels=self.labels[rows])

    def aligned(self, spec: TargetSpec) -> ClassTargets:
        place = {name: at for at, name in enumerate(spec.names)}
        return ClassTargets(spec, np.array([place[name] for name in self.spec.names])[self.labels])

    def ids(self) -> NDArray[np.integer[Any]]:
        return self.labels

    def entry(self, row: int) -> dict[str, Any]:
        return {"class": self.describe(row)}

    def describe(self, row: int) -> str:
        return self.spec.names[int(self.labels[row])]

    def problems(
        self, images: Samples, candidates: Samples, findings: Sequence[Finding]
    ) -> tuple[str, ...]:
        return find_problems(self.spec.names, images, candidates, findings)

    def copied(self, images: Samples, records: Records) -> tuple[str, ...]:
        return find_copies(self.spec.names, images, records)

    def count(self, images: Samples, splits: Sequence[Split]) -> TargetCounts:
        return TargetCounts(
            self._counts(slice(None)),
            {split: self._counts(rows_in_split(images, split)) for split in splits},
            {},
        )

    def _counts(self, rows: NDArray[np.int64] | slice) -> dict[str, int]:
        counts = np.bincount(self.labels[rows], minlength=len(self.spec.names))
        return dict(zip(self.spec.names, counts.tolist(), strict=True))
