"""Decoding worker process: reads a task per line, writes a result per line.

    python -P -m striate.data.cache.worker
    in:   the job, {"size": 224, ...}
          [index, path], or [index, [file, first byte, length, path]] for a byte range of a file
          and likewise [index, [..., path]] for the other places of `decoding.files`,
          or with masks [index, {"image": either of these, "mask": either, "shown": path}], of
          which the mask may be a picture that is the target of the other
    out:  "ready", then in the order of the tasks
          [digest, width, height, channels, [[kind, detail], ...], thumbnail, quality], and with
          masks [digest, palette, [[kind, detail], ...], [[class, pixels], ...]] as an eighth
          or {"failed": traceback} or {"storage": [number, text]}

With `pixels`, the preprocessed image becomes row `index` of that file, and with `masks` its mask
that of another. The worker exits with its parent and is limited to the memory in its job.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from striate.data.decoding.colors import boxes
from striate.data.decoding.decode import decode, header, read_orientation
from striate.data.decoding.files import Place, Refused, ZipMember, silence
from striate.data.decoding.preprocess import Preprocess
from striate.data.decoding.thumbnail import make_thumbnails, measure_quality
from striate.data.listing.masks import MaskCodes
from striate.data.listing.samples import Record

_PR_SET_PDEATHSIG = 1
_FLUSH_SECONDS = 0.02


@dataclass(frozen=True)
class Job:
    """Settings of a worker."""

    size: int  #: output size, or target size for decoding large JPEGs; 0: original size
    channels: int
    fit: Any
    interpolation: Any
    largest_megabytes: int
    memory_megabytes: int
    pixels: str | None = None  #: output file of pixel rows
    start: int = 0  #: byte offset of row 0 in that file
    slots: int = 0  #: rows in that file, if it is a ring buffer; 0: one per image
    headers: bool = False  #: read headers only
    thumbnails: bool = False  #: make thumbnails
    quality: bool = False  #: with them, measure quality
    codes: Any = None  #: `MaskCodes` as a dict, if images have masks
    masks: str | None = None  #: output file of mask rows
    masks_start: int = 0  #: byte offset of row 0 in that file


class _StorageFailedError(Exception):
    """Writing a row of pixels failed."""


def main() -> None:
    """Process tasks until stdin is closed."""
    answers = _take_stdout()
    die_with_parent()
    waiting = list[str]()
    told = _lines(answers, waiting)
    job = Job(**next(told))
    limit_memory(job.memory_megabytes)
    Image.MAX_IMAGE_PIXELS = None  # replaced by the limit in bytes
    work = _worker(job)
    _send(answers, ["ready"])
    last = 0.0
    with silence():
        for index, path in told:
            waiting.append(_answer(work, index, path))
            if (now := time.monotonic()) > last + _FLUSH_SECONDS:
                _send(answers, waiting)
                last = now


def _answer(work: Callable[[int, Any], Record], index: int, path: Any) -> str:
    try:
        record = work(index, path)
    except _StorageFailedError as error:
        return json.dumps({"storage": error.args})
    except Exception:  # noqa: BLE001 - a bug of ours must reach the parent
        return json.dumps({"failed": traceback.format_exc()})
    findings = [(finding.kind, finding.detail) for finding in record.findings]
    shape = record.width, record.height, record.channels
    answer = record.digest, *shape, findings, record.thumbnail.hex(), record.quality
    if record.mask is None:
        return json.dumps(answer)
    seen = [(finding.kind, finding.detail) for finding in record.mask.findings]
    mask = record.mask.digest, record.mask.palette, seen, record.mask.pixels
    return json.dumps((*answer, mask))


def _worker(job: Job) -> Callable[[int, Any], Record]:
    """Return the function that processes a task: its index and location -> the image's record."""
    preprocess = Preprocess(job.size, job.channels, job.fit, interpolation=job.interpolation)
    if job.thumbnails:
        importlib.import_module("cv2")  # before the time of an image runs
    if job.headers:
        return lambda _, path: header(path, path)
    if job.codes is not None:
        return _pair_worker(job, preprocess)
    if job.pixels is None:
        return lambda _, path: _decoded(path, preprocess, job)[1]
    place = os.open(job.pixels, os.O_WRONLY)
    if job.size == 0:
        return lambda _, path: _store_whole(place, *_decoded(path, None, job))

    def stored(index: int, path: Any) -> Record:
        image, record = _decoded(path, preprocess, job)
        if image is not None:
            _store_row(place, preprocess.resize(image).tobytes(), job.start, index, job.slots)
        return record

    return stored


