"""Targets of several labels an image: any number of the names, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples, rows_in_split
from striate.data.listing.duplicates import content_ids
from striate.data.listing.samples import Finding, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import TargetCounts, Targets
from striate.data.targets.label_problems import find_label_problems, find_one_sided

#: row of `check` for images without any label
NO_LABEL = "(no label)"


@dataclass(frozen=True, eq=False)
class LabelSets(Targets):
    """Any number of labels an image."""

    matrix: NDArray[np.uint8]  #: (N, K): 1 where an image has the label

    @classmethod
    def of(cls, names: Sequence[str], matrix: NDArray[np.uint8]) -> LabelSets:
        """Return the label sets of a matrix (N, K) of 0 and 1."""
        return cls(TargetSpec("labels", tuple(names)), matrix)

    @property
    def values(self) -> NDArray[np.uint8]:
        return self.matrix

    def __len__(self) -> int:
        return len(self.matrix)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LabelSets)
            and self.spec == other.spec
            and np.array_equal(self.matrix, other.matrix)
        )

    __hash__ = None  # type: ignore[assignment]

    def select(self, rows: NDArray[Any]) -> LabelSets:
        return replace(self, matrix=self.matrix[rows])

    def aligned(self, spec: TargetSpec) -> LabelSets:
        matrix = np.zeros((len(self), len(spec.names)), np.uint8)
        matrix[:, [spec.names.index(name) for name in self.spec.names]] = self.matrix
        return LabelSets(spec, matrix)

    def ids(self) -> NDArray[np.int64]:
        bits = np.packbits(self.matrix, axis=1)
        return np.unique(bits, axis=0, return_inverse=True)[1].reshape(-1)

    def entry(self, row: int) -> dict[str, Any]:
        return {"labels": self._names(row)}

    def describe(self, row: int) -> str:
        return ", ".join(self._names(row)) or "no label"

    def problems(
        self,
        images: Samples,
        candidates: Samples,
        findings: Sequence[Finding],  # noqa: ARG002 - no folder stands for a label
    ) -> tuple[str, ...]:
        return find_label_problems(self.spec.names, self.matrix, images, candidates)

    def findings(self, images: Samples) -> tuple[Finding, ...]:
        return tuple(find_one_sided(self.spec.names, self.matrix, images))

    def copied(self, images: Samples, records: Records) -> tuple[str, ...]:  # noqa: ARG002
        _, firsts = np.unique(content_ids(records.digests), return_index=True)
        different, counts = self.matrix[firsts], self.matrix.sum(axis=0)
        copies = tuple(
            f"all {counts[label]:,} images with label {name!r} are copies of one; "
            "expected at least two different ones of a label"
            for label, name in enumerate(self.spec.names)
            if different[:, label].sum() == 1 and counts[label] > 1
        )
        return copies if len(copies) == len(self.spec.names) else ()

    def count(self, images: Samples, splits: Sequence[Split]) -> TargetCounts:
        return TargetCounts(
            self._counts(slice(None)),
            {split: self._counts(rows_in_split(images, split)) for split in splits},
            {},
        )

    def _counts(self, rows: NDArray[np.int64] | slice) -> dict[str, int]:
        matrix = self.matrix[rows]
        counts = dict(zip(self.spec.names, matrix.sum(axis=0, dtype=int).tolist(), strict=True))
        return {**counts, NO_LABEL: int((~matrix.any(axis=1)).sum())}

    def _names(self, row: int) -> list[str]:
        return [self.spec.names[at] for at in np.flatnonzero(self.matrix[row])]
