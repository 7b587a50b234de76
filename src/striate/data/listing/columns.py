"""Columnar samples and records of a large listing; objects are created on access.

A million `Sample` objects with their paths take 200 MB, and as many records again; the columns
take 17 bytes and the path, and 105 bytes. Both are sequences, equal to any with the same values.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.groups import Groups
from striate.data.listing.samples import IGNORE, SPLITS, Finding, Record, Sample, Split
from striate.legacy import upgrade_finding

NO_SPLIT = len(SPLITS)  #: value in a column of splits, whose other values index SPLITS
RECORD = np.dtype(
    [("digest", "u1", 32), ("width", "<u4"), ("height", "<u4"), ("channels", "u1"),
     ("thumbnail", "u1", 64)]
)  # fmt: skip
_COUNT = "<u4"  #: type of a number of pixels
_SPLITS: tuple[Split | None, ...] = (*SPLITS, None)
_NOTHING, _NO_THUMBNAIL = bytes(32), bytes(64)
_AT_ONCE = 4096  #: items created together during iteration


_Item = TypeVar("_Item", covariant=True)


def mask_record(classes: int) -> np.dtype[np.void]:
    """Return the type of a mask's record: digest, pixels of each class, and pixels of none."""
    return np.dtype([("digest", "u1", 32), ("pixels", _COUNT, (classes,)), ("ignored", _COUNT)])


