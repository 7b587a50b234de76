"""Decodes all images of a listing in worker processes: a record for each, pixels on request.

A crash or timeout affects only the image that caused it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from striate.data.cache.worker import Job
from striate.data.cache.workers import WorkerFailure, run_tasks
from striate.data.decoding.limits import LARGEST_MEGABYTES
from striate.data.decoding.preprocess import Preprocess
from striate.data.decoding.thumbnail import make_thumbnails, measure_quality
from striate.data.listing.columns import Records, Samples
from striate.data.listing.listing import Listing
from striate.data.listing.masks import MaskFiles, find_other_palettes
from striate.data.listing.samples import Finding, MaskRecord, Palette, Record, Sample
from striate.data.signals.decode_signals import decode_signals, read_signal_headers
from striate.distributed.launch import usable_cores
from striate.errors import DataError, StriateError, printable
from striate.progress import Progress
from striate.storage import storage_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IMAGES_A_CHILD = 16  #: minimum images per worker; starting one takes 0.07 s
_LEAST_MEMORY_MEGABYTES = 4000
_AT_ONCE = 64  #: thumbnails made together
_GLANCE = Preprocess(size=224, channels=3)  #: JPEG target size if no pixels are stored


def decode_all(
    listing: Listing,
    *,
    preprocess: Preprocess | None = None,
    pixels: Path | None = None,
    mask_rows: Path | None = None,
    workers: int | None = None,
    seconds: float = 20.0,
    largest_megabytes: int = LARGEST_MEGABYTES,
    quality: bool = False,
) -> Generator[tuple[int, Record]]:
    """Decode every image, and its mask; yield (index, record) in order of completion.

    With `preprocess` and `pixels`, image i becomes row i of that .npy file, and its mask row i of
    `mask_rows`. Closing the generator stops the workers. Raises DataError for masks of arrays.
    """
    if listing.inputs != "image":
        return decode_signals(listing, preprocess, pixels)
    if listing.arrays is not None:
        if listing.masks is not None:
            raise DataError(
                f"{printable(str(listing.root))}: masks belong to images in files, "
                "and these are in an array; save each image and each mask as a PNG"
            )
        return _rows(listing.arrays, preprocess, pixels, quality=quality)
    wanted = preprocess or _GLANCE
    rows: dict[str, Any] = {"thumbnails": True, "quality": quality}
    if pixels is not None:  # thumbnails are made of them, many at a time
        start = np.load(pixels, mmap_mode="r").offset
        rows = {"pixels": os.fspath(pixels), "start": start}
    if listing.masks is not None:
        rows["codes"] = asdict(listing.masks.codes)
    if mask_rows is not None:
        start = np.load(mask_rows, mmap_mode="r").offset
        rows |= {"masks": os.fspath(mask_rows), "masks_start": start}
    job = make_job(wanted, largest_megabytes, **rows)
    return _decoded(listing, range(len(listing.samples)), job, workers, seconds)


def decode_records(
    listing: Listing,
    what: str | None = None,
    *,
    preprocess: Preprocess | None = None,
    pixels: Path | None = None,
    mask_rows: Path | None = None,
    largest_megabytes: int = LARGEST_MEGABYTES,
    quality: bool = False,
) -> Generator[Progress, None, Records]:
    """Decode every image as `decode_all` does; yield progress of `what`, return the records.

    With `quality`, that of images whose pixels are not stored is measured.
    """
    palettes: list[Palette] = [()] * len(listing.samples)
    classes = None if listing.masks is None else len(listing.class_names)
    records = Records.empty(len(listing.samples), classes, measured=quality)
    yield Progress(0, len(records), what := what or f"{listing.inputs}s")
    work = decode_all(
        listing, preprocess=preprocess, pixels=pixels, mask_rows=mask_rows,
        largest_megabytes=largest_megabytes, quality=quality,
    )  # fmt: skip
    thumbnails = None
    if preprocess and pixels and listing.inputs == "image":
        thumbnails = _Thumbnails(records, preprocess, pixels)
    with contextlib.closing(work):
        for done, (index, record) in enumerate(work, 1):
            records.put(index, record)
            if record.mask is not None:
                palettes[index] = record.mask.palette
            if thumbnails and record.usable:
                thumbnails.add(index, record)
            yield Progress(done, len(records), what)
    if thumbnails:
        thumbnails.make()
    if listing.masks is not None:
        _compare_palettes(palettes, listing.masks, records)
    return records


def _compare_palettes(palettes: list[Palette], masks: MaskFiles, records: Records) -> None:
    for row, detail in find_other_palettes(palettes).items():
        found = Finding("other palette", masks.paths[row], detail)
        records.findings[row] = (*records.findings.get(row, ()), found)


class _Thumbnails:
    """Makes the thumbnails of images whose pixels were stored, many at a time."""

    def __init__(self, records: Records, preprocess: Preprocess, pixels: Path) -> None:
        self._table, self._preprocess = records.table, preprocess
        self._pixels = np.asarray(np.load(pixels, mmap_mode="r"))
        self._fresh = list[tuple[int, int, int]]()  #: row, width and height

    def add(self, row: int, record: Record) -> None:
        self._fresh.append((row, record.width, record.height))
        if len(self._fresh) == _AT_ONCE:
            self.make()

    def make(self) -> None:
        """Make those of the rows added since it was called last."""
        if self._fresh:
            shown = starmap(self._shown, self._fresh)
            rows = [row for row, _, _ in self._fresh]
            self._table["thumbnail"][rows] = make_thumbnails(shown, resized=True)
            self._fresh.clear()

    def _shown(self, row: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return an image without its padding."""
        top, left, end, right = self._preprocess.frame(width, height)
        return self._pixels[row, top:end, left:right]