def _pair_worker(job: Job, preprocess: Preprocess) -> Callable[[int, Any], Record]:
    """Return the function that processes an image and its mask; without a mask, it is left out.

    Without codes the masks are pictures: both are decoded in full size, and resized alike.
    """
    from striate.data.decoding.mask import decode_mask, decode_target  # lazily: they need NumPy

    codes = MaskCodes(**{name: tuple(map(tuple, pairs)) for name, pairs in job.codes.items()})
    limit = job.largest_megabytes
    pixels, masks = (
        None if file is None else os.open(file, os.O_WRONLY) for file in (job.pixels, job.masks)
    )

    def work(index: int, task: Any) -> Record:
        place = task["image"]
        image, record = _decoded(place, None if codes.of_pictures else preprocess, job)
        if image is None:
            return record
        file, shown = _file(task["mask"]), task["shown"]
        if codes.of_pictures:
            mask, found = decode_target(file, shown, record, largest_megabytes=limit)
        else:
            mask, found = decode_mask(
                file, shown, codes, (record.width, record.height),
                lambda: read_orientation(_file(place)), largest_megabytes=limit,
            )  # fmt: skip
        if mask is None:
            return replace(record, channels=0, mask=found)
        if pixels is not None:
            row = preprocess.resize(image).tobytes()
            _store_row(pixels, row, job.start, index, job.slots)
        if masks is not None:
            made = _resized(mask, image.size, codes, preprocess)
            _store_row(masks, made.tobytes(), job.masks_start, index, job.slots)
        channels = 3 if codes.of_pictures and mask.mode != "L" else record.channels
        return replace(record, channels=channels, mask=found)

    return work


def _resized(
    mask: Image.Image, size: tuple[int, int], codes: MaskCodes, preprocess: Preprocess
) -> Image.Image:
    """Place a mask, or a picture, where the image of the decoded `size` is placed."""
    return preprocess.resize(mask) if codes.of_pictures else preprocess.resize_mask(mask, size)


def _store_whole(place: int, image: Image.Image | None, record: Record) -> Record:
    """Write an image at its original size, in bands of rows."""
    start = 0
    if image is None:
        return record
    for box in boxes(image.size):
        rows = image.crop(box).tobytes()
        _store(place, rows, start)
        start += len(rows)
    return record


def _decoded(
    path: Any, preprocess: Preprocess | None, job: Job
) -> tuple[Image.Image | None, Record]:
    shown, limit = path if isinstance(path, str) else path[-1], job.largest_megabytes
    image, record = decode(_file(path), shown, preprocess=preprocess, largest_megabytes=limit)
    if image is None or not job.thumbnails:
        return image, record
    from numpy import asarray  # imported lazily: a worker starts faster without

    quality = measure_quality(image) if job.quality else ()
    thumbnail = make_thumbnails([asarray(image)]).tobytes()
    return image, replace(record, thumbnail=thumbnail, quality=quality)


def _file(place: Any) -> Place:
    """Return the path, or the place without its display name, of a task's location."""
    if isinstance(place, str):
        return place
    where = place[:-1] if isinstance(place[-1], str) else place  # masks have no name of their own
    kind = {2: Refused._make, 6: ZipMember._make}.get(len(where), tuple)
    return kind(where)


def _store_row(descriptor: int, row: bytes, start: int, index: int, slots: int) -> None:
    _store(descriptor, row, start + (index % slots if slots else index) * len(row))


def _store(descriptor: int, row: bytes, offset: int) -> None:
    """Write a row; with a memory map, a full disk would raise SIGBUS."""
    try:
        while row:
            written = os.pwrite(descriptor, row, offset)
            row, offset = row[written:], offset + written
    except OSError as error:
        raise _StorageFailedError(error.errno, error.strerror) from error


def _lines(answers: int, waiting: list[str]) -> Generator[Any]:
    """Yield what each incoming line holds; pending results are flushed before blocking on input."""
    rest = b""
    while True:
        _send(answers, waiting)
        if not (block := os.read(0, 1 << 16)):
            return
        *lines, rest = (rest + block).split(b"\n")
        yield from map(json.loads, lines)


def _send(descriptor: int, waiting: list[str]) -> None:
    data = "".join(line + "\n" for line in waiting).encode()
    waiting.clear()
    while data:
        data = data[os.write(descriptor, data) :]


def _take_stdout() -> int:
    """Return a duplicate of the stdout pipe, and redirect stdout to stderr."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def die_with_parent() -> None:
    """On Linux, let the kernel kill this process with its parent; else it exits after an image."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_memory(megabytes: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 10**6, megabytes * 10**6))


if __name__ == "__main__":
    main()
