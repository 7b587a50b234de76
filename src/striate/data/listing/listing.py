"""Data classes of the pipeline, from a folder to decoded pixels; samples and records in columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.columns import Records, Samples
from striate.data.listing.masks import MaskFiles
from striate.data.listing.near_duplicates import NearDuplicates
from striate.data.listing.samples import Finding
from striate.data.listing.targets import Targets


@dataclass(frozen=True)
class Shards:
    """Tar files that hold the images and their masks, and the byte offset of each."""

    folder: str  #: path, or address such as s3://bucket/folder
    files: tuple[str, ...]
    table: NDArray[np.void] = field(repr=False)  #: (N,) of `shards.format.ENTRY`, memory-mapped
    digest: str  #: SHA-256 that identifies this index
    #: (N,) of `shards.format.mask_entry`, memory-mapped; None without masks
    masks: NDArray[np.void] | None = field(default=None, repr=False)
    #: (N,) which rows of the index these are; None: all
    rows: NDArray[np.int64] | None = field(default=None, repr=False)

    def locate(self, row: int) -> tuple[str, int, int]:
        """Return file, first byte and length of an image."""
        return self._piece(row, self.table[row])

    def locate_mask(self, row: int) -> tuple[str, int, int]:
        """Return the same of its mask, which must be there."""
        assert self.masks is not None
        return self._piece(row, self.masks[row])

    def select(self, rows: NDArray[np.int64]) -> Shards:
        """Return the images of the given rows."""
        digest = hashlib.sha256(self.digest.encode() + rows.tobytes()).hexdigest()
        masks = None if self.masks is None else self.masks[rows]
        kept = rows if self.rows is None else self.rows[rows]
        return replace(self, table=self.table[rows], digest=digest, masks=masks, rows=kept)

    def _piece(self, row: int, entry: NDArray[np.void]) -> tuple[str, int, int]:
        place = f"{self.folder}/{self.files[self.table['shard'][row]]}"
        return place, int(entry["offset"]), int(entry["length"])


@dataclass(frozen=True)
class Listing:
    """Content of a data folder or file, before any image is decoded."""

    root: Path
    layout: str  #: "class folders", "train/validation/test folders", "manifest", "MNIST-IDX", ...
    targets: Targets = field(repr=False)
    samples: Samples = field(repr=False)
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    #: locations in shards; None for image files and arrays
    shards: Shards | None = field(default=None, repr=False)
    #: for array layouts, one image per row: (N, H, W, C) uint8; signals (N, L, C) float32 with NaN
    #: behind shorter ones; codes of letters (N, L, 1) uint8; None for files
    arrays: NDArray[Any] | None = field(default=None, repr=False)
    inputs: str = "image"  #: or "signal" or "sequence": what the samples are
    rate: float | None = None  #: samples a second of signals, if their files say so

    @property
    def masks(self) -> MaskFiles | None:
        """The mask of each sample, if they have any."""
        return self.targets.files

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of the network's outputs."""
        return self.targets.spec.names

    @property
    def streams(self) -> bool:
        """Whether its samples can be decoded on demand: image files and shards."""
        return self.arrays is None and self.inputs == "image"

    def select(self, rows: NDArray[np.int64]) -> Listing:
        """Return the images of the given rows, in ascending order."""
        return replace(
            self,
            targets=self.targets.select(rows),
            samples=self.samples.select(rows),
            shards=self.shards and self.shards.select(rows),
            arrays=None if self.arrays is None else self.arrays[rows],
        )

    def files(self) -> Iterator[Path]:
        """Yield the files of images and masks; those of shards and arrays are not told apart."""
        if self.shards is None and self.arrays is None:
            images = (sample.path for sample in self.samples)
            masks = self.masks.paths if self.masks else ()
            yield from (self.root / path for path in chain(images, masks))

    def usable(self, records: Records) -> tuple[NDArray[np.int64], Samples, Records]:
        """Return the rows of the usable images, their samples and their records."""
        rows = np.flatnonzero(records.usable)
        return rows, self.samples.select(rows), records.select(rows)


class Rows(NamedTuple):
    """Some decoded images, and their masks if they have any."""

    pixels: NDArray[Any]  #: (N, size, size, channels) uint8, or signals (N, size, channels)
    #: (N, size, size) class indices, or (N, size, size, channels) pictures that are targets
    masks: NDArray[np.uint8] | None = None


class PixelStream(Protocol):
    """Pixels and masks decoded on demand; see `data.cache.stream`."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Any) -> NDArray[np.uint8]: ...
    def batches(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Rows]: ...


@dataclass(frozen=True)
class DecodedImages:
    """Usable images, decoded: rows of a memory-mapped array or a stream, with their metadata."""

    #: (N, size, size, channels) uint8, 0 to 255, or signals (N, size, channels) float32:
    #: memory-mapped, or decoded on demand
    pixels: NDArray[Any] | PixelStream = field(repr=False)
    samples: Samples = field(repr=False)  #: N usable samples in listing order
    records: Records = field(repr=False)  #: N, aligned with samples
    targets: Targets  #: N, aligned with samples
    findings: tuple[Finding, ...] = field(repr=False)  #: from listing and decoding
    note: str = ""  #: notice about the cache location
    #: (N, size, size) uint8 class indices, or pictures as of `Rows`, memory-mapped; None without
    #: masks, or if streamed
    masks: NDArray[np.uint8] | None = field(default=None, repr=False)
    near: NearDuplicates | None = field(default=None, repr=False)  #: of the N; None: not looked for

    def near_leaked(self) -> NDArray[np.bool_]:
        """Return which images (N,) look almost like one of an earlier split, equal ones aside."""
        if self.near is None:
            return np.zeros(len(self), bool)
        return self.near.straddling(self.samples.splits, self.records.digests)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of the network's outputs."""
        return self.targets.spec.names
