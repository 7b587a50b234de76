"""Class folders read as label sets: an image in several folders has the labels of all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from striate.cache_store import file_digest
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding
from striate.data.targets.label_sets import LabelSets
from striate.text import list_names


def unite_copies(listing: Listing) -> Listing:
    """Return a listing of classes with label sets in their place.

    Byte-identical files of one split become one image, at the first of their paths, with the
    labels of all; only files of equal size are read. In arrays and shards an image is a row.
    """
    labels = listing.samples.labels.astype(np.int64)
    matrix = np.zeros((len(labels), len(listing.class_names)), np.uint8)
    matrix[np.arange(len(labels)), labels] = 1
    kept, findings = np.ones(len(labels), bool), list(listing.findings)
    files = listing.arrays is None and listing.shards is None
    for first, *others in _copies(listing) if files else ():
        matrix[first] = matrix[[first, *others]].max(axis=0)
        kept[others] = False
        original = listing.samples.path(first)
        names = [listing.class_names[at] for at in np.flatnonzero(matrix[first])]
        for row in others:
            detail = f"{original}, which has {list_names(names)}"
            findings.append(Finding("same image", listing.samples.path(row), detail))
    rows = np.flatnonzero(kept)
    images = listing.samples.select(rows)
    targets = LabelSets.of(listing.class_names, matrix[rows])
    unlabeled = replace(images, labels=np.zeros(len(images), np.uint32))
    return replace(listing, targets=targets, samples=unlabeled, findings=tuple(findings))


def _copies(listing: Listing) -> Iterable[list[int]]:
    """Yield the rows of equal files of a split, in listing order; unreadable ones have none."""
    sizes: dict[tuple[int, int], list[int]] = {}
    for row, split in enumerate(listing.samples.splits.tolist()):
        place = os.path.join(listing.root, listing.samples.path(row))  # noqa: PTH118 - many times
        try:
            sizes.setdefault((split, os.stat(place).st_size), []).append(row)  # noqa: PTH116
        except OSError:
            continue
    return chain.from_iterable(
        _same_content(listing, rows) for rows in sizes.values() if len(rows) > 1
    )


def _same_content(listing: Listing, rows: Iterable[int]) -> Iterable[list[int]]:
    groups: dict[str, list[int]] = {}
    for row in rows:
        try:
            digest = file_digest(Path(listing.root, listing.samples.path(row)))
        except OSError:
            continue
        groups.setdefault(digest, []).append(row)
    return [group for group in groups.values() if len(group) > 1]
