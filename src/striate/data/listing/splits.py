"""Train/validation/test splits.

The splits given by the layout are kept; other images are assigned by content hash, or all of a
group by the hash of its name.
"""

from __future__ import annotations

import math
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
    #: column or pattern that names the group of each image; "": images are split one by one
    group: str = ""

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


USUAL = SplitFractions(0.15, 0.15)  #: as `train` has them unless told otherwise


def assign_splits(
    decoded: DecodedImages, fractions: SplitFractions, leaked: Leaked = "keep"
) -> DecodedImages:
    """Assign a split to every image.

    Splits of the layout are kept. Without a validation split, images without a fixed split are
    split by content, and a test split is created too unless the layout has one. A class with two
    different images gets one for training and one for validation, unless an image occurs in several
    classes: it has the same split in all of them. Of several labels, each is given to an image for
    training and one for validation, and missing from one of each. Images in groups are split group
    by group: no group is in two splits, unless the layout puts it there. Groups of open classes are
    not drawn from every class, so that whole classes can be groups. With `leaked="drop"`, leaked
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
        shares = SplitFractions(fractions.validation, test)
        splits = _split_by_content(images, records.digests, targets, shares)
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
    digests = images.groups.digests if images.groups else digests
    numbers = content_ids(digests[free])
    split_of = np.empty(numbers.max() + 1, np.uint8)
    split_of[numbers] = fractions.splits(digests[free])
    strata = images.labels[free]
    if targets.spec.open and images.groups:  # a class may be in one split alone
        strata = np.zeros_like(strata)
    order = np.lexsort((numbers, strata))
    labels, numbers_by_class = strata[order], numbers[order]
    # Sorted by label, then content: independent of image order.
    for members in np.split(numbers_by_class, np.flatnonzero(np.diff(labels)) + 1):
        members = members[np.diff(members, prepend=-1) > 0]
        if images.groups:
            _bound(split_of, members, fractions)
        _complete(split_of, members)
    if targets.spec.several:
        matrix = np.zeros((len(split_of), len(targets.spec.names)), np.uint8)
        np.maximum.at(matrix, numbers, targets.values[free])
        complete_labels(split_of, matrix, TRAIN, VALIDATION)
    splits[free] = split_of[numbers]
    return splits


def _bound(
    split_of: NDArray[np.uint8], members: NDArray[np.int64], fractions: SplitFractions
) -> None:
    """Move groups of a class of which the hash gives far too few or too many to a split.

    Validation and test get between half and one and a half times their fraction of the groups,
    rounded, as a few dozen would vary more than that. `members` are in digest order.
    """
    counts = [
        int(
            np.clip(
                (split_of[members] == split).sum(),
                math.floor(fraction * len(members) / 2 + 0.5),
                math.ceil(fraction * len(members) * 3 / 2),
            )
        )
        for split, fraction in ((TEST, fractions.test), (VALIDATION, fractions.validation))
    ]
    if counts != [(split_of[members] == split).sum() for split in (TEST, VALIDATION)]:
        split_of[members] = TRAIN
        split_of[members[: counts[0]]] = TEST
        split_of[members[counts[0] : sum(counts)]] = VALIDATION


def _complete(split_of: NDArray[np.uint8], members: NDArray[np.int64]) -> None:
    """Move an image of a small class if its training or validation split would be empty.

    `members` are in digest order: test, validation, train, as `SplitFractions` assigns them.
    """
    split_of[members[-1]] = TRAIN
    splits = split_of[members]
    if len(members) > 1 and not (splits == VALIDATION).any():
        train = members[splits == TRAIN]
        split_of[train[0] if len(train) > 1 else members[-2]] = VALIDATION
