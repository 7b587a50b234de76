"""Every usable picture decoded once into one array on the disk, kept for the next run.

    <cache>/<key>/pixels.npy   (N, size, size, channels) uint8, the usable pictures in listing order
    <cache>/<key>/about.json   what it was made of, for a person
    <cache>/<key>/index.json   a record for each picture of the listing, hashes of pixels.npy

The key is taken from the preprocessing and every picture's path, size and times of change (of
arrays, their bytes): changed pictures make another pack. Labels and parts are the listing's.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import threading
import time
import weakref
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from striate import storage
from striate.data.listing import Finding, Listing, Packed, Progress, Record, repeated
from striate.data.packing.cache import LOCK, cache_folder, hashes, publish, spare_folders
from striate.data.packing.keeping import describe, hold, room_for
from striate.data.packing.survey import survey
from striate.data.preprocess import Preprocess
from striate.errors import DataError, StorageError, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERSION = 1  #: of the layout on the disk, and of what decoding gives
_PIXELS, _INDEX = "pixels.npy", "index.json"
_MOVED_BYTES = 1 << 24
_PROGRESS_SECONDS = 0.25


def pack(listing: Listing, preprocess: Preprocess, *, cache: Path | None = None) -> Packed:
    """The pixels of every usable picture, from the cache or decoded now; see `packing`."""
    work = packing(listing, preprocess, cache=cache)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def packing(
    listing: Listing,
    preprocess: Preprocess,
    *,
    cache: Path | None = None,
    largest_megabytes: int = 200,
) -> Generator[Progress, None, Packed]:
    """Pack, telling the progress a few times a second; the generator's value is the pack.

    Where the usual cache cannot be used the pack lies elsewhere until this process ends, and its
    note says so. Raises DataError when no picture can be used, StorageError when no place will do.
    """
    try:
        folder = cache_folder(cache)
        return (yield from _packing(folder, listing, preprocess, largest_megabytes))
    except StorageError as error:
        if cache is not None:
            raise
        failure = error
    for spare in spare_folders():
        with contextlib.suppress(StorageError):
            packed = yield from _packing(spare, listing, preprocess, largest_megabytes)
            return replace(packed, note=f"{failure}; for now the cache is {spare}")
    raise failure


def _packing(
    folder: Path, listing: Listing, preprocess: Preprocess, largest_megabytes: int
) -> Generator[Progress, None, Packed]:
    home = folder / _key(listing, preprocess, largest_megabytes)
    held = hold(home)
    records = _opened(home, listing)
    if records is None:
        if held is not None:
            os.close(held)
        room_for(folder, _bytes(listing, preprocess))
        records = yield from _built(folder, home.name, listing, preprocess, largest_megabytes)
        held = hold(home)
    return _packed(home, listing, records, held)


def _packed(home: Path, listing: Listing, records: list[Record], held: int | None) -> Packed:
    usable = [index for index, record in enumerate(records) if record.usable]
    pictures = tuple(listing.pictures[index] for index in usable)
    kept = tuple(records[index] for index in usable)
    seen = [finding for record in records for finding in record.findings]
    pixels = np.load(home / _PIXELS, mmap_mode="r")
    if held is not None:  # until nobody can see the mapped file any more
        weakref.finalize(pixels.base, os.close, held)
    return Packed(
        pixels,
        pictures,
        kept,
        listing.class_names,
        (*listing.findings, *seen, *repeated(pictures, kept)),
    )


def _built(
    folder: Path, key: str, listing: Listing, preprocess: Preprocess, largest_megabytes: int
) -> Generator[Progress, None, list[Record]]:
    """Decode into a folder of this process's own, which then takes the key's name."""
    partial = folder / f"{key}.{os.getpid()}-{threading.get_ident()}.partial"
    try:
        partial.mkdir()
        with storage.lock(partial / LOCK, f"{partial}"):
            pixels = partial / _PIXELS
            records = yield from _decoded(pixels, listing, preprocess, largest_megabytes)
            _write_index(partial, records)
            describe(partial, f"{listing.root}, {preprocess.size}x{preprocess.size} pixels")
            (partial / LOCK).unlink()
            publish(partial, folder / key, lambda home: _opened(home, listing) is not None)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise storage.storage_error(partial, error, _needed(listing, preprocess)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return records


def _decoded(
    pixels: Path, listing: Listing, preprocess: Preprocess, largest_megabytes: int
) -> Generator[Progress, None, list[Record]]:
    total = len(listing.pictures)
    _allocate(pixels, total, preprocess)
    records = [Record()] * total
    last = 0.0
    work = survey(
        listing, preprocess=preprocess, pixels=pixels, largest_megabytes=largest_megabytes
    )
    with contextlib.closing(work):
        for done, (index, record) in enumerate(work):
            records[index] = record
            if (now := time.monotonic()) > last + _PROGRESS_SECONDS:
                yield Progress(done, total, "pictures")
                last = now
    usable = np.array([record.usable for record in records], dtype=bool)
    if not usable.any():
        raise _nothing(listing, records)
    _compact(pixels, usable)
    yield Progress(total, total, "pictures")
    return records


def _allocate(pixels: Path, count: int, preprocess: Preprocess) -> None:
    """An array of zeros whose bytes the disk has promised: it is full now, or not at all."""
    shape = (count, preprocess.size, preprocess.size, preprocess.channels)
    np.lib.format.open_memmap(pixels, "w+", np.uint8, shape)
    if not hasattr(os, "posix_fallocate"):
        return
    with pixels.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, pixels.stat().st_size)
        except OSError as error:
            # A file system that cannot promise: a full disk is then met while writing.
            if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
                raise


def _compact(pixels: Path, usable: NDArray[np.bool_]) -> None:
    """Drop the rows of unusable pictures, moving the later ones up in place."""
    if usable.all():
        return
    array = np.load(pixels, mmap_mode="r+")
    kept = np.flatnonzero(usable)
    step = max(1, _MOVED_BYTES // array[0].nbytes)
    for first in range(0, len(kept), step):
        chosen = kept[first : first + step]
        array[first : first + len(chosen)] = array[chosen]
    array.flush()
    start, shape = array.offset, (len(kept), *array.shape[1:])
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    # NumPy pads headers so that the first size may change without moving what follows.
    assert header.tell() == start
    with pixels.open("r+b") as file:
        file.write(header.getvalue())
        file.truncate(start + int(np.prod(shape)))


def _write_index(folder: Path, records: list[Record]) -> None:
    index = {
        "version": _VERSION,
        "bytes": (folder / _PIXELS).stat().st_size,
        "sha256": hashes(folder / _PIXELS),
        "records": [
            [
                record.digest,
                record.width,
                record.height,
                record.channels,
                [[finding.kind, finding.path, finding.detail] for finding in record.findings],
            ]
            for record in records
        ],
    }
    storage.write(folder / _INDEX, json.dumps(index))


def _opened(home: Path, listing: Listing) -> list[Record] | None:
    """The records of a pack that is there and undamaged."""
    try:
        index = json.loads((home / _INDEX).read_bytes())
        whole = (
            index["version"] == _VERSION
            and len(index["records"]) == len(listing.pictures)
            and index["bytes"] == (home / _PIXELS).stat().st_size
            and index["sha256"] == hashes(home / _PIXELS)
        )
        return [_record(entry) for entry in index["records"]] if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _record(entry: list[Any]) -> Record:
    digest, width, height, channels, seen = entry
    return Record(digest, width, height, channels, tuple(Finding(*finding) for finding in seen))


def _key(listing: Listing, preprocess: Preprocess, largest_megabytes: int) -> str:
    """Names the pack of these pictures at this size; changed content is told by size and times."""
    view = preprocess.size, preprocess.fit, preprocess.channels
    settings = _VERSION, *view, largest_megabytes
    summary = hashlib.sha256(repr(settings).encode())
    if listing.arrays is not None:
        summary.update(repr(listing.arrays.shape).encode())
        for start in range(0, len(listing.arrays), 4096):
            summary.update(listing.arrays[start : start + 4096].tobytes())
        return summary.hexdigest()[:40]
    for picture in listing.pictures:
        try:
            found = os.stat(os.path.join(listing.root, picture.path))  # noqa: PTH116, PTH118 - many times
            stamp = found.st_size, found.st_mtime_ns, found.st_ctime_ns
        except (OSError, ValueError):
            stamp = ()
        summary.update(repr((picture.path, stamp)).encode("utf-8", "surrogatepass"))
    return summary.hexdigest()[:40]


def _needed(listing: Listing, preprocess: Preprocess) -> str:
    megabytes = -(-_bytes(listing, preprocess) // 10**6)
    return f"{megabytes:,} MB are needed; set STRIATE_CACHE to a folder on another disk"


def _bytes(listing: Listing, preprocess: Preprocess) -> int:
    return len(listing.pictures) * preprocess.size**2 * preprocess.channels


def _nothing(listing: Listing, records: list[Record]) -> DataError:
    count = len(records)
    reasons = [
        f"{printable(finding.path)}: {finding.kind}"
        + (f" ({printable(finding.detail)})" if finding.detail else "")
        for record in records[:3]
        for finding in record.findings[:1]
    ]
    which = "the only picture" if count == 1 else f"none of the {count:,} pictures"
    verb = "cannot" if count == 1 else "can"
    return DataError(f"{listing.root}: {which} {verb} be used; " + "; ".join(reasons))
