"""Targets of images alone: nothing is given beside them, and a task makes its own of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples, rows_in_split
from striate.data.listing.samples import SPLITS, Finding, Split
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import TargetCounts, Targets
from striate.data.targets.number_problems import FEWEST, find_copies

#: name of the only row that `check` shows of them
_ROW = "images"


@dataclass(frozen=True)
class NoTargets(Targets):
    """Nothing for each of so many images."""

    images: int

    @classmethod
    def of(cls, images: int) -> NoTargets:
        """Return nothing for each of so many images."""
        return cls(TargetSpec("image"), images)

    @property
    def values(self) -> NDArray[np.uint8]:
        """An array (N, 0)."""
        return np.zeros((self.images, 0), np.uint8)

    def __len__(self) -> int:
        return self.images

    def select(self, rows: NDArray[Any]) -> NoTargets:
        return NoTargets(self.spec, len(rows))

    def aligned(self, spec: TargetSpec) -> NoTargets:
        return NoTargets(spec, self.images)

    def ids(self) -> NDArray[np.int64]:
        return np.zeros(self.images, np.int64)

    def entry(self, row: int) -> dict[str, Any]:  # noqa: ARG002
        return {}

    def describe(self, row: int) -> str:  # noqa: ARG002
        return ""

    def problems(
        self,
        images: Samples,
        candidates: Samples,
        findings: Sequence[Finding],  # noqa: ARG002
    ) -> tuple[str, ...]:
        if not len(images):
            return (_without_images(candidates),)
        if len(images) < FEWEST:
            return ("there is one image; expected at least two: one to train on, one to validate",)
        held = [split for at, split in enumerate(SPLITS) if (images.splits == at).all()]
        if held and held[0] != "train":
            return (f"there are no images to train on: all {len(images):,} are in {held[0]}",)
        return ()

    def copied(self, images: Samples, records: Records) -> tuple[str, ...]:  # noqa: ARG002
        return find_copies(records)

    def count(self, images: Samples, splits: Sequence[Split]) -> TargetCounts:
        """Count the images of each split; nothing without splits, as their number is known."""
        total = {_ROW: len(images)} if splits else dict[str, int]()
        counts: dict[Split, dict[str, int]] = {
            split: {_ROW: len(rows_in_split(images, split))} for split in splits
        }
        return TargetCounts(total, counts, {})


def _without_images(candidates: Samples) -> str:
    if len(candidates) > 1:
        return f"none of the {len(candidates):,} images can be used; replace them"
    return "the only image cannot be used; replace it" if len(candidates) else "there are no images"
