"""Packs a folder of images into shards with an index, atomically."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from array import array
from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate import storage
from striate.data.cache.decode_all import decode_records
from striate.data.decoding.files import RefusedError, read_content, read_piece
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.sniff import sniff_format
from striate.data.listing.columns import Records, Samples, findings_to_json
from striate.data.listing.listing import Listing
from striate.data.listing.samples import UNUSABLE, Finding, Piece, as_text
from striate.data.listing.targets import Targets
from striate.data.readers.scan import scan
from striate.data.shards.format import (
    ABOUT,
    COUNT,
    ENTRY,
    INDEX,
    PATHS,
    SUFFIXES,
    TARGETS_VERSION,
    VERSION,
    mask_entry,
    shard_name,
)
from striate.data.shards.tar import BLOCK, HashedTar, padded_size
from striate.data.shards.targets import write_targets
from striate.errors import DataError, OptionError, printable
from striate.progress import Progress, throttle
from striate.text import count_noun

_ELSEWHERE = "choose another place with --to"


@dataclass(frozen=True)
class ShardSummary:
    """Summary of a packed data set."""

    folder: Path
    images: int
    classes: int  #: or other targets: labels, columns of numbers; 0 of images alone
    shards: int
    bytes: int  #: total size of the shards
    left_out: tuple[Finding, ...]
    noun: str = "class"  #: what one of the targets is

    def to_json(self) -> dict[str, Any]:
        values = {**asdict(self), "folder": str(self.folder)}
        nouns = count_noun(0, values.pop("noun")).removeprefix("0 ")
        return {**values, nouns: values.pop("classes")}

    def __str__(self) -> str:
        of = f" of {count_noun(self.classes, self.noun)}" if self.classes else ""
        text = (
            f"{printable(str(self.folder))}: {count_noun(self.images, 'image')}{of} in "
            f"{count_noun(self.shards, 'shard')}, {self.bytes / 1e6:,.1f} MB"
        )
        count = len(self.left_out)
        files = f"{count_noun(count, 'file')} {'is' if count == 1 else 'are'}"
        more = f"\n{files} left out; `striate check` names them and says why" if count else ""
        return text + more


def write_shards(
    data: str | Path,
    to: Path,
    *,
    kind: str | None = None,
    leave_out: Path | None = None,
    megabytes: int = 1000,
    largest: int = LARGEST_MEGABYTES,
) -> Generator[Progress, None, ShardSummary]:
    """Pack the usable images of a folder into shards of `megabytes` each.

    `kind` of targets is preferred where the data allow several; the file `leave_out` names images
    that are not packed. The output is deterministic.
    Raises DataError if no image is usable or one changes while packing, OptionError if the target
    exists, StorageError if it cannot be written.
    """
    if os.path.lexists(to):
        shown = printable(str(to))
        raise OptionError(f"{shown}: exists already; remove it, or {_ELSEWHERE}")
    _refuse_strangers(to)
    listing = scan(data, kind, leave_out=leave_out)
    work = pack_listing(listing, to, str(data), megabytes=megabytes, largest=largest)
    return (yield from work)


def pack_listing(
    listing: Listing,
    to: Path,
    data: str,
    *,
    megabytes: int = 1000,
    largest: int = LARGEST_MEGABYTES,
) -> Generator[Progress, None, ShardSummary]:
    """Pack the usable images of a listing as `write_shards` does, to a folder that is not there.

    `data` is its name in errors.
    """
    shown = printable(data)
    if not listing.streams:
        inside = "one array already" if listing.inputs == "image" else "of signals, no images"
        raise DataError(f"{shown}: {listing.layout} is {inside}; train on it as it is")
    work = decode_records(listing, "images looked at", largest_megabytes=largest)
    records = yield from throttle(work)
    rows, images, kept = listing.usable(records)
    if not len(rows):
        count = count_noun(len(records), "image")
        raise DataError(f"{shown}: none of {count} can be used; `striate check` says why")
    listing = replace(listing, targets=listing.targets.recorded(records))
    with _own(to) as partial:
        writer = _Writer(partial, listing, records, rows)
        table, shards = yield from throttle(writer.written(megabytes))
        targets = listing.targets.select(rows)
        seal(partial, images, kept, table, shards, targets, largest, writer.masks)
    found = (*listing.findings, *records.all_findings())
    left_out = tuple(found for found in found if found.kind in UNUSABLE)
    total, spec = sum(size for _, size, _ in shards), listing.targets.spec
    return ShardSummary(to, len(rows), len(spec.names), len(shards), total, left_out, spec.noun)


def _beside(to: Path) -> tuple[Path, Path]:
    """Return the temporary folder and the lock, both of which are removed at the end."""
    return to.with_name(to.name + ".partial"), to.with_name(to.name + ".lock")


def _refuse_strangers(to: Path) -> None:
    """Raise OptionError if others' files have the names of ours; what a kill left has its lock."""
    partial, lock = _beside(to)
    ours = False
    with contextlib.suppress(OSError):
        ours = lock.read_bytes()[:8] in (b"", b"process ")
    for strange in (lock, partial):
        if os.path.lexists(strange) and not ours:
            shown = printable(str(strange))
            raise OptionError(f"{shown}: is in the way and would be removed; {_ELSEWHERE}")


