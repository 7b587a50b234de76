"""Targets of pairs: for each image another of the same size, which is to be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples
from striate.data.listing.duplicates import content_ids
from striate.data.listing.masks import MaskFiles
from striate.data.listing.samples import Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import TargetCounts
from striate.data.targets.images import NoTargets


@dataclass(frozen=True, eq=False)
class PairTargets(NoTargets):
    """A picture an image, decoded beside it as masks are."""

    pictures: MaskFiles  #: N, without codes
    digests: NDArray[np.uint8] | None = field(default=None, repr=False)  #: (N, 32), once decoded

    @classmethod
    def of(cls, pictures: MaskFiles) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the targets of these files."""
        return cls(TargetSpec("pair"), len(pictures.paths), pictures)

    @property
    def files(self) -> MaskFiles:
        return self.pictures

    def select(self, rows: NDArray[Any]) -> Self:
        digests = None if self.digests is None else self.digests[rows]
        return replace(self, images=len(rows), pictures=self.pictures.select(rows), digests=digests)

    def recorded(self, records: Records) -> Self:
        return replace(self, digests=None if records.masks is None else records.masks["digest"])

    def aligned(self, spec: TargetSpec) -> Self:
        return replace(self, spec=spec)

    def ids(self) -> NDArray[Any]:
        """Return integers (N,) that are equal for equal files; before decoding all differ."""
        return np.arange(len(self)) if self.digests is None else content_ids(self.digests)

    def entry(self, row: int) -> dict[str, Any]:
        entry = {"target": self.pictures.paths[row]}
        if self.digests is not None:
            entry["target_sha256"] = self.digests[row].tobytes().hex()
        return entry

    def count(self, images: Samples, splits: Sequence[Split]) -> TargetCounts:
        """Count the pairs of each split; nothing without splits, as their number is known."""
        found = super().count(images, splits)
        named: dict[Split, dict[str, int]] = {
            split: {"pairs": sum(counts.values())} for split, counts in found.splits.items()
        }
        return TargetCounts({"pairs": len(images)} if splits else {}, named, {})
