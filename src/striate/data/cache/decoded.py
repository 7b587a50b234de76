"""Decoded-image cache: all usable images in one array on disk, reused by later runs.

    <cache>/<key>/pixels.npy   (N, size, size, channels) uint8, the usable images in listing order
    <cache>/<key>/masks.npy    (N, size, size) uint8, their masks, if they have any; of pairs, the
                               pictures that are their targets, as those in pixels.npy
    <cache>/<key>/about.json   human-readable description of the source
    <cache>/<key>/records.npy  a record for each image of the listing, with index.json: `records`;
                               that of its mask is in mask_records.npy

The key hashes the preprocessing and every image's path, size, mtime and ctime (for arrays, their
bytes): changed images get a new entry. Labels and splits come from the listing.

If the array would exceed the cache limit, or no location is writable, images are decoded once
for their records only, and again on every access: see `stream`.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import shutil
import threading
import weakref
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from striate import storage
from striate.cache_store import (
    LOCK,
    acquire,
    cache_folder,
    describe,
    publish,
    reserve,
    size_limit,
    spare_folders,
)
from striate.data.cache.decode_all import decode_records
from striate.data.cache.records import MASKS, PIXELS, VERSION, read_records, write_records
from striate.data.cache.row_files import allocate_rows, compact_rows
from striate.data.cache.stream import Stream
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Records
from striate.data.listing.duplicates import find_duplicates, find_leaked_groups
from striate.data.listing.listing import DecodedImages, Listing, PixelStream
from striate.data.shards.reader import records_from_index
from striate.data.targets.problems import find_problems
from striate.errors import DataError, StorageError, printable
from striate.progress import Progress, drain, throttle
from striate.text import format_si

if TYPE_CHECKING:
    from numpy.typing import NDArray


def decode_images(
    listing: Listing, preprocess: Preprocess, *, cache: Path | None = None
) -> DecodedImages:
    """Return the pixels of every usable image, cached or decoded now; see `prepare_cache`."""
    return drain(prepare_cache(listing, preprocess, cache=cache))


def prepare_cache(
    listing: Listing,
    preprocess: Preprocess,
    *,
    cache: Path | None = None,
    largest_megabytes: int = LARGEST_MEGABYTES,
) -> Generator[Progress, None, DecodedImages]:
    """Decode, yielding progress a few times a second; the generator returns the decoded images.

    If the default cache is unusable, a temporary one lasts until this process exits, or images are
    streamed; `note` reports it. Raises DataError if no image is usable, StorageError if no location
    is writable and the images are not in files.
    """
    try:
        folder = cache_folder(cache)
        return (yield from _fill_cache(folder, listing, preprocess, largest_megabytes))
    except StorageError as error:
        if cache is not None:
            raise
        failure = error
    for spare in spare_folders():
        with contextlib.suppress(StorageError):
            decoded = yield from _fill_cache(spare, listing, preprocess, largest_megabytes)
            return replace(decoded, note=decoded.note or f"{failure}; for now the cache is {spare}")
    if not listing.streams:
        raise failure
    return (yield from _open_stream(None, listing, preprocess, largest_megabytes, f"{failure}"))


def _fill_cache(
    folder: Path, listing: Listing, preprocess: Preprocess, largest_megabytes: int
) -> Generator[Progress, None, DecodedImages]:
    home = folder / entry_key(listing, preprocess, largest_megabytes)
    held = acquire(home)
    records = read_records(home, len(listing.samples))
    if records is None:
        if held is not None:
            os.close(held)
        needed, most = _bytes(listing, preprocess), size_limit(folder)
        if needed > most and listing.streams:
            room = format_si(most, "B")
            why = f"{format_si(needed, 'B')} of decoded images do not fit into a cache of {room}"
            return (yield from _open_stream(folder, listing, preprocess, largest_megabytes, why))
        reserve(folder, needed)
        records = yield from _build(home, listing, preprocess, largest_megabytes, stored=True)
        held = acquire(home)
    return _load_cache(home, listing, records, held)


def _open_stream(
    folder: Path | None,
    listing: Listing,
    preprocess: Preprocess,
    largest_megabytes: int,
    why: str,
) -> Generator[Progress, None, DecodedImages]:
    """Return images decoded on demand; their records are cached."""
    records = records_from_index(listing, largest_megabytes)
    if records is None and folder is None:
        records = yield from _decode(None, listing, preprocess, largest_megabytes)
    elif records is None and folder is not None:
        home = folder / f"{entry_key(listing, preprocess, largest_megabytes)}-streamed"
        records = read_records(home, len(listing.samples))
        if records is None:
            records = yield from _build(home, listing, preprocess, largest_megabytes, stored=False)
    assert records is not None
    rows, _, kept = listing.usable(records)
    stream = Stream(listing, rows, kept, preprocess, largest_megabytes, masks=listing.masks)
    note = f"{why}; images are streamed: decoded from their files whenever they are needed"
    return replace(_assemble(stream, listing, records), note=note)


def _load_cache(home: Path, listing: Listing, records: Records, held: int | None) -> DecodedImages:
    pixels = np.load(home / PIXELS, mmap_mode="r")
    if held is not None:  # hold the lock until the memory map is freed
        weakref.finalize(pixels.base, os.close, held)
    decoded = _assemble(pixels, listing, records)
    if listing.masks is None:
        return decoded
    return replace(decoded, masks=np.load(home / MASKS, mmap_mode="r"))


def _assemble(
    pixels: NDArray[np.uint8] | PixelStream, listing: Listing, records: Records
) -> DecodedImages:
    rows, images, kept = listing.usable(records)
    targets = listing.targets.recorded(records).select(rows)
    copies = find_duplicates(images, kept, targets.ids())
    found = *listing.findings, *records.all_findings(), *copies, *find_leaked_groups(images)
    return DecodedImages(pixels, images, kept, targets, found)


def _build(
    home: Path, listing: Listing, preprocess: Preprocess, largest_megabytes: int, *, stored: bool
) -> Generator[Progress, None, Records]:
    """Decode into a private folder, then publish it as `home`; with pixels if `stored`."""
    partial = home.with_name(f"{home.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        partial.mkdir()
        with storage.lock(partial / LOCK, f"{partial}"):
            pixels = partial / PIXELS if stored else None
            records = yield from _decode(pixels, listing, preprocess, largest_megabytes)
            write_records(partial, records)
            describe(partial, f"{listing.root}, {preprocess.sides}")
            (partial / LOCK).unlink()
            publish(partial, home, lambda home: read_records(home, len(records)) is not None)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise storage.storage_error(partial, error, _needed(listing, preprocess)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return records


def _decode(
    pixels: Path | None, listing: Listing, preprocess: Preprocess, largest_megabytes: int
) -> Generator[Progress, None, Records]:
    shape = len(listing.samples), *preprocess.row_shape
    if pixels is not None:
        allocate_rows(pixels, shape, preprocess.dtype)
    mask_rows = None
    if pixels is not None and listing.masks is not None:
        mask_rows = pixels.with_name(MASKS)
        shape = len(listing.samples), *listing.masks.row_shape(preprocess.row_shape)
        allocate_rows(mask_rows, shape)
    work = decode_records(
        listing,
        preprocess=preprocess,
        pixels=pixels,
        mask_rows=mask_rows,
        largest_megabytes=largest_megabytes,
    )
    records = yield from throttle(work)
    if not records.usable.any():
        raise _nothing(listing, records)
    for rows in (pixels, mask_rows):
        if rows is not None:
            compact_rows(rows, records.usable)
    return records


def entry_key(listing: Listing, preprocess: Preprocess, largest_megabytes: int) -> str:
    """Return the cache key of these images at this size; files are keyed by size and timestamps."""
    view = preprocess.size, preprocess.fit, preprocess.channels
    if preprocess.interpolation != "bilinear":
        view = *view, preprocess.interpolation
    if preprocess.inputs != "image":
        view = *view, preprocess.inputs
    settings = VERSION, *view, largest_megabytes
    summary = hashlib.sha256(repr(settings).encode())
    if listing.masks is not None:
        summary.update(repr(listing.masks.codes).encode())
        for path in listing.masks.paths if listing.shards is None else ():
            summary.update(_stamped(listing.root, path))
    if listing.arrays is not None:
        summary.update(repr(listing.arrays.shape).encode())
        for start in range(0, len(listing.arrays), 4096):
            summary.update(listing.arrays[start : start + 4096].tobytes())
        return summary.hexdigest()[:40]
    if listing.shards is not None:
        summary.update(repr(listing.shards.digest).encode())
        return summary.hexdigest()[:40]
    for sample in listing.samples:
        summary.update(_stamped(listing.root, sample.path))
    return summary.hexdigest()[:40]


def _stamped(root: Path, path: str) -> bytes:
    """Return what tells a file from a later one of its name: path, size and timestamps."""
    try:
        found = os.stat(os.path.join(root, path))  # noqa: PTH116, PTH118 - many times
        stamp = found.st_size, found.st_mtime_ns, found.st_ctime_ns
    except (OSError, ValueError):
        stamp = ()
    return repr((path, stamp)).encode("utf-8", "surrogatepass")


def _needed(listing: Listing, preprocess: Preprocess) -> str:
    megabytes = -(-_bytes(listing, preprocess) // 10**6)
    return f"{megabytes:,} MB are needed; set STRIATE_CACHE to a folder on another disk"


def _bytes(listing: Listing, preprocess: Preprocess) -> int:
    each = math.prod(preprocess.row_shape) * np.dtype(preprocess.dtype).itemsize
    masks = math.prod(listing.masks.row_shape(preprocess.row_shape)) if listing.masks else 0
    return len(listing.samples) * (each + masks)


def _nothing(listing: Listing, records: Records) -> DataError:
    reasons = [
        f"{printable(finding.path)}: {finding.kind}"
        + (f" ({printable(finding.detail)})" if finding.detail else "")
        for record in records[:3]
        for finding in record.findings[:1]
    ]
    (why,) = find_problems(listing, records)
    return DataError(f"{printable(str(listing.root))}: {why}: " + "; ".join(reasons))
