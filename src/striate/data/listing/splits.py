"""Train/validation/test splits.

The splits given by the layout are kept; other images are assigned by content hash.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Records, Samples
from striate.data.listing.duplicates import content_ids, leaked_rows
from striate.data.listing.label_splits import complete_labels
from striate.data.listing.listing import DecodedImages
from striate.data.listing.samples import SPLITS, Leaked, Split
from striate.data.listing.targets import Targets

TRAIN, VALIDATION, TEST = (SPLITS.index(split) for split in SPLITS)


@dataclass(frozen=True)
class SplitFractions:
    """Validation and test fractions, used if the layout does not define these splits."""

    validation: float
    test: float

    def split(self, digest: str) -> Split:
        """Return the split of an image, from its content only.

        The first 52 bits of its SHA-256, read as a fraction from 0 to 1, decide: an image keeps its
        split when others are added or removed or when it is renamed, in every run, and copies share
        it.
        """
        (number,) = self.splits(np.frombuffer(bytes.fromhex(digest), np.uint8)[None])
        return SPLITS[number]

    def splits(self, digests: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the splits of digests (N, 32), as indices of SPLITS."""
        words = np.ascontiguousarray(digests[:, :8]).view(">u8")[:, 0]
        place = (words >> np.uint64(12)) / 16**13
        kept = np.where(place < self.test + self.validation, VALIDATION, TRAIN)
        return np.where(place < self.test, TEST, kept).astype(np.uint8)


def assign_splits(
    decoded: DecodedImages, fractions: SplitFractions, leaked: Leaked = "keep"
) -> DecodedImages:
    """Assign a split to every image.

    Splits of the layout are kept. Without a validation split, images without a fixed split are
    split by content, and a test split is created too unless the layout has one. A class with two
    different images gets one for training and one for validation, unless an image occurs in several
    classes: it has the same split in all of them. Of several labels, each is given to an image for
    training and one for validation, and missing from one of each. With `leaked="drop"`, leaked
    images get no split.
    """
    splits = placed(decoded.samples, decoded.records, decoded.targets, fractions, leaked)
    return replace(decoded, samples=decoded.samples.with_splits(splits))


def placed(
    images: Samples,
    records: Records,
    targets: Targets,
    fractions: SplitFractions,
    leaked: Leaked = "keep",
) -> NDArray[np.uint8]:
    """Return each image's split as in `assign_splits`: an index of SPLITS, or NO_SPLIT."""
    given = set(np.unique(images.splits).tolist())
    if VALIDATION in given:
        splits = np.where(images.splits == NO_SPLIT, TRAIN, images.splits)
    else:
        test = 0.0 if TEST in given else fractions.test
        splits = _split_by_content(
            images, records.digests, targets, SplitFractions(fractions.validation, test)
        )
    if leaked == "drop":
        splits = np.where(leaked_rows(images, records), NO_SPLIT, splits)
    return splits.astype(np.uint8)


def _split_by_content(
    images: Samples, digests: NDArray[np.uint8], targets: Targets, fractions: SplitFractions
) -> NDArray[np.uint8]:
    splits = images.splits.copy()
    free = np.flatnonzero(splits != TEST)
    if not len(free):
        return splits
    numbers = content_ids(digests[free])
    split_of = np.empty(numbers.max() + 1, np.uint8)
    split_of[numbers] = fractions.splits(digests[free])
    order = np.lexsort((numbers, images.labels[free]))
    labels, numbers_by_class = images.labels[free][order], numbers[order]
    # Sorted by label, then content: independent of image order.
    for members in np.split(numbers_by_class, np.flatnonzero(np.diff(labels)) + 1):
        _complete(split_of, members[np.diff(members, prepend=-1) > 0])
    if targets.spec.several:
        matrix = np.zeros((len(split_of), len(targets.spec.names)), np.uint8)
        np.maximum.at(matrix, numbers, targets.values[free])
        complete_labels(split_of, matrix, TRAIN, VALIDATION)
    splits[free] = split_of[numbers]
    return splits


def _complete(split_of: NDArray[np.uint8], members: NDArray[np.int64]) -> None:
    """Move an image of a small class if its training or validation split would be empty.

    `members` are in digest order: test, validation, train, as `SplitFractions` assigns them.
    """
    split_of[members[-1]] = TRAIN
    splits = split_of[members]
    if len(members) > 1 and not (splits == VALIDATION).any():
        train = members[splits == TRAIN]
        split_of[train[0] if len(train) > 1 else members[-2]] = VALIDATION
