"""Duplicates: byte-identical images, and leakage between splits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import NO_SPLIT, Records, Samples
from striate.data.listing.samples import SPLITS, Finding, Sample


def find_duplicates(
    images: Samples, records: Records, targets: NDArray[np.integer[Any]]
) -> list[Finding]:
    """Return a finding for each byte-identical copy; its detail is the path of the first.

    "leaked" if the first is in an earlier split of the layout, "duplicate" if it has the same
    target, "conflict" on each side if the targets differ. `targets` (N,) are `Targets.ids`.
    """
    digests = records.digests
    rows = np.flatnonzero(_perhaps_repeated(digests) & records.usable & digests.any(axis=1))
    numbers = content_ids(digests[rows])
    common = np.bincount(numbers)[numbers] > 1 if len(rows) else np.zeros(0, bool)
    groups: dict[int, list[tuple[Sample, int]]] = {}
    for number, row in zip(numbers[common].tolist(), rows[common].tolist(), strict=True):
        groups.setdefault(number, []).append((images[row], int(targets[row])))
    found: list[Finding] = []
    for group in groups.values():
        earliest, first = min((image for image, _ in group), key=_place), dict[int, Sample]()
        for image, target in group:
            if _place(image) > _place(earliest):
                found.append(Finding("leaked", image.path, earliest.path))
            elif (same := first.setdefault(target, image)) is not image:
                found.append(Finding("duplicate", image.path, same.path))
        rivals = {target: image for image, target in reversed(group)}
        if len(rivals) > 1:
            found += [Finding("conflict", each.path, _rival(own, rivals)) for each, own in group]
    return found


def _place(image: Sample) -> int:
    """Return the index of the split in SPLITS; images without a split count as training images."""
    return SPLITS.index(image.split or "train")


def _rival(own: int, first: dict[int, Sample]) -> str:
    return next(image.path for target, image in first.items() if target != own)


def leaked_rows(images: Samples, records: Records) -> NDArray[np.bool_]:
    """Return which images (N,) equal one in an earlier split of the layout, or share its group."""
    splits = _given_splits(images)
    return leaking(splits, records.digests) | leaking_groups(images.with_splits(splits))


def find_leaked_groups(images: Samples) -> list[Finding]:
    """Return a finding for each image whose group is in an earlier split of the layout too."""
    if images.groups is None:
        return []
    splits, ids = _given_splits(images), images.groups.ids
    earliest = np.argsort(splits, kind="stable")[::-1]
    first = np.zeros(len(images.groups.names), np.int64)
    first[ids[earliest]] = earliest  # the last one written stays, which is the first in order
    return [
        Finding(
            "leaked group",
            images.path(row),
            f"{images.groups.names[ids[row]]}, as {images.path(int(first[ids[row]]))}",
        )
        for row in np.flatnonzero(leaking_groups(images.with_splits(splits))).tolist()
    ]


def leaking_groups(images: Samples) -> NDArray[np.bool_]:
    """Return which images (N,) share their group with one of an earlier split."""
    if images.groups is None:
        return np.zeros(len(images), bool)
    return leaking(images.splits, images.groups.digests)


def _given_splits(images: Samples) -> NDArray[np.uint8]:
    """Return the splits of the layout; images without one count as training images."""
    train = SPLITS.index("train")
    return np.where(images.splits == NO_SPLIT, train, images.splits).astype(np.uint8)


def leaking(splits: NDArray[np.uint8], digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which images (N,) equal one of an earlier split: indices of SPLITS, NO_SPLIT last."""
    rows = np.flatnonzero(_perhaps_repeated(digests) & digests.any(axis=1))
    numbers, own = content_ids(digests[rows]), splits[rows]
    earliest = np.full(numbers.max(initial=-1) + 1, NO_SPLIT, np.uint8)
    np.minimum.at(earliest, numbers, own)
    found = np.zeros(len(digests), bool)
    found[rows] = own > earliest[numbers]
    return found


def content_ids(digests: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Digests (N, 32) -> (N,) integer IDs: equal for equal digests, in digest order."""
    order = np.lexsort([_word(digests, column) for column in (3, 2, 1, 0)])
    steps = np.zeros(len(order), np.int64)
    for column in range(4):
        word = _word(digests, column)[order]
        steps[1:] |= word[1:] != word[:-1]
    numbers = np.empty_like(steps)
    numbers[order] = np.cumsum(steps, out=steps)
    return numbers


def _perhaps_repeated(digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which digests share a prefix with another: few besides true duplicates."""
    word = _word(digests, 0)
    ordered = np.sort(word)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(word, twice) if len(twice) else np.zeros(len(word), bool)


def _word(digests: NDArray[np.uint8], column: int) -> NDArray[np.uint64]:
    """Return eight bytes of each digest as an integer."""
    piece = np.ascontiguousarray(digests[:, 8 * column : 8 * column + 8])
    return piece.view(">u8")[:, 0].astype(np.uint64)