def read_headers(listing: Listing, most: int = 1000) -> Records:
    """Return records with size and channels only, for up to `most` evenly spaced images."""
    if listing.inputs != "image":
        return Records.of(read_signal_headers(listing))
    count = len(listing.samples)
    chosen = range(count)[:: max(1, math.ceil(count / most))]
    if listing.arrays is not None:
        _, height, width, channels = listing.arrays.shape
        return Records.of([Record("", width, height, 1 if channels == 1 else 3)] * len(chosen))
    if listing.shards is not None:  # sizes are in the index
        sizes = listing.shards.table[list(chosen)][["width", "height", "channels"]].tolist()
        return Records.of([Record("", *size) for size in sizes])
    job = make_job(_GLANCE, LARGEST_MEGABYTES, headers=True)
    listings = [listing]
    if listing.masks and listing.masks.codes.of_pictures:  # targets may be in color
        targets = Samples.of(Sample(path, 0) for path in listing.masks.paths)
        listings += [replace(listing, samples=targets)]
    found = (dict(_decoded(each, chosen, job, None, 20.0)) for each in listings)
    return Records.of([records[index] for records in found for index in chosen])


def _decoded(
    listing: Listing,
    chosen: Sequence[int],
    job: Job,
    workers: int | None,
    seconds: float,
) -> Generator[tuple[int, Record]]:
    """Decode the chosen images, with up to one worker per available core."""
    masks = None if job.codes is None else listing.masks
    tasks = ((index, locate(listing, index, masks)) for index in chosen)
    if workers is None:
        workers = count_workers(len(chosen))
    for index, answer in run_tasks(json.dumps(asdict(job)), tasks, workers, seconds):
        path = listing.samples[index].path
        if isinstance(answer, WorkerFailure):
            yield index, Record(findings=(Finding(answer.kind, path, answer.detail),))
        elif isinstance(answer, dict):
            raise failure_record(answer, job, path)
        else:
            record = recorded(answer, path, "" if masks is None else masks.paths[index])
            yield index, record if listing.shards is None else _as_packed(record, listing, index)


def locate(listing: Listing, index: int, masks: MaskFiles | None) -> Any:
    """Return the location of an image, and of its mask, in the form that workers take."""
    path = listing.samples[index].path
    if listing.shards is not None:
        image = *listing.shards.locate(index), path
    else:
        image = os.path.join(listing.root, path)  # noqa: PTH118 - many times
    if masks is None:
        return image
    shown = masks.paths[index]
    mask: Any = os.path.join(listing.root, shown)  # noqa: PTH118 - many times
    if listing.shards is not None:
        mask = listing.shards.locate_mask(index)
    return {"image": image, "mask": mask, "shown": shown}


