"""Which images train, which choose the best epoch, which are kept for the report."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.listing.columns import NO_SPLIT, Records, Samples, content_ids, leaking
from striate.data.listing.samples import SPLITS, DecodedImages, Leaked, Split

TRAIN, VALIDATION, TEST = (SPLITS.index(part) for part in SPLITS)


@dataclass(frozen=True)
class SplitFractions:
    """The shares of a folder's images kept from training, where the folder does not say."""

    validation: float
    test: float

    def split(self, digest: str) -> Split:
        """The part an image falls in, by its content alone.

        The first 52 bits of its SHA-256, read as a number from 0 to 1, decide; so an image keeps
        its part when others come or go, when it is renamed, and in every run, and so do copies.
        """
        (number,) = self.splits(np.frombuffer(bytes.fromhex(digest), np.uint8)[None])
        return SPLITS[number]

    def splits(self, digests: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The same for digests (N, 32), as indices of PARTS."""
        words = np.ascontiguousarray(digests[:, :8]).view(">u8")[:, 0]
        place = (words >> np.uint64(12)) / 16**13
        kept = np.where(place < self.test + self.validation, VALIDATION, TRAIN)
        return np.where(place < self.test, TEST, kept).astype(np.uint8)


def leaked_rows(images: Samples, records: Records) -> NDArray[np.bool_]:
    """Which images (N,) have an equal one in an earlier of the parts that the layout gives."""
    parts = np.where(images.splits == NO_SPLIT, TRAIN, images.splits)
    return leaking(parts.astype(np.uint8), records.digests)


def assign_splits(
    decoded: DecodedImages, shares: SplitFractions, leaked: Leaked = "keep"
) -> DecodedImages:
    """Every image with its part.

    What the folder says stands. Where it names no validation part, the images it does not place
    elsewhere are split by content, and a test part is split off too unless the folder names one.
    A class with two different images has one to train and one to validate, except where a
    image stands under several classes: it has one place in all of them. What is leaked has no
    part any more where it is to be dropped.
    """
    images, records = Samples.of(decoded.samples), Records.of(decoded.records)
    parts = placed(images, records, shares, leaked)
    return replace(decoded, samples=images.with_splits(parts), records=records)


def placed(
    images: Samples, records: Records, shares: SplitFractions, leaked: Leaked = "keep"
) -> NDArray[np.uint8]:
    """The part of each image as `divided` gives it, an index of PARTS."""
    given = set(np.unique(images.splits).tolist())
    if VALIDATION in given:
        parts = np.where(images.splits == NO_SPLIT, TRAIN, images.splits)
    else:
        test = 0.0 if TEST in given else shares.test
        parts = _split_by_content(images, records.digests, SplitFractions(shares.validation, test))
    if leaked == "drop":
        parts = np.where(leaked_rows(images, records), NO_SPLIT, parts)
    return parts.astype(np.uint8)


def _split_by_content(
    images: Samples, digests: NDArray[np.uint8], shares: SplitFractions
) -> NDArray[np.uint8]:
    parts = images.splits.copy()
    free = np.flatnonzero(parts != TEST)
    if not len(free):
        return parts
    numbers = content_ids(digests[free])
    part_of = np.empty(numbers.max() + 1, np.uint8)
    part_of[numbers] = shares.splits(digests[free])
    order = np.lexsort((numbers, images.labels[free]))
    labels, numbers_by_class = images.labels[free][order], numbers[order]
    # By label, and in a class by content: the order of the images is no matter.
    for members in np.split(numbers_by_class, np.flatnonzero(np.diff(labels)) + 1):
        _complete(part_of, members[np.diff(members, prepend=-1) > 0])
    parts[free] = part_of[numbers]
    return parts


def _complete(part_of: NDArray[np.uint8], members: NDArray[np.int64]) -> None:
    """Move an image of a small class where train or validation would have none of it.

    `members` are in the order of their digests: test, validation, train, as `Shares.part` cuts.
    """
    part_of[members[-1]] = TRAIN
    parts = part_of[members]
    if len(members) > 1 and not (parts == VALIDATION).any():
        train = members[parts == TRAIN]
        part_of[train[0] if len(train) > 1 else members[-2]] = VALIDATION


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """Labels (N,) -> (classes,) float32: one over the size of a class, 1 on average of an image.

    King and Zeng 2001, https://doi.org/10.1093/oxfordjournals.pan.a004868, for
    classes that are all equally likely.
    """
    counts = torch.bincount(labels, minlength=classes).clamp_min(1)
    return len(labels) / (classes * counts)


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Labels (N,) on the CPU -> (N,) places, each class as often as any other, or once more.

    No image of a class comes again before all of it came. Depends on labels and generator alone.
    """
    present = labels.unique()
    present = present[torch.randperm(len(present), generator=generator)]
    drawn: list[Tensor] = []
    for rank, label in enumerate(present):
        places = (labels == label).nonzero().flatten()
        share = (len(labels) - rank - 1) // len(present) + 1  # the first classes get the rest
        rounds = -(-share // len(places))
        shuffled = [places[torch.randperm(len(places), generator=generator)] for _ in range(rounds)]
        drawn.append(torch.cat(shuffled)[:share])
    order = torch.cat(drawn)
    return order[torch.randperm(len(order), generator=generator)]
