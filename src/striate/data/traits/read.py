"""Traits of the images of a listing, and the shortcuts that they make."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from striate.data.cache.decode_all import locate
from striate.data.listing.columns import Records
from striate.data.listing.listing import Listing
from striate.data.traits.measure import measure_file, measure_pixels
from striate.data.traits.model import Floats
from striate.data.traits.shortcuts import FEWEST, Shortcut, find_shortcuts
from striate.progress import Progress

MOST_OF_CLASS, MOST = 200, 2000  #: images measured
_THREADS = 2


def find_shortcuts_of(
    listing: Listing, records: Records
) -> Generator[Progress, None, tuple[Shortcut, ...]]:
    """Measure up to 2,000 usable images of a listing, and return its shortcuts.

    There are none where images have other targets than one class, or of signals, and none are
    looked for in an object store. The images of a class are those of the lowest digests, whatever
    they are called.
    """
    remote = listing.shards is not None and "://" in listing.shards.folder
    if listing.targets.spec.kind != "label" or listing.inputs != "image" or remote:
        return ()
    labels = listing.samples.labels.astype(np.int64)
    rows = _draw(records, labels)
    if not len(rows):
        return ()
    measured = yield from _measure(listing, rows)
    kept = [at for at, each in enumerate(measured) if each is not None]
    numbers, corners = (np.stack(each) for each in zip(*filter(None, measured), strict=True))
    return find_shortcuts(numbers, corners, labels[rows[kept]], listing.class_names)


def _draw(records: Records, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows to measure: distinct images, of classes that have enough of them."""
    usable = np.flatnonzero(records.usable)
    digests = np.ascontiguousarray(records.digests[usable]).view("S32")[:, 0]
    _, first = np.unique(digests, return_index=True)
    ordered = usable[first]
    groups = [ordered[labels[ordered] == label] for label in np.unique(labels[ordered])]
    groups = [group for group in groups if len(group) >= FEWEST]
    most = min(MOST_OF_CLASS, max(FEWEST, MOST // max(1, len(groups))))
    return np.concatenate([group[:most] for group in groups]) if groups else np.zeros(0, np.int64)


def _measure(
    listing: Listing, rows: NDArray[np.int64]
) -> Generator[Progress, None, list[tuple[Floats, Floats] | None]]:
    def measure(row: int) -> tuple[Floats, Floats] | None:
        if listing.arrays is not None:
            return measure_pixels(np.asarray(listing.arrays[row]))
        place = locate(listing, row, None)
        return measure_file(place if isinstance(place, str) else tuple(place[:3]))

    found = list[tuple[Floats, Floats] | None]()
    yield Progress(0, len(rows), "images measured")
    with ThreadPoolExecutor(_THREADS) as pool:
        for each in pool.map(measure, rows.tolist()):
            found.append(each)
            yield Progress(len(found), len(rows), "images measured")
    return found