@contextlib.contextmanager
def _own(to: Path) -> Generator[Path]:
    """Yield a temporary folder, renamed to `to` on success; leftovers in it are removed."""
    partial, lock = _beside(to)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage.storage_error(to.parent, error, _ELSEWHERE) from error
    with storage.lock(lock, printable(str(partial))):
        try:
            partial.mkdir(exist_ok=True)
            for leftover in partial.iterdir():
                leftover.unlink()
            yield partial
            partial.rename(to)
        except OSError as error:
            if isinstance(error, storage.StorageError):
                raise
            raise storage.storage_error(to, error, _ELSEWHERE) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            lock.unlink(missing_ok=True)


class _Writer:
    """Writes the images of the given listing rows, and their masks, into shards."""

    def __init__(
        self, folder: Path, listing: Listing, records: Records, rows: NDArray[np.int64]
    ) -> None:
        self.folder, self.listing, self.records, self.rows = folder, listing, records, rows
        self.table = np.zeros(len(rows), ENTRY)
        self.masks: NDArray[np.void] | None = None
        if listing.masks is not None:
            self.masks = np.zeros(len(rows), mask_entry(len(listing.class_names)))

    def written(
        self, megabytes: int
    ) -> Generator[Progress, None, tuple[NDArray[np.void], list[list[Any]]]]:
        """Write the shards; return image entries, and each shard's name, bytes and SHA-256."""
        shards: list[list[Any]] = []
        order, most = self._order(), megabytes * 10**6
        with contextlib.ExitStack() as held:
            shard = held.enter_context(HashedTar(self.folder / shard_name(0)))
            for done, place in enumerate(order.tolist(), 1):
                files = self._sample(place)
                needed = sum(BLOCK + padded_size(len(data)) for _, data in files)
                if shard.size and shard.size + needed + 2 * BLOCK > most:
                    shard.end()
                    shards.append(shard.summary())
                    held.close()
                    name = shard_name(len(shards))
                    shard = held.enter_context(HashedTar(self.folder / name))
                self.table["shard"][place] = len(shards)
                offsets = [shard.member(name, data) for name, data in files]
                tables = [self.table] if self.masks is None else [self.table, self.masks]
                for table, offset, (_, data) in zip(tables, offsets, files, strict=False):
                    table["offset"][place], table["length"][place] = offset, len(data)
                yield Progress(done, len(order), "images packed")
            shard.end()
        return self.table, [*shards, shard.summary()]

    def _order(self) -> NDArray[np.int64]:
        """Return the row indices sorted by the SHA-256 of their paths."""
        images = self.listing.samples
        paths = (os.fsencode(images[row].path) for row in self.rows)
        keys = b"".join(hashlib.sha256(path).digest()[:8] for path in paths)
        return np.argsort(np.frombuffer(keys, ">u8"), kind="stable")

    def _sample(self, place: int) -> list[tuple[str, bytes]]:
        """Return the files of a sample with their content: the image, its mask, the others."""
        row, key = int(self.rows[place]), f"{place:010}"
        image, masks = self.listing.samples[row], self.listing.masks
        digest = self.records.digests[row].tobytes()
        shards = self.listing.shards
        data = self._read(image.path, digest, shards and shards.locate(row))
        about = {"path": as_text(image.path), **self.listing.targets.entry(row)}
        about |= {"part": image.split} if image.split else {}
        files = [(f"{key}.{SUFFIXES[sniff_format(data)]}", data)]
        if masks is not None and self.records.masks is not None:
            digest = self.records.masks["digest"][row].tobytes()
            data = self._read(masks.paths[row], digest, shards and shards.locate_mask(row))
            files.append((f"{key}.{masks.noun}.{SUFFIXES[sniff_format(data)]}", data))
        if self.listing.targets.spec.kind == "label":
            files.append((f"{key}.cls", str(image.label).encode()))
        return [*files, (f"{key}.json", json.dumps(about).encode())]

    def _read(self, path: str, digest: bytes, piece: Piece | None) -> bytes:
        """Read the whole file of an image or a mask. Raises DataError if it is not that packed."""
        shown = printable(path)
        file = os.path.join(self.listing.root, path)  # noqa: PTH118 - many times
        try:
            data = read_piece(*piece) if piece else read_content(file, 2**40)
        except RefusedError as refusal:
            what = f"{refusal.kind} ({refusal.detail})"
            raise DataError(f"{shown}: {what} since it was looked at; pack again") from refusal
        if hashlib.sha256(data).digest() != digest:
            raise DataError(f"{shown}: changed while it was packed; pack again when it rests")
        return data


