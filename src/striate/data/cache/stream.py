"""Streaming: images decoded on demand, for data sets that exceed the cache limit.

Uses the same workers and code as the cache, so pixels and masks are identical with and without it.
Workers prefetch: the next batches are decoded during the training step.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import tempfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from striate.data.cache.decode_all import (
    count_workers,
    failure_record,
    locate,
    make_job,
    resize_row,
)
from striate.data.cache.workers import Task, WorkerFailure, run_tasks
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Records
from striate.data.listing.listing import DecodedImages, Listing, PixelStream, Rows
from striate.data.listing.masks import MaskFiles
from striate.errors import DataError, printable

_AHEAD = 64  #: prefetched images per worker
_ADVICE = "put it back as it was and resume, or train anew"


@dataclass(frozen=True)
class Stream:
    """Usable images of a listing, decoded on demand: row i is image `rows[i]` of the listing."""

    listing: Listing = field(repr=False)
    rows: NDArray[np.int64] = field(repr=False)
    records: Records = field(repr=False)  #: one per row; decoded images are verified against them
    preprocess: Preprocess
    largest_megabytes: int = LARGEST_MEGABYTES
    seconds: float = 20.0  #: time limit per image
    masks: MaskFiles | None = field(default=None, repr=False)  #: those of the listing, if decoded

    @property
    def shape(self) -> tuple[int, int, int, int]:
        view = self.preprocess
        return len(self.rows), view.size, view.size, view.channels

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """Row indices -> (N, size, size, channels), without masks; one row -> without N."""
        asked = np.arange(len(self))[rows]
        flat = np.atleast_1d(asked)
        groups = (flat[at : at + _AHEAD] for at in range(0, len(flat), _AHEAD))
        pieces = (found.pixels for found in replace(self, masks=None).batches(groups))
        found = np.concatenate([np.zeros((0, *self.shape[1:]), np.uint8), *pieces])
        return found[0] if asked.ndim == 0 else found

    def batches(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Rows]:
        """Yield the images and masks of each array of row indices; the next are decoded ahead.

        No array may be longer than the first. Raises DataError for an image or a mask that changed
        since it was recorded.
        """
        todo = iter(wanted)
        first = next(todo, None)
        if first is None:
            return
        workers = count_workers(len(self))
        slots = 2 * len(first) + _AHEAD * workers
        masks = self.masks and self.masks.row_shape(self.shape[1:])
        with Ring(slots, self.shape[1:], masks) as ring:
            rows: dict[str, Any] = {"pixels": ring.path, "slots": slots}
            if self.masks is not None:
                rows |= {"masks": ring.path, "masks_start": ring.masks_start}
                rows["codes"] = asdict(self.masks.codes)
            job = make_job(self.preprocess, self.largest_megabytes, **rows)
            tasks = self._tasks(ring, first, todo)
            work = run_tasks(json.dumps(asdict(job)), tasks, workers, self.seconds)
            with contextlib.closing(work):
                for number, answer in work:
                    self._check(ring.rows[number % ring.slots], answer)
                    ring.filled(number)
                    while (batch := ring.taken()) is not None:
                        yield batch

    def _tasks(
        self, ring: Ring, first: NDArray[np.int64], more: Iterator[NDArray[np.int64]]
    ) -> Generator[Task | None]:
        batch: NDArray[np.int64] | None = first
        while batch is not None:
            ring.expect(len(batch))
            for row in batch.tolist():
                while (number := ring.place(row)) is None:
                    yield None
                yield number, locate(self.listing, int(self.rows[row]), self.masks)
            batch = next(more, None)

    def _check(self, row: int, answer: Any) -> None:
        """Raises DataError unless the image, and its mask, match their records."""
        index = int(self.rows[row])
        path = self.listing.samples[index].path
        if isinstance(answer, WorkerFailure):
            raise DataError(f"{printable(path)}: {answer.kind} ({answer.detail}); {_ADVICE}")
        if isinstance(answer, dict):
            raise failure_record(answer, make_job(self.preprocess, 0), path)
        digest, _, _, channels, seen, _, _, *mask = answer
        _compare(path, digest, self.records.digests[row], () if channels or mask else seen)
        if mask:
            assert self.masks is not None
            assert self.records.masks is not None
            path, known = self.masks.paths[index], self.records.masks["digest"][row]
            digest, _, seen, _ = mask[0]
            _compare(path, digest, known, () if channels else seen)


def _compare(
    path: str, digest: str, known: NDArray[np.uint8], broken: Sequence[tuple[str, str]]
) -> None:
    """Raises DataError for a file with a reason not to use it, or with another digest."""
    if broken:
        kind, detail = broken[0]
        what = f"{kind} ({detail})" if detail else kind
    elif bytes.fromhex(digest) != known.tobytes():
        what = "changed"
    else:
        return
    raise DataError(f"{printable(path)}: {what} since the run began; {_ADVICE}")


def decode_rows(
    listing: Listing, records: Records, rows: NDArray[np.int64], preprocess: Preprocess
) -> DecodedImages:
    """Return some usable images of a listing, decoded on demand."""
    kept = records.select(rows)
    if listing.arrays is not None:
        images = [resize_row(image, preprocess) for image in listing.arrays[rows]]
        pixels = np.stack(images)
    else:
        pixels = Stream(listing, rows, kept, preprocess)
    targets = listing.targets.recorded(records).select(rows)
    return DecodedImages(pixels, listing.samples.select(rows), kept, targets, ())


def gather(
    source: NDArray[Any] | PixelStream,
    masks: NDArray[np.uint8] | None,
    wanted: Iterable[NDArray[np.int64]],
) -> Iterator[Rows]:
    """Yield the images and masks of each array of row indices; a stream has its own masks."""
    if isinstance(source, np.ndarray):
        return (Rows(source[rows], None if masks is None else masks[rows]) for rows in wanted)
    return source.batches(wanted)


class Ring:
    """Ring buffer of images in shared memory, filled by the workers; behind them, of masks."""

    def __init__(
        self, slots: int, shape: tuple[int, ...], masks: tuple[int, ...] | None = None
    ) -> None:
        self.slots, self._shape, self._mask_shape = slots, shape, masks
        self.masks_start = slots * int(np.prod(shape))  #: first byte of the masks
        self.rows = [0] * slots  #: stream row held by each slot
        self._missing: deque[list[int]] = deque()  #: per batch: first index, length, images missing
        self._given = self._ended = 0  #: images placed; images in all expected batches

    def __enter__(self) -> Self:
        size = self.masks_start
        if self._mask_shape:
            size += self.slots * int(np.prod(self._mask_shape))
        with contextlib.ExitStack() as held:
            descriptor = os.memfd_create("striate") if hasattr(os, "memfd_create") else -1
            if descriptor >= 0:
                held.callback(os.close, descriptor)
                self.path = f"/proc/{os.getpid()}/fd/{descriptor}"
            else:
                file = held.enter_context(tempfile.NamedTemporaryFile())
                descriptor, self.path = file.fileno(), file.name
            os.truncate(descriptor, size)
            memory = np.frombuffer(mmap.mmap(descriptor, size), np.uint8)
            pixels, masks = np.split(memory, [self.masks_start])
            self._pixels = pixels.reshape(self.slots, *self._shape)
            sides = self._mask_shape
            self._masks = masks.reshape(self.slots, *sides) if sides else None
            self._held = held.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def expect(self, length: int) -> None:
        """Append a batch of `length` images."""
        self._missing.append([self._ended, length, length])
        self._ended += length

    def place(self, row: int) -> int | None:
        """Return the index of the next image, stored in slot index % slots; None while full."""
        if self._given - self._missing[0][0] >= self.slots:
            return None
        number, self._given = self._given, self._given + 1
        self.rows[number % self.slots] = row
        return number

    def filled(self, number: int) -> None:
        for batch in self._missing:
            if number < batch[0] + batch[1]:
                batch[2] -= 1
                return

    def taken(self) -> Rows | None:
        """Return the oldest batch and free its slots; None while it is incomplete."""
        if not self._missing or self._missing[0][2]:
            return None
        start, length, _ = self._missing.popleft()
        here = np.arange(start, start + length) % self.slots
        return Rows(self._pixels[here], None if self._masks is None else self._masks[here])
