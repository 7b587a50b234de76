"""Reader of shards: the index is memory-mapped, and validated against the files it refers to.

Nothing in it is trusted: names are those that `pack` creates, every file has its recorded size,
index and paths their SHA-256, and no entry points outside its shard. The shards themselves are
not read here: changed image bytes are detected when the image is decoded.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from striate.cache_store import file_digest
from striate.data.listing.columns import NO_SPLIT, RECORD, Records, Samples, mask_record
from striate.data.listing.listing import Listing, Shards
from striate.data.listing.masks import MaskFiles
from striate.data.listing.samples import os_reason
from striate.data.listing.targets import Targets
from striate.data.shards import remote
from striate.data.shards.about import AGAIN, About, read_about, wrong
from striate.data.shards.format import ABOUT, ENTRY, INDEX, PATHS, TARGETS, shard_name
from striate.data.shards.targets import read_masks, read_targets
from striate.data.targets.classes import ClassTargets
from striate.data.targets.masks import MaskTargets
from striate.data.targets.pairs import PairTargets
from striate.storage import ARRAY_DAMAGE

_AT_ONCE = 2**20  #: entries checked together


def is_shards(folder: Path) -> bool:
    """Return whether a folder holds shards, possibly incomplete."""
    names = ABOUT, shard_name(0)
    return any(os.path.isfile(folder / name) for name in names)  # noqa: PTH113 - never raises


def read_shards(place: Path, home: str | None = None) -> Listing:
    """List the images of a folder of shards, or of those at the address `home`.

    Raises DataError naming the invalid file.
    """
    folder = place if home is None else remote.fetch(home)
    about = read_about(folder / ABOUT)
    if home and about.targets:
        remote.fetch_file(home, TARGETS, folder)
    for name, size, _ in (*about.whole, *(() if home else about.shards)):
        _check_size(folder / name, size)
    for name, size, _ in about.shards if home else ():
        _same_size(f"{home}/{name}", remote.size(f"{home}/{name}"), size)
    for name, _, expected in about.whole:
        try:
            found = file_digest(folder / name)
        except OSError as error:
            raise wrong(folder / name, f"{os_reason(error)}; {AGAIN}") from error
        if found != expected:
            raise wrong(folder / name, f"its bytes are not those that were packed; {AGAIN}")
    table = _table(folder / INDEX, about.images)
    text = _mapped(folder / PATHS)
    masks = None
    if about.targets and about.codes:
        masks = read_masks(folder / TARGETS, about.targets, about.images)
    end = len(text) if masks is None else int(masks["path"][0])
    _check_entries(folder / INDEX, table, about)
    _check_places(folder / INDEX, table, table["shard"], end, about)
    if masks is not None:
        _check_places(folder / TARGETS, masks, table["shard"], len(text), about)
    images = Samples(text, table["path"], _ends(table, end), table["label"], table["part"])
    files = tuple(name for name, _, _ in about.shards)
    digests = [digest for name, _, digest in about.whole if name == INDEX or about.codes]
    shards = Shards(home or str(folder), files, table, "".join(digests), masks)
    targets = _targets(folder / TARGETS, about, images, shards)
    return Listing(folder, "shards", targets, images, (), shards)


def _targets(file: Path, about: About, images: Samples, shards: Shards) -> Targets:
    if about.targets is None:
        return ClassTargets.of(about.class_names, images)
    masks = shards.masks
    if masks is None or about.codes is None:
        return read_targets(file, about.targets, about.images)
    bounds = zip(masks["path"].tolist(), _ends(masks, len(images.text)).tolist(), strict=True)
    paths = [os.fsdecode(images.text[start:end].tobytes()) for start, end in bounds]
    pieces = [(shards.locate(row), shards.locate_mask(row)) for row in range(about.images)]
    files = MaskFiles(paths, about.codes, pieces)
    if about.codes.of_pictures:
        return PairTargets.of(files)
    return MaskTargets(about.targets, files)


def records_from_index(listing: Listing, largest_megabytes: int) -> Records | None:
    """Return the records made when packing.

    None if that had a higher memory limit, or other indices for the classes of masks.
    """
    if listing.shards is None:
        return None
    about = read_about(listing.root / ABOUT)
    numbered_anew = listing.masks is not None and listing.masks.codes != about.codes
    if about.largest_megabytes > largest_megabytes or numbered_anew:
        return None
    shards, findings = listing.shards, about.findings
    table = np.zeros(len(shards.table), RECORD)  # its index has no thumbnails
    for column in ("digest", "width", "height", "channels"):
        table[column] = shards.table[column]
    masks = None
    if shards.masks is not None:
        masks = np.empty(len(table), mask_record(len(listing.class_names)))
        for column in masks.dtype.names or ():
            masks[column] = shards.masks[column]
    if shards.rows is not None:
        old = enumerate(shards.rows.tolist())
        findings = {row: findings[before] for row, before in old if before in findings}
    return Records(table, findings, masks)


def _check_size(file: Path, expected: int) -> None:
    try:
        found = file.stat()
    except FileNotFoundError as error:
        raise wrong(file, f"missing; {AGAIN}") from error
    except OSError as error:
        raise wrong(file, os_reason(error)) from error
    if not stat.S_ISREG(found.st_mode):
        raise wrong(file, f"not a regular file; {AGAIN}")
    _same_size(file, found.st_size, expected)


def _same_size(file: Path | str, found: int, expected: int) -> None:
    if found != expected:
        state = "cut off" if found < expected else "too long"
        raise wrong(file, f"{state}: {found:,} bytes where {expected:,} were packed; {AGAIN}")


def _table(file: Path, count: int) -> NDArray[np.void]:
    try:
        table = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, *ARRAY_DAMAGE) as error:
        raise wrong(file, f"no index of shards; {AGAIN}") from error
    if table.dtype != ENTRY or table.shape != (count,):
        found = f"{table.dtype.name} of shape {table.shape}"
        raise wrong(file, f"expected an index of {count:,} images, found {found}; {AGAIN}")
    return table.view(np.ndarray)  # the same map; numpy.memmap is slow to index


def _mapped(file: Path) -> NDArray[np.uint8]:
    if not file.stat().st_size:
        return np.zeros(0, np.uint8)
    return np.memmap(file, np.uint8, "r").view(np.ndarray)


def _ends(entries: NDArray[np.void], end: int) -> NDArray[np.uint64]:
    """Return the byte offset of the end of each path; the last one ends at `end`."""
    return np.append(entries["path"][1:], np.uint64(end))


def _check_entries(file: Path, table: NDArray[np.void], about: About) -> None:
    """Check that shards, labels, splits and colors exist."""
    for start in range(0, len(table), _AT_ONCE):
        rows = table[start : start + _AT_ONCE]
        known = rows["shard"] < len(about.shards)
        known &= rows["label"] < max(1, len(about.class_names))
        known &= (rows["part"] <= NO_SPLIT) & np.isin(rows["channels"], (1, 3))
        if not known.all():
            row = start + int(np.argmin(known))
            what = "a shard, class, split or color that does not exist"
            raise wrong(file, f"entry {row:,} names {what}; {AGAIN}")


def _check_places(
    file: Path, table: NDArray[np.void], shards: NDArray[np.uint32], end: int, about: About
) -> None:
    """Check that images or masks lie in their shard, and their paths before `end`, in order."""
    limits, before = np.array([size for _, size, _ in about.shards], np.uint64), np.uint64(0)
    for start in range(0, len(table), _AT_ONCE):
        rows = table[start : start + _AT_ONCE]
        limit, offset = limits[shards[start : start + _AT_ONCE]], rows["offset"]
        inside = (offset <= limit) & (rows["length"] <= limit - np.minimum(offset, limit))
        if not inside.all():
            row = int(np.argmin(inside))
            entry, name = rows[row], about.shards[int(shards[start + row])][0]
            span = f"bytes {entry['offset']:,} to {int(entry['offset']) + int(entry['length']):,}"
            what = f"entry {start + row:,} stands at {span} of {name}"
            raise wrong(file, f"{what}, which has {int(limit[row]):,}; {AGAIN}")
        paths = np.concatenate(([before], rows["path"], [np.uint64(end)]))
        if (paths[1:] < paths[:-1]).any():
            raise wrong(file, f"paths out of order; {AGAIN}")
        before = rows["path"][-1]