def seal(
    folder: Path,
    images: Samples,
    records: Records,
    table: NDArray[np.void],
    shards: list[list[Any]],
    targets: Targets,
    largest: int = LARGEST_MEGABYTES,
    masks: NDArray[np.void] | None = None,
) -> None:
    """Write the index of the packed images; shards.json comes last and marks the set complete.

    `table` holds the ENTRY of each image, `masks` the `mask_entry` of each mask, `shards` the
    `HashedTar.summary` of each shard.
    """
    for column in ("digest", "width", "height", "channels"):
        table[column] = records.table[column]
    table["label"], table["part"] = images.labels, images.splits
    names = map(images.path, range(len(table)))
    files = () if targets.files is None else targets.files.paths
    starts = array("Q")
    with HashedTar(folder / PATHS) as paths:
        for name in chain(names, files):
            starts.append(paths.size)
            paths.write(os.fsencode(name))
    table["path"] = np.frombuffer(starts, np.uint64)[: len(table)]
    if masks is not None and records.masks is not None:
        for column in records.masks.dtype.names or ():
            masks[column] = records.masks[column]
        masks["path"] = np.frombuffer(starts, np.uint64)[len(table) :]
    with HashedTar(folder / INDEX) as index:
        np.lib.format.write_array(index, table, allow_pickle=False)
    if targets.spec.kind == "label":
        said = {"version": VERSION, "class_names": targets.spec.names}
    else:
        said = {"version": TARGETS_VERSION, **write_targets(folder, targets, masks)}
    about = {
        **said,
        COUNT: len(table),
        "largest_megabytes": largest,
        "files": [index.summary(), paths.summary(), *shards],
        "findings": findings_to_json(records.findings),
    }
    storage.write(folder / ABOUT, json.dumps(about, indent=0))
