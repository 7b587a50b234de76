"""Images and records of a large listing as columns of arrays: objects are made when asked for.

A million `Image` objects with their paths take 200 MB, and as many records again; the columns
take 17 bytes and the path, and 41 bytes. Both are sequences, and equal to any of the same values.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.samples import SPLITS, Finding, Record, Sample, Split

NO_SPLIT = len(SPLITS)  #: in a column of parts, which else holds indices of PARTS
RECORD = np.dtype([("digest", "u1", 32), ("width", "<u4"), ("height", "<u4"), ("channels", "u1")])
_PARTS: tuple[Split | None, ...] = (*SPLITS, None)
_NOTHING = bytes(32)
_AT_ONCE = 4096  #: items made together where all are asked for


_Item = TypeVar("_Item", covariant=True)


class Column(Sequence[_Item]):
    """A sequence that makes its items when they are asked for."""

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
    """Images by their columns; paths are pieces of one text."""

    text: NDArray[np.uint8]  #: all paths, one after the other, as the disk has them
    starts: NDArray[np.uint64]  #: (N,) byte of the text where a path begins
    ends: NDArray[np.uint64]
    labels: NDArray[np.integer[Any]]  #: (N,) indices of class names
    splits: NDArray[np.uint8]  #: (N,) indices of PARTS, or NO_PART

    @classmethod
    def of(cls, images: Iterable[Sample]) -> Samples:
        """The columns of images, which are looked at once."""
        if isinstance(images, Samples):
            return images
        text, bounds = bytearray(), array("Q", [0])
        labels, parts = array("I"), bytearray()
        for image in images:
            text += os.fsencode(image.path)
            bounds.append(len(text))
            labels.append(image.label)
            parts.append(NO_SPLIT if image.split is None else SPLITS.index(image.split))
        edges = np.frombuffer(bounds, np.uint64)
        return cls(
            np.frombuffer(text, np.uint8),
            edges[:-1],
            edges[1:],
            np.frombuffer(labels, np.uint32),
            np.frombuffer(parts, np.uint8),
        )

    @classmethod
    def concat(cls, groups: Sequence[Samples]) -> Samples:
        """The images of several groups, one after the other."""
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
        part = _PARTS[int(self.splits[index])]
        return Sample(self.path(index), int(self.labels[index]), part)

    def path(self, index: int) -> str:
        return self._piece(int(self.starts[index]), int(self.ends[index]))

    def __iter__(self) -> Iterator[Sample]:
        for first in range(0, len(self), _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            columns = self.starts[rows], self.ends[rows], self.labels[rows], self.splits[rows]
            for start, end, label, part in zip(*(c.tolist() for c in columns), strict=True):
                yield Sample(self._piece(start, end), label, _PARTS[part])

    def _piece(self, start: int, end: int) -> str:
        return os.fsdecode(self.text[start:end].tobytes())

    def select(self, rows: NDArray[Any] | slice) -> Samples:
        """The images of some rows, which are in order; the same object where that is all."""
        if not isinstance(rows, slice) and len(rows) == len(self):
            return self
        columns = self.starts[rows], self.ends[rows], self.labels[rows], self.splits[rows]
        return Samples(self.text, *columns)

    def with_splits(self, parts: NDArray[np.uint8]) -> Samples:
        """The same images in other parts."""
        return replace(self, splits=parts)


@dataclass(frozen=True, eq=False, repr=False)
class Records(Column[Record]):
    """Records by their columns; findings, which most images lack, stay objects."""

    table: NDArray[np.void]  #: (N,) of type RECORD; a digest of zeros is none
    findings: dict[int, tuple[Finding, ...]]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Records:
        if isinstance(records, Records):
            return records
        columns = cls.empty(len(records))
        for row, record in enumerate(records):
            columns.put(row, record)
        return columns

    @classmethod
    def empty(cls, count: int) -> Records:
        """So many records of images that are not decoded yet."""
        return cls(np.zeros(count, RECORD), {})

    def __len__(self) -> int:
        return len(self.table)

    def put(self, row: int, record: Record) -> None:
        digest = np.frombuffer(bytes.fromhex(record.digest) or _NOTHING, np.uint8)
        self.table[row] = (digest, record.width, record.height, record.channels)
        if record.findings:
            self.findings[row] = record.findings

    def item(self, index: int) -> Record:
        return self._record(index, self.table[index].tolist())

    def __iter__(self) -> Iterator[Record]:
        for first in range(0, len(self), _AT_ONCE):
            rows = self.table[first : first + _AT_ONCE].tolist()
            yield from (self._record(first + at, entry) for at, entry in enumerate(rows))

    def _record(self, index: int, entry: tuple[Any, ...]) -> Record:
        digest, width, height, channels = entry
        digest = bytes(digest)
        shown = "" if digest == _NOTHING else digest.hex()
        return Record(shown, width, height, channels, self.findings.get(index, ()))

    @property
    def usable(self) -> NDArray[np.bool_]:
        return self.table["channels"] > 0

    @property
    def digests(self) -> NDArray[np.uint8]:
        """(N, 32)."""
        return self.table["digest"]

    def select(self, rows: NDArray[Any] | slice) -> Records:
        """The records of some rows, which are in order; the same object where that is all."""
        if not isinstance(rows, slice) and len(rows) == len(self):
            return self
        kept = np.arange(len(self))[rows].tolist() if self.findings else ()
        found = {new: self.findings[old] for new, old in enumerate(kept) if old in self.findings}
        return Records(self.table[rows], found)

    def all_findings(self) -> Iterator[Finding]:
        """In the order of the images."""
        for row in sorted(self.findings):
            yield from self.findings[row]


def rows_in_split(images: Sequence[Sample], split: Split | None) -> NDArray[np.int64]:
    """The rows of a part, of all parts when None."""
    parts = Samples.of(images).splits
    return np.flatnonzero(parts == SPLITS.index(split)) if split else np.arange(len(parts))


def findings_to_json(rows: Mapping[int, tuple[Finding, ...]]) -> list[list[Any]]:
    """Findings for a JSON document: row, kind, path, detail."""
    return [
        [row, finding.kind, finding.path, finding.detail]
        for row, found in sorted(rows.items())
        for finding in found
    ]


def findings_from_json(entries: Sequence[Sequence[Any]]) -> dict[int, tuple[Finding, ...]]:
    """What `findings_of` gave."""
    found: dict[int, tuple[Finding, ...]] = {}
    for row, kind, path, detail in entries:
        found[int(row)] = (*found.get(int(row), ()), Finding(kind, path, detail))
    return found


def content_ids(digests: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Digests (N, 32) -> (N,) numbers: equal for equal digests, and in their order."""
    order = np.lexsort([_word(digests, column) for column in (3, 2, 1, 0)])
    steps = np.zeros(len(order), np.int64)
    for column in range(4):
        word = _word(digests, column)[order]
        steps[1:] |= word[1:] != word[:-1]
    numbers = np.empty_like(steps)
    numbers[order] = np.cumsum(steps, out=steps)
    return numbers