class Column(Sequence[_Item]):
    """Sequence that creates its items on access."""

    def item(self, index: int) -> _Item:
        raise NotImplementedError

    def select(self, rows: NDArray[Any] | slice) -> Sequence[_Item]:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> _Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_Item]: ...
    def __getitem__(self, index: int | slice) -> _Item | Sequence[_Item]:
        if isinstance(index, slice):
            return self.select(index)
        return self.item(range(len(self))[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False, repr=False)
class Samples(Column[Sample]):
    """Samples in columns; paths are slices of one byte array."""

    text: NDArray[np.uint8]  #: all paths concatenated, as on disk
    starts: NDArray[np.uint64]  #: (N,) byte offset of each path in `text`
    ends: NDArray[np.uint64]
    labels: NDArray[np.integer[Any]]  #: (N,) indices of class names
    splits: NDArray[np.uint8]  #: (N,) indices of SPLITS, or NO_SPLIT
    groups: Groups | None = None  #: N; None: images are split one by one

    @classmethod
    def of(cls, images: Iterable[Sample]) -> Samples:
        """Convert samples to columns, in one pass."""
        text, bounds = bytearray(), array("Q", [0])
        labels, splits = array("I"), bytearray()
        for image in images:
            text += os.fsencode(image.path)
            bounds.append(len(text))
            labels.append(image.label)
            splits.append(NO_SPLIT if image.split is None else SPLITS.index(image.split))
        edges = np.frombuffer(bounds, np.uint64)
        return cls(
            np.frombuffer(text, np.uint8),
            edges[:-1],
            edges[1:],
            np.frombuffer(labels, np.uint32),
            np.frombuffer(splits, np.uint8),
        )

    @classmethod
    def concat(cls, groups: Sequence[Samples]) -> Samples:
        """Concatenate the samples of several groups."""
        if not groups:
            return cls.of(())
        lengths = np.cumsum([0, *(len(group.text) for group in groups)], dtype=np.uint64)
        return cls(
            np.concatenate([group.text for group in groups]),
            np.concatenate([g.starts + at for g, at in zip(groups, lengths[:-1], strict=True)]),
            np.concatenate([g.ends + at for g, at in zip(groups, lengths[:-1], strict=True)]),
            np.concatenate([group.labels for group in groups]),
            np.concatenate([group.splits for group in groups]),
        )

    def __len__(self) -> int:
        return len(self.labels)

    def item(self, index: int) -> Sample:
        split = _SPLITS[int(self.splits[index])]
        return Sample(self.path(index), int(self.labels[index]), split)

    def path(self, index: int) -> str:
        return self._piece(int(self.starts[index]), int(self.ends[index]))

    def __iter__(self) -> Iterator[Sample]:
        for first in range(0, len(self), _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            columns = self.starts[rows], self.ends[rows], self.labels[rows], self.splits[rows]
            for start, end, label, split in zip(*(c.tolist() for c in columns), strict=True):
                yield Sample(self._piece(start, end), label, _SPLITS[split])

    def _piece(self, start: int, end: int) -> str:
        return os.fsdecode(self.text[start:end].tobytes())

    def select(self, rows: NDArray[Any] | slice) -> Samples:
        """Return the given rows, in ascending order; the same object if all are selected."""
        if not isinstance(rows, slice) and len(rows) == len(self):
            return self
        columns = self.starts[rows], self.ends[rows], self.labels[rows], self.splits[rows]
        return Samples(self.text, *columns, self.groups and self.groups.select(rows))

    def with_splits(self, splits: NDArray[np.uint8]) -> Samples:
        """Return the same samples with other splits."""
        return replace(self, splits=splits)

    def with_groups(self, groups: Groups) -> Samples:
        """Return the same samples, of which those of a group are never split."""
        return replace(self, groups=groups)


@dataclass(frozen=True, eq=False, repr=False)
class Records(Column[Record]):
    """Records in columns; findings, which most images lack, remain objects."""

    table: NDArray[np.void]  #: (N,) of type RECORD; a digest of zeros means none
    findings: dict[int, tuple[Finding, ...]]
    masks: NDArray[np.void] | None = None  #: (N,) of `mask_record`; None without masks
    #: (N, 4) of `decoding.thumbnail.Quality`, NaN where unusable; None if not measured
    quality: NDArray[np.float32] | None = None

    @property
    def square(self) -> bool:
        """Whether every image is square, so that letterbox adds no padding."""
        return bool((self.table["width"] == self.table["height"]).all())

    @classmethod
    def of(cls, records: Sequence[Record]) -> Records:
        """Convert records to columns."""
        columns = cls.empty(len(records))
        for row, record in enumerate(records):
            columns.put(row, record)
        return columns

    @classmethod
    def empty(
        cls, count: int, mask_classes: int | None = None, *, measured: bool = False
    ) -> Records:
        """Return `count` records of images not decoded yet, with masks of so many classes."""
        quality = np.full((count, 4), np.nan, np.float32) if measured else None
        masks = None if mask_classes is None else np.zeros(count, mask_record(mask_classes))
        return cls(np.zeros(count, RECORD), {}, masks, quality)

    def __len__(self) -> int:
        return len(self.table)

    def put(self, row: int, record: Record) -> None:
        shape = record.width, record.height, record.channels
        thumbnail = np.frombuffer(record.thumbnail, np.uint8) if record.thumbnail else 0
        self.table[row] = (_bytes(record.digest), *shape, thumbnail)
        if self.quality is not None and record.quality:
            self.quality[row] = record.quality
        if record.findings:
            self.findings[row] = record.findings
        if self.masks is not None and record.mask is not None:
            pixels = dict(record.mask.pixels)
            ignored = pixels.pop(IGNORE, 0)
            counts = [pixels.get(index, 0) for index in range(self.masks["pixels"].shape[1])]
            self.masks[row] = (_bytes(record.mask.digest), counts, ignored)

    def item(self, index: int) -> Record:
        return self._record(index, self.table[index].tolist())

    def __iter__(self) -> Iterator[Record]:
        for first in range(0, len(self), _AT_ONCE):
            rows = self.table[first : first + _AT_ONCE].tolist()
            yield from (self._record(first + at, entry) for at, entry in enumerate(rows))

    def _record(self, index: int, entry: tuple[Any, ...]) -> Record:
        digest, width, height, channels, thumbnail = entry
        digest = bytes(digest)
        shown = "" if digest == _NOTHING else digest.hex()
        found, small = self.findings.get(index, ()), bytes(thumbnail)
        made = b"" if small == _NO_THUMBNAIL else small
        measured = () if self.quality is None else tuple(self.quality[index].tolist())
        return Record(shown, width, height, channels, found, None, made, measured)

    @property
    def usable(self) -> NDArray[np.bool_]:
        return self.table["channels"] > 0

    @property
    def digests(self) -> NDArray[np.uint8]:
        """SHA-256 digests, (N, 32) uint8."""
        return self.table["digest"]

    def select(self, rows: NDArray[Any] | slice) -> Records:
        """Return the given rows, in ascending order; the same object if all are selected."""
        if not isinstance(rows, slice) and len(rows) == len(self):
            return self
        kept = np.arange(len(self))[rows].tolist() if self.findings else ()
        found = {new: self.findings[old] for new, old in enumerate(kept) if old in self.findings}
        masks = None if self.masks is None else self.masks[rows]
        quality = None if self.quality is None else self.quality[rows]
        return Records(self.table[rows], found, masks, quality)

    def all_findings(self) -> Iterator[Finding]:
        """Yield all findings in image order."""
        for row in sorted(self.findings):
            yield from self.findings[row]


def _bytes(digest: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(digest) or _NOTHING, np.uint8)


def rows_in_split(images: Samples, split: Split | None) -> NDArray[np.int64]:
    """Return the rows of a split, or of all splits if None."""
    return np.flatnonzero(images.splits == SPLITS.index(split)) if split else np.arange(len(images))


def findings_to_json(rows: Mapping[int, tuple[Finding, ...]]) -> list[list[Any]]:
    """Convert findings to JSON-ready lists: row, kind, path, detail."""
    return [
        [row, finding.kind, finding.path, finding.detail]
        for row, found in sorted(rows.items())
        for finding in found
    ]


def findings_from_json(entries: Sequence[Sequence[Any]]) -> dict[int, tuple[Finding, ...]]:
    """Convert the lists of `findings_to_json` back; earlier kind names are accepted."""
    found: dict[int, tuple[Finding, ...]] = {}
    for row, kind, path, detail in entries:
        found[int(row)] = (*found.get(int(row), ()), Finding(upgrade_finding(kind), path, detail))
    return found