def recorded(answer: list[Any], path: str, mask_path: str = "") -> Record:
    """Convert a worker's result to a record; the findings of its mask are among its own."""
    digest, width, height, channels, seen, thumbnail, quality, *more = answer
    look = bytes.fromhex(thumbnail), tuple(quality)
    findings = tuple(Finding(kind, path, detail) for kind, detail in seen) if seen else ()
    if not more:
        return Record(digest, width, height, channels, findings, None, *look)
    mask_digest, palette, seen, pixels = more[0]
    about = tuple(Finding(kind, mask_path, detail) for kind, detail in seen)
    mask = MaskRecord(mask_digest, tuple(map(tuple, palette)), about, tuple(map(tuple, pixels)))
    return Record(digest, width, height, channels, findings + about, mask, *look)


def as_promised(record: Record, digest: bytes, path: str) -> Record:
    """Return the record, or a finding if the SHA-256 differs from `digest`; b"" skips the check."""
    if not digest or not record.digest or bytes.fromhex(record.digest) == digest:
        return record
    return Record(findings=(Finding("unreadable", path, "its bytes are not those packed"),))


def _as_packed(record: Record, listing: Listing, index: int) -> Record:
    """Return the record, or a finding if image or mask is not the one that the shards promise."""
    shards, masks = listing.shards, listing.masks
    assert shards is not None
    digest = shards.table["digest"][index].tobytes()
    record = as_promised(record, digest, listing.samples[index].path)
    if record.mask is None or shards.masks is None or masks is None:
        return record
    digest = shards.masks["digest"][index].tobytes()
    found = as_promised(Record(record.mask.digest), digest, masks.paths[index])
    return Record(findings=found.findings) if found.findings else record


def failure_record(answer: dict[str, Any], job: Job, path: str) -> StriateError:
    """Return the exception for a worker's error result."""
    if "storage" in answer:
        error = OSError(*answer["storage"])
        return storage_error(Path(job.pixels or ""), error, "free some space, or use another disk")
    return StriateError(f"{path}: the decoder failed, which is a bug\n{answer['failed']}")


def make_job(preprocess: Preprocess, largest_megabytes: int, **more: Any) -> Job:
    """Return the job description for workers."""
    memory = max(_LEAST_MEMORY_MEGABYTES, 12 * largest_megabytes)
    view = preprocess.size, preprocess.channels, preprocess.fit, preprocess.interpolation
    return Job(*view, largest_megabytes, memory, **more)


def count_workers(images: int) -> int:
    """Return the number of workers for a number of images: up to one per core."""
    return max(1, min(usable_cores(), -(-images // _IMAGES_A_CHILD)))


def _rows(
    arrays: NDArray[np.uint8],
    preprocess: Preprocess | None,
    pixels: Path | None,
    *,
    quality: bool,
) -> Generator[tuple[int, Record]]:
    """Yield the records of in-memory array images, which need no decoding."""
    count, height, width, channels = arrays.shape
    out = None if pixels is None else np.load(pixels, mmap_mode="r+")
    for index in range(count):
        row = np.ascontiguousarray(arrays[index])
        if out is not None and preprocess is not None:
            out[index] = resize_row(row, preprocess)
        digest = hashlib.sha256(row.data).hexdigest()
        look = (b"", ()) if out is not None else _look(row, quality=quality)
        yield index, Record(digest, width, height, 1 if channels == 1 else 3, (), None, *look)


def _look(row: NDArray[np.uint8], *, quality: bool) -> tuple[bytes, tuple[float, ...]]:
    """Return thumbnail and quality of an image (H, W, 1 or 3)."""
    image = Image.fromarray(row[:, :, 0] if row.shape[2] == 1 else row)
    return make_thumbnails([row]).tobytes(), tuple(measure_quality(image)) if quality else ()


def resize_row(row: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.uint8]:
    """(H, W, 1 or 3) -> (size, size, channels), with the same resizing as image files."""
    if row.shape == (preprocess.size, preprocess.size, preprocess.channels):
        return row
    return preprocess.to_array(Image.fromarray(row[:, :, 0] if row.shape[2] == 1 else row))
