"""Packs a folder of images into shards with an index, atomically."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from array import array
from collections.abc import Generator
from dataclasses import asdict, dataclass
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
from striate.data.listing.samples import UNUSABLE, Finding, as_text
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
    shard_name,
)
from striate.data.shards.tar import BLOCK, HashedTar, padded_size
from striate.data.shards.targets import check_packable, write_targets
from striate.errors import DataError, OptionError, printable
from striate.progress import Progress, throttle
from striate.text import count_noun

_ELSEWHERE = "choose another place with --to"


@dataclass(frozen=True)
class ShardSummary:
    """Summary of a packed data set."""

    folder: Path
    images: int
    classes: int  #: or other targets: labels, columns of numbers
    shards: int
    bytes: int  #: total size of the shards
    left_out: tuple[Finding, ...]
    noun: str = "class"  #: what one of the targets is

    def to_json(self) -> dict[str, Any]:
        values = {**asdict(self), "folder": str(self.folder)}
        nouns = count_noun(0, values.pop("noun")).removeprefix("0 ")
        return {**values, nouns: values.pop("classes")}

    def __str__(self) -> str:
        text = (
            f"{printable(str(self.folder))}: {count_noun(self.images, 'image')} of "
            f"{count_noun(self.classes, self.noun)} in {count_noun(self.shards, 'shard')}, "
            f"{self.bytes / 1e6:,.1f} MB"
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
    megabytes: int = 1000,
    largest: int = LARGEST_MEGABYTES,
) -> Generator[Progress, None, ShardSummary]:
    """Pack the usable images of a folder into shards of `megabytes` each.

    `kind` of targets is preferred where the data allow several. The output is deterministic.
    Raises DataError if no image is usable or one changes while packing, OptionError if the target
    exists, StorageError if it cannot be written.
    """
    if os.path.lexists(to):
        shown = printable(str(to))
        raise OptionError(f"{shown}: exists already; remove it, or {_ELSEWHERE}")
    listing, shown = scan(data, kind), printable(str(data))
    if listing.arrays is not None:
        raise DataError(f"{shown}: {listing.layout} is one array already; train on it as it is")
    check_packable(listing.targets.spec, shown)
    work = decode_records(listing, "images looked at", largest_megabytes=largest)
    records = yield from throttle(work)
    rows, images, kept = listing.usable(records)
    if not len(rows):
        count = count_noun(len(records), "image")
        raise DataError(f"{shown}: none of {count} can be used; `striate check` says why")
    with _own(to) as partial:
        writer = _Writer(partial, listing, records, rows)
        table, shards = yield from throttle(writer.written(megabytes))
        seal(partial, images, kept, table, shards, listing.targets.select(rows), largest)
    found = (*listing.findings, *records.all_findings())
    left_out = tuple(finding for finding in found if finding.kind in UNUSABLE)
    total, spec = sum(size for _, size, _ in shards), listing.targets.spec
    return ShardSummary(to, len(rows), len(spec.names), len(shards), total, left_out, spec.noun)


@contextlib.contextmanager
def _own(to: Path) -> Generator[Path]:
    """Yield a temporary folder, renamed to `to` on success; leftovers in it are removed."""
    partial, lock = (to.with_name(to.name + ending) for ending in (".partial", ".lock"))
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
    """Writes the images of the given listing rows into shards."""

    def __init__(
        self, folder: Path, listing: Listing, records: Records, rows: NDArray[np.int64]
    ) -> None:
        self.folder, self.listing, self.records, self.rows = folder, listing, records, rows
        self.table = np.zeros(len(rows), ENTRY)

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
                offset, *_ = [shard.member(name, data) for name, data in files]
                self.table["offset"][place] = offset
                self.table["length"][place] = len(files[0][1])
                self.table["shard"][place] = len(shards)
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
        """Return the files of a sample with their content, the image first."""
        row = int(self.rows[place])
        image, record = self.listing.samples[row], self.records[row]
        shown = printable(image.path)
        try:
            data = read_bytes(self.listing, row)
        except RefusedError as refusal:
            what = f"{refusal.kind} ({refusal.detail})"
            raise DataError(f"{shown}: {what} since it was looked at; pack again") from refusal
        if hashlib.sha256(data).hexdigest() != record.digest:
            raise DataError(f"{shown}: changed while it was packed; pack again when it rests")
        about = {"path": as_text(image.path), **self.listing.targets.entry(row)}
        about |= {"part": image.split} if image.split else {}
        label = [(f"{place:010}.cls", str(image.label).encode())]
        return [
            (f"{place:010}.{SUFFIXES[sniff_format(data)]}", data),
            *(label if self.listing.targets.spec.kind == "label" else ()),
            (f"{place:010}.json", json.dumps(about).encode()),
        ]


def read_bytes(listing: Listing, row: int) -> bytes:
    """Read the whole file of an image. Raises RefusedError."""
    if listing.shards is not None:
        return read_piece(*listing.shards.locate(row))
    path = os.path.join(listing.root, listing.samples[row].path)  # noqa: PTH118 - many times
    return read_content(path, 2**40)


def seal(
    folder: Path,
    images: Samples,
    records: Records,
    table: NDArray[np.void],
    shards: list[list[Any]],
    targets: Targets,
    largest: int = LARGEST_MEGABYTES,
) -> None:
    """Write the index of the packed images; shards.json comes last and marks the set complete.

    `table` holds the ENTRY of each image, `shards` the `HashedTar.summary` of each shard.
    """
    for column in ("digest", "width", "height", "channels"):
        table[column] = records.table[column]
    table["label"], table["part"] = images.labels, images.splits
    starts = array("Q")
    with HashedTar(folder / PATHS) as paths:
        for row in range(len(table)):
            starts.append(paths.size)
            paths.write(os.fsencode(images.path(row)))
    table["path"] = np.frombuffer(starts, np.uint64)
    with HashedTar(folder / INDEX) as index:
        np.lib.format.write_array(index, table, allow_pickle=False)
    if targets.spec.kind == "label":
        said = {"version": VERSION, "class_names": targets.spec.names}
    else:
        said = {"version": TARGETS_VERSION, **write_targets(folder, targets)}
    about = {
        **said,
        COUNT: len(table),
        "largest_megabytes": largest,
        "files": [index.summary(), paths.summary(), *shards],
        "findings": findings_to_json(records.findings),
    }
    storage.write(folder / ABOUT, json.dumps(about, indent=0))
