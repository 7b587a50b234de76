"""Streaming: pixels decoded on demand, for data sets that exceed the cache limit.

Uses the same workers and code as the cache, so pixels are identical with and without it. Workers
prefetch: the next batches are decoded during the training step.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import tempfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, field
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
from striate.data.listing.listing import DecodedImages, Listing, PixelStream
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

    @property
    def shape(self) -> tuple[int, int, int, int]:
        view = self.preprocess
        return len(self.rows), view.size, view.size, view.channels

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """Row indices -> (N, size, size, channels); one row -> (size, size, channels)."""
        asked = np.arange(len(self))[rows]
        flat = np.atleast_1d(asked)
        pieces = self.batches(flat[at : at + _AHEAD] for at in range(0, len(flat), _AHEAD))
        found = np.concatenate([np.zeros((0, *self.shape[1:]), np.uint8), *pieces])
        return found[0] if asked.ndim == 0 else found

    def batches(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[NDArray[np.uint8]]:
        """Yield the images of each array of row indices; the next ones are decoded ahead.

        No array may be longer than the first. Raises DataError for an image that changed since it
        was recorded.
        """
        todo = iter(wanted)
        first = next(todo, None)
        if first is None:
            return
        workers = count_workers(len(self))
        with Ring(2 * len(first) + _AHEAD * workers, self.shape[1:]) as ring:
            job = make_job(
                self.preprocess, self.largest_megabytes, pixels=ring.path, slots=ring.slots
            )
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
                yield number, locate(self.listing, int(self.rows[row]))
            batch = next(more, None)

    def _check(self, row: int, answer: Any) -> None:
        """Raises DataError unless the image matches its record."""
        path = self.listing.samples[int(self.rows[row])].path
        shown = printable(path)
        if isinstance(answer, WorkerFailure):
            raise DataError(f"{shown}: {answer.kind} ({answer.detail}); {_ADVICE}")
        if isinstance(answer, dict):
            raise failure_record(answer, make_job(self.preprocess, 0), path)
        digest, _, _, channels, seen = answer
        if not channels:
            kind, detail = seen[0]
            what = f"{kind} ({detail})" if detail else kind
            raise DataError(f"{shown}: {what} since the run began; {_ADVICE}")
        if bytes.fromhex(digest) != self.records.digests[row].tobytes():
            raise DataError(f"{shown}: changed since the run began; {_ADVICE}")


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
    source: NDArray[np.uint8] | PixelStream, wanted: Iterable[NDArray[np.int64]]
) -> Iterator[NDArray[np.uint8]]:
    """Yield the images (N, size, size, channels) of each array of row indices."""
    if isinstance(source, np.ndarray):
        return (source[rows] for rows in wanted)
    return source.batches(wanted)


class Ring:
    """Ring buffer of images in shared memory, filled by the workers."""

    def __init__(self, slots: int, shape: tuple[int, ...]) -> None:
        self.slots, self._shape = slots, shape
        self.rows = [0] * slots  #: stream row held by each slot
        self._missing: deque[list[int]] = deque()  #: per batch: first index, length, images missing
        self._given = self._ended = 0  #: images placed; images in all expected batches

    def __enter__(self) -> Self:
        size = self.slots * int(np.prod(self._shape))
        with contextlib.ExitStack() as held:
            descriptor = os.memfd_create("striate") if hasattr(os, "memfd_create") else -1
            if descriptor >= 0:
                held.callback(os.close, descriptor)
                self.path = f"/proc/{os.getpid()}/fd/{descriptor}"
            else:
                file = held.enter_context(tempfile.NamedTemporaryFile())
                descriptor, self.path = file.fileno(), file.name
            os.truncate(descriptor, size)
            pixels = np.frombuffer(mmap.mmap(descriptor, size), np.uint8)
            self._pixels = pixels.reshape(self.slots, *self._shape)
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

    def taken(self) -> NDArray[np.uint8] | None:
        """Return the oldest batch and free its slots; None while it is incomplete."""
        if not self._missing or self._missing[0][2]:
            return None
        start, length, _ = self._missing.popleft()
        return self._pixels[np.arange(start, start + length) % self.slots]
