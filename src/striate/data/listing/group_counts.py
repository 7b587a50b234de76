"""Groups of a data set, counted: how many there are of them, and in each split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from striate.data.listing.columns import Samples, rows_in_split
from striate.data.listing.samples import SPLITS, Split
from striate.errors import printable
from striate.text import count_noun


class SplitCounts(NamedTuple):
    """Groups of a split, and their images in it."""

    groups: int
    images: int


@dataclass(frozen=True)
class GroupCounts:
    """How many groups there are, which is the largest, and what is in each split."""

    groups: int
    largest: str  #: name of the group with the most images
    largest_images: int
    splits: Mapping[Split, SplitCounts]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values; undecodable bytes in names are escaped."""
        splits = {split: counts._asdict() for split, counts in self.splits.items()}
        return {**asdict(self), "largest": printable(self.largest), "splits": splits}

    def rows(self, inputs: str = "image") -> list[tuple[str, ...]]:
        """Return a table: heads, then a row for each split."""
        counted = [(split, *(f"{n:,}" for n in each)) for split, each in self.splits.items()]
        return [("split", "groups", f"{inputs}s"), *counted]

    def note(self, inputs: str = "image") -> str:
        """Say how many groups there are, and which is the largest."""
        largest = f"{printable(self.largest, 60)!r}, {count_noun(self.largest_images, inputs)}"
        return f"{count_noun(self.groups, 'group')}; the largest is {largest}"


def count_groups(images: Samples) -> GroupCounts:
    """Count the groups of images, which are split and have groups."""
    assert images.groups is not None
    sizes = np.bincount(images.groups.ids)
    largest = int(sizes.argmax())
    splits: dict[Split, SplitCounts] = {}
    for split in SPLITS:
        rows = rows_in_split(images, split)
        splits[split] = SplitCounts(len(np.unique(images.groups.ids[rows])), len(rows))
    return GroupCounts(
        int((sizes > 0).sum()), images.groups.names[largest], int(sizes[largest]), splits
    )
