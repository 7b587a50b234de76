"""Decoding process of the server: bytes of a request in, rows of pixels into shared memory out.

    python -P -m striate.serving.decoder '{"inputs": "image", "views": [{"size": 224, ...}], ...}'
    in:   [slot, name] and the bytes of an image
    out:  "ready", then for each [kind, detail] of what cannot be used, or
          [notes, width, height, shape, milliseconds]

It decodes as `striate predict` does, and so gets the same pixels. It is limited to the memory in
its job, and ends with the server.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from striate.data.cache.worker import die_with_parent, limit_memory
from striate.data.decoding.colors import boxes
from striate.data.decoding.decode import decode
from striate.data.decoding.files import silence
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import Finding, Record
from striate.errors import StriateError
from striate.serving.channel import Line

_IMAGE_MEMORY = 4000, 12  #: megabytes at least, and times the limit of an image
#: what a decoder answers
Told = tuple[Any, ...]


@dataclass(frozen=True)
class Job:
    """Settings of a decoder."""

    inputs: str  #: what is decoded: "image", "signal" or "sequence"
    views: Sequence[dict[str, Any]]  #: fields of the model's preprocessing; none: whole images
    largest_megabytes: int
    memory: int  #: descriptor of the shared memory
    stride: int  #: bytes of a slot


def main() -> None:
    """Decode until the server ends."""
    die_with_parent()
    job = Job(**json.loads(sys.argv[1]))
    least, times = _IMAGE_MEMORY
    limit_memory(max(least, times * job.largest_megabytes))
    Image.MAX_IMAGE_PIXELS = None  # replaced by the limit in bytes
    work = _make_worker(job)
    line = Line()
    with silence():
        line.send("ready")
        while given := line.receive():
            (slot, name), started = given.said, time.perf_counter()
            told = work(given.content, name, slot)
            if len(told) > 2:
                told = (*told, (time.perf_counter() - started) * 1000)
            line.send(told)


def _make_worker(job: Job) -> Callable[[bytes, str, int], Told]:
    """Return the function that decodes: bytes, name and slot -> what is told."""
    if job.inputs != "image":
        return _signal_worker(job)
    views = [Preprocess(**fields) for fields in job.views]
    limit = job.largest_megabytes

    def rows(content: bytes, name: str, slot: int) -> Told:
        row, record = list[bytes](), Record()
        for view in views:
            image, record = decode(content, name, preprocess=view, largest_megabytes=limit)
            if image is None:
                return _refused(record.findings[0])
            row.append(view.resize(image).tobytes())
        _store(job, b"".join(row), slot * job.stride)
        return _taken(record.findings, record.width, record.height)

    def whole(content: bytes, name: str, slot: int) -> Told:
        image, record = decode(content, name, largest_megabytes=limit)
        if image is None:
            return _refused(record.findings[0])
        start = slot * job.stride
        for box in boxes(image.size):
            band = image.crop(box).tobytes()
            _store(job, band, start)
            start += len(band)
        shape = [image.height, image.width] + [3] * (image.mode == "RGB")
        return _taken(record.findings, record.width, record.height, shape)

    return rows if views else whole


def _signal_worker(job: Job) -> Callable[[bytes, str, int], Told]:
    """Return the same for signals: files of one each, as `predict` reads them."""
    from striate.data.signals.sequence_input import SequenceInput  # lazily: they need NumPy
    from striate.data.signals.signal_input import SignalInput
    from striate.prediction.signals import sequence_sources, signal_sources

    sequences = job.inputs == "sequence"
    kind = SequenceInput if sequences else SignalInput
    views = [kind(**fields) for fields in job.views]

    def rows(content: bytes, _name: str, slot: int) -> Told:
        if sequences and content[:1] not in (b">", b"@"):
            content = b">given\n" + content  # letters alone
        with tempfile.TemporaryDirectory(prefix="striate-") as folder:
            file = Path(folder) / f"given{_suffix(content, sequences=sequences)}"
            file.write_bytes(content)
            try:
                read = sequence_sources([file]) if sequences else signal_sources([file], views[0])
                given = list(read)
            except StriateError as error:
                return "not a signal", str(error).removeprefix(f"{file}: ").replace(folder, "")
        if len(given) != 1:
            return "not a signal", f"it holds {len(given):,}; send a part for each"
        signal = given[0].signal
        if signal is None:
            return _refused(given[0].findings[0])
        row = b"".join(view.fit_signal(signal).tobytes() for view in views)
        _store(job, row, slot * job.stride)
        return _taken(given[0].findings, len(signal), 1)

    return rows


def _suffix(content: bytes, *, sequences: bool) -> str:
    if sequences:
        return ".fastq" if content.startswith(b"@") else ".fasta"
    return ".npy" if content.startswith(b"\x93NUMPY") else ".csv"


def _refused(finding: Finding) -> Told:
    return finding.kind, finding.detail


def _taken(findings: Sequence[Finding], width: int, height: int, shape: Sequence[int] = ()) -> Told:
    return [finding.kind for finding in findings], width, height, shape


def _store(job: Job, row: bytes, start: int) -> None:
    while row:
        written = os.pwrite(job.memory, row, start)
        row, start = row[written:], start + written


if __name__ == "__main__":
    main()