def _word(digests: NDArray[np.uint8], column: int) -> NDArray[np.uint64]:
    """Eight of the bytes of each digest, as a number."""
    piece = np.ascontiguousarray(digests[:, 8 * column : 8 * column + 8])
    return piece.view(">u8")[:, 0].astype(np.uint64)


def _perhaps_repeated(digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which digests begin as another does: few, but for those that are the same."""
    word = _word(digests, 0)
    ordered = np.sort(word)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(word, twice) if len(twice) else np.zeros(len(word), bool)


def leaking(parts: NDArray[np.uint8], digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images (N,) have an equal one in an earlier part: by indices of PARTS, NO_PART last."""
    rows = np.flatnonzero(_perhaps_repeated(digests) & digests.any(axis=1))
    numbers, own = content_ids(digests[rows]), parts[rows]
    earliest = np.full(numbers.max(initial=-1) + 1, NO_SPLIT, np.uint8)
    np.minimum.at(earliest, numbers, own)
    found = np.zeros(len(digests), bool)
    found[rows] = own > earliest[numbers]
    return found


def find_duplicates(images: Sequence[Sample], records: Sequence[Record]) -> list[Finding]:
    """Images whose files are the same byte for byte; the detail is the path of the first of them.

    "leaked" where that is in an earlier of the parts that the layout gives, "duplicate" where it
    has the same label, "conflict" on each side where labels differ.
    """
    kept = Records.of(records)
    rows = np.flatnonzero(_perhaps_repeated(kept.digests) & kept.usable & kept.digests.any(axis=1))
    numbers = content_ids(kept.digests[rows])
    common = np.bincount(numbers)[numbers] > 1 if len(rows) else np.zeros(0, bool)
    groups: dict[int, list[Sample]] = {}
    for number, row in zip(numbers[common].tolist(), rows[common].tolist(), strict=True):
        groups.setdefault(number, []).append(images[row])
    found: list[Finding] = []
    for group in groups.values():
        earliest, first = min(group, key=_place), dict[int, Sample]()
        for image in group:
            if _place(image) > _place(earliest):
                found.append(Finding("leaked", image.path, earliest.path))
            elif (same := first.setdefault(image.label, image)) is not image:
                found.append(Finding("duplicate", image.path, same.path))
        rivals = {image.label: image for image in reversed(group)}
        if len(rivals) > 1:
            found += [Finding("conflict", each.path, _rival(each, rivals)) for each in group]
    return found


def _place(image: Sample) -> int:
    """Of its part among PARTS; what has none is trained on, or split off what is."""
    return SPLITS.index(image.split or "train")


def _rival(image: Sample, first: dict[int, Sample]) -> str:
    return next(other.path for label, other in first.items() if label != image.label)
