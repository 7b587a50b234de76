"""A listing split in two by its classes, as for two tasks made of one data set."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from striate.data.listing.listing import Listing
from striate.data.listing.target_spec import NEEDS
from striate.data.targets.classes import ClassTargets
from striate.errors import DataError, OptionError, unknown
from striate.text import list_names

_LEAST = 2  #: classes that can be told apart


def split_classes(listing: Listing, names: Collection[str], shown: str) -> tuple[Listing, Listing]:
    """Return the images of the classes called `names`, and those of all others.

    The order of classes and images is kept; `shown` is their place in errors. Raises OptionError
    for a class that is not there and for fewer than two on a side, DataError for images that are no
    files with one class each.
    """
    known = listing.class_names
    if not isinstance(listing.targets, ClassTargets):
        needs = NEEDS[listing.targets.spec.kind]
        raise DataError(f"{shown}: gives {needs} for every image; only classes can be split")
    if listing.arrays is not None:
        raise DataError(
            f"{shown}: {listing.layout} is one array, which is not split; save its images as files"
        )
    for name in names:
        if name not in known:
            raise unknown("class", name, known)
    sides = [name for name in known if name in names], [name for name in known if name not in names]
    if min(map(len, sides)) < _LEAST:
        raise OptionError(
            f"{shown}: its {len(known)} classes are split into {list_names(sides[0]) or 'none'} "
            f"and {list_names(sides[1]) or 'none'}; each side needs two classes or more"
        )
    return _select(listing, sides[0]), _select(listing, sides[1])


def _select(listing: Listing, names: Sequence[str]) -> Listing:
    """Return the images of some classes, which are numbered anew."""
    place = np.array([names.index(name) if name in names else -1 for name in listing.class_names])
    labels = place[listing.samples.labels]
    rows = np.flatnonzero(labels >= 0)
    kept = replace(listing.samples.select(rows), labels=labels[rows].astype(np.uint32))
    targets = ClassTargets.of(names, kept)
    return replace(listing.select(rows), targets=targets, samples=kept, findings=())
