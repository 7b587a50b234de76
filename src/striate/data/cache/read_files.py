"""Decodes files outside a listing in worker processes, under the limits of `decode_all`.

Time and memory per file are bounded, and signals are handled meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.cache.decode_all import as_promised, failure_record, make_job, recorded
from striate.data.cache.stream import Ring
from striate.data.cache.worker import Job
from striate.data.cache.workers import Task, WorkerFailure, run_tasks
from striate.data.decoding.files import Refused, ZipMember, scratch
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import Finding, Piece, Record

_SECONDS = 20.0  #: time limit per image
_FILES_A_CHILD = 16


@dataclass(frozen=True, slots=True)
class File:
    """Location of an image, and its display name."""

    place: Path | Piece | ZipMember | Refused
    shown: str
    digest: bytes = b""  #: expected SHA-256; b"" to skip the check
    held: Any = None  #: what must live until the image is decoded

    @property
    def task(self) -> Any:
        """Location in the form that workers take."""
        if isinstance(self.place, tuple):
            return *self.place, self.shown
        return os.fspath(self.place)


@dataclass(frozen=True, slots=True)
class Read:
    """Preprocessed image of a file, (size, size, channels); None if it is unusable."""

    file: File
    pixels: NDArray[np.uint8] | None
    record: Record


def read_files(
    files: Iterable[File],
    preprocess: Preprocess,
    *,
    batch: int,
    workers: int,
    largest_megabytes: int,
    seconds: float = _SECONDS,
) -> Iterator[tuple[Read, ...]]:
    """Yield the images of files in order, in batches; the next ones are decoded ahead."""
    todo = iter(files)
    groups = iter(lambda: tuple(islice(todo, batch)), ())
    first = next(groups, None)
    if first is None:
        return
    if len(first) < batch:  # these are all files
        workers = min(workers, -(-len(first) // _FILES_A_CHILD))
    shape = preprocess.size, preprocess.size, preprocess.channels
    with Ring(batch * (1 + workers), shape) as ring:
        job = make_job(preprocess, largest_megabytes, pixels=ring.path, slots=ring.slots)
        asked, known = dict[int, File](), dict[int, Record]()
        done = 0
        tasks = _tasks(chain([first], groups), ring, asked)
        with contextlib.closing(run_tasks(_told(job), tasks, workers, seconds)) as work:
            for number, answer in work:
                known[number] = _record(answer, asked[number], job)
                ring.filled(number)
                while (rows := ring.taken()) is not None:
                    numbers = range(done, done + len(rows.pixels))
                    yield tuple(
                        Read(asked.pop(at), row if known[at].usable else None, known.pop(at))
                        for at, row in zip(numbers, rows.pixels, strict=True)
                    )
                    done += len(numbers)


def read_whole(
    file: File, largest_megabytes: int, seconds: float = _SECONDS
) -> tuple[NDArray[np.uint8] | None, Record]:
    """Read an image at its original size, (H, W) or (H, W, 3)."""
    with scratch() as made:
        place = f"/proc/{os.getpid()}/fd/{made.fileno()}"
        job = replace(make_job(Preprocess(0, 3), largest_megabytes), pixels=place)
        ((_, answer),) = run_tasks(_told(job), [(0, file.task)], 1, seconds)
        record = _record(answer, file, job)
        if not record.usable:
            return None, record
        shape = record.height, record.width, record.channels
        found = np.fromfile(made, np.uint8, int(np.prod(shape))).reshape(shape)
        return (found[..., 0] if record.channels == 1 else found), record


def _tasks(
    groups: Iterable[tuple[File, ...]], ring: Ring, asked: dict[int, File]
) -> Generator[Task | None]:
    for group in groups:
        ring.expect(len(group))
        for file in group:
            while (number := ring.place(0)) is None:
                yield None
            asked[number] = file
            yield number, file.task


def _told(job: Job) -> str:
    return json.dumps(asdict(job))


def _record(answer: Any, file: File, job: Job) -> Record:
    """Convert a worker's result to a record; a crash or SHA-256 mismatch becomes a finding."""
    if isinstance(answer, WorkerFailure):
        return Record(findings=(Finding(answer.kind, file.shown, answer.detail),))
    if isinstance(answer, dict):
        raise failure_record(answer, job, file.shown)
    return as_promised(recorded(answer, file.shown), file.digest, file.shown)
