"""Reader of shards: the index is memory-mapped, and validated against the files it refers to.

Nothing in it is trusted: names are those that `pack` creates, every file has its recorded size,
index and paths their SHA-256, and no entry points outside its shard. The shards themselves are
not read here: changed image bytes are detected when the image is decoded.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate import storage
from striate.cache_store import file_digest
from striate.data.listing.columns import NO_SPLIT, RECORD, Records, Samples, findings_from_json
from striate.data.listing.listing import Listing, Shards
from striate.data.listing.samples import FINDINGS, Finding, os_reason
from striate.data.listing.target_spec import TargetSpec
from striate.data.shards import remote
from striate.data.shards.format import (
    ABOUT,
    COUNT,
    ENTRY,
    INDEX,
    NAME,
    PATHS,
    TARGETS,
    TARGETS_VERSION,
    VERSION,
    shard_name,
)
from striate.data.shards.targets import read_spec, read_targets
from striate.data.targets.classes import ClassTargets
from striate.errors import DataError, StorageError, printable
from striate.storage import ARRAY_DAMAGE

_LARGEST_ABOUT = 2**30  #: bytes
_AT_ONCE = 2**20  #: entries checked together
_AGAIN = "copy it again, or pack the images anew"


class _About(NamedTuple):
    """Content of `shards.json`."""

    class_names: tuple[str, ...]  #: of version 1
    targets: TargetSpec | None  #: of version 2
    images: int
    largest_megabytes: int
    #: name, bytes, SHA-256: index, paths and those of the targets, if any, which are read whole
    whole: tuple[tuple[str, int, str], ...]
    shards: tuple[tuple[str, int, str], ...]
    findings: dict[int, tuple[Finding, ...]]


def is_shards(folder: Path) -> bool:
    """Return whether a folder holds shards, possibly incomplete."""
    names = ABOUT, shard_name(0)
    return any(os.path.isfile(folder / name) for name in names)  # noqa: PTH113 - never raises


def read_shards(place: Path, home: str | None = None) -> Listing:
    """List the images of a folder of shards, or of those at the address `home`.

    Raises DataError naming the invalid file.
    """
    folder = place if home is None else remote.fetch(home)
    about = _about(folder / ABOUT)
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
            raise _wrong(folder / name, f"{os_reason(error)}; {_AGAIN}") from error
        if found != expected:
            raise _wrong(folder / name, f"its bytes are not those that were packed; {_AGAIN}")
    table = _table(folder / INDEX, about.images)
    text = _mapped(folder / PATHS)
    _check_entries(folder, table, len(text), [size for _, size, _ in about.shards], about)
    images = Samples(
        text,
        table["path"],
        np.append(table["path"][1:], np.uint64(len(text))),
        table["label"],
        table["part"],
    )
    files = tuple(name for name, _, _ in about.shards)
    targets = ClassTargets.of(about.class_names, images)
    if about.targets:
        targets = read_targets(folder / TARGETS, about.targets, about.images)
    (_, _, digest), *_ = about.whole
    return Listing(
        folder,
        "shards",
        targets,
        images,
        (),
        Shards(home or str(folder), files, table, digest),
    )


def records_from_index(listing: Listing, largest_megabytes: int) -> Records | None:
    """Return the records made when packing; None if that had a higher memory limit."""
    if listing.shards is None:
        return None
    about = _about(listing.root / ABOUT)
    if about.largest_megabytes > largest_megabytes:
        return None
    table = np.empty(about.images, RECORD)
    for column in RECORD.names or ():
        table[column] = listing.shards.table[column]
    return Records(table, about.findings)


def _about(file: Path) -> _About:
    try:
        if file.stat().st_size > _LARGEST_ABOUT:
            raise _wrong(file, f"larger than {_LARGEST_ABOUT:,} bytes; {_AGAIN}")
        values = storage.read_json(file, _AGAIN)
        if (version := values["version"]) not in (VERSION, TARGETS_VERSION):
            text = f"version {version!r} is not {VERSION} or {TARGETS_VERSION}"
            raise _wrong(file, f"{text}; pack the images anew, or use a newer striate")
        files = tuple((str(name), int(size), str(digest)) for name, size, digest in values["files"])
        more = () if version == VERSION else (tuple(values["targets_file"]),)
        about = _About(
            tuple(map(str, values["class_names"])) if version == VERSION else (),
            None if version == VERSION else read_spec(values["targets"]),
            int(values[COUNT]),
            int(values["largest_megabytes"]),
            (*files[:2], *((str(name), int(size), str(digest)) for name, size, digest in more)),
            files[2:],
            findings_from_json(values["findings"]),
        )
        names = [name for name, _, _ in (*about.whole, *about.shards)]
        wanted = [INDEX, PATHS, *([TARGETS] if about.targets else [])]
        odd = not all(about.class_names) or any(
            f.kind not in FINDINGS for found in about.findings.values() for f in found
        )
        if odd or names[: len(wanted)] != wanted or not about.shards or about.images < 1:
            raise ValueError
    except StorageError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise _wrong(file, f"{os_reason(error)}; {_AGAIN}") from error
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise _wrong(file, f"not what `striate pack` writes; {_AGAIN}") from error
    _check_names(file, names, about.class_names)
    return about


def _check_names(file: Path, names: list[str], class_names: tuple[str, ...]) -> None:
    for name in names:
        if name not in (INDEX, PATHS, TARGETS) and not NAME.fullmatch(name):
            raise _wrong(file, f"{name!r} is no shard's name; expected one as in shard-000003.tar")
    for kind, listed in (("shard", names), ("class", class_names)):
        if len(set(listed)) < len(listed):
            twice = next(name for name in listed if listed.count(name) > 1)
            raise _wrong(file, f"names the {kind} {twice!r} twice; {_AGAIN}")


def _check_size(file: Path, expected: int) -> None:
    try:
        found = file.stat()
    except FileNotFoundError as error:
        raise _wrong(file, f"missing; {_AGAIN}") from error
    except OSError as error:
        raise _wrong(file, os_reason(error)) from error
    if not stat.S_ISREG(found.st_mode):
        raise _wrong(file, f"not a regular file; {_AGAIN}")
    _same_size(file, found.st_size, expected)


def _same_size(file: Path | str, found: int, expected: int) -> None:
    if found != expected:
        state = "cut off" if found < expected else "too long"
        raise _wrong(file, f"{state}: {found:,} bytes where {expected:,} were packed; {_AGAIN}")


def _table(file: Path, count: int) -> NDArray[np.void]:
    try:
        table = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, *ARRAY_DAMAGE) as error:
        raise _wrong(file, f"no index of shards; {_AGAIN}") from error
    if table.dtype != ENTRY or table.shape != (count,):
        found = f"{table.dtype.name} of shape {table.shape}"
        raise _wrong(file, f"expected an index of {count:,} images, found {found}; {_AGAIN}")
    return table.view(np.ndarray)  # the same map; numpy.memmap is slow to index


def _mapped(file: Path) -> NDArray[np.uint8]:
    if not file.stat().st_size:
        return np.zeros(0, np.uint8)
    return np.memmap(file, np.uint8, "r").view(np.ndarray)


def _check_entries(
    folder: Path, table: NDArray[np.void], text: int, sizes: list[int], about: _About
) -> None:
    """Check that entries lie in their shard, paths in paths.bin; labels and splits exist."""
    limits, before = np.array(sizes, np.uint64), np.uint64(0)
    for start in range(0, len(table), _AT_ONCE):
        rows = table[start : start + _AT_ONCE]
        known = rows["shard"] < len(sizes)
        known &= rows["label"] < max(1, len(about.class_names))
        known &= (rows["part"] <= NO_SPLIT) & np.isin(rows["channels"], (1, 3))
        if not known.all():
            row = start + int(np.argmin(known))
            what = "a shard, class, split or color that does not exist"
            raise _wrong(folder / INDEX, f"entry {row:,} names {what}; {_AGAIN}")
        limit, offset = limits[rows["shard"]], rows["offset"]
        inside = (offset <= limit) & (rows["length"] <= limit - np.minimum(offset, limit))
        if not inside.all():
            row = int(np.argmin(inside))
            entry, name = rows[row], about.shards[int(rows["shard"][row])][0]
            span = f"bytes {entry['offset']:,} to {int(entry['offset']) + int(entry['length']):,}"
            what = f"entry {start + row:,} stands at {span} of {name}"
            raise _wrong(folder / INDEX, f"{what}, which has {int(limit[row]):,}; {_AGAIN}")
        paths = np.concatenate(([before], rows["path"], [np.uint64(text)]))
        if (paths[1:] < paths[:-1]).any():
            raise _wrong(folder / INDEX, f"paths out of order; {_AGAIN}")
        before = rows["path"][-1]


def _wrong(file: Path | str, what: str) -> DataError:
    return DataError(f"{printable(str(file))}: {what}")
