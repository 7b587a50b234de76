"""Reasons why a data set cannot be trained on, as full sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from striate.data.listing.columns import Records, Samples
from striate.data.listing.duplicates import leaked_rows
from striate.data.listing.listing import Listing
from striate.data.listing.samples import SPLITS, Leaked
from striate.data.listing.targets import Targets


def find_problems(listing: Listing, records: Records | None = None) -> tuple[str, ...]:
    """Return the problems of a listing, or of its usable images if their `records` are known."""
    if records is None:
        return listing.targets.problems(listing.samples, listing.samples, listing.findings)
    rows, images, _ = listing.usable(records)
    targets = listing.targets.recorded(records).select(rows)
    return targets.problems(images, listing.samples, listing.findings)


def find_training_problems(
    listing: Listing, images: Samples, targets: Targets, records: Records, leaked: Leaked = "keep"
) -> tuple[str, ...]:
    """Return the problems of decoded, usable images, optionally without leaked ones."""
    left = np.flatnonzero(~(leaked_rows(images, records) & (leaked == "drop")))
    targets = targets.select(left)
    found, known = images.select(left), records.select(left)
    problems = targets.problems(found, listing.samples, listing.findings)
    lonely = _single_groups(found, targets.spec.names if targets.spec.kind == "label" else ())
    return (*_emptied(images, found), *problems, *lonely) or targets.copied(found, known)


def _emptied(images: Samples, left: Samples) -> Iterator[str]:
    """Yield splits that became empty because all images were dropped."""
    for number, split in enumerate(SPLITS):
        count = int((images.splits == number).sum())
        if count and not (left.splits == number).any():
            too = "too, or their groups are" if images.groups else "too"
            yield f"all {count:,} images of {split} are in an earlier split {too}; replace them"


def _single_groups(images: Samples, class_names: Sequence[str]) -> Iterator[str]:
    """Yield classes whose images are all of one group: none is left for validation."""
    if images.groups is None or (images.splits == SPLITS.index("validation")).any():
        return
    for label, name in enumerate(class_names or ("",)):
        own = images.labels == label if class_names else slice(None)
        ids = np.unique(images.groups.ids[own])
        if len(ids) == 1:
            which = f"images of class {name!r}" if class_names else "images"
            each = "of a class" if class_names else "of images"
            yield (
                f"all {which} are of one group, {images.groups.names[ids[0]]!r}; expected at least "
                f"two groups {each}, to train on one and validate on another"
            )
