"""The process that holds the model: rows of pixels from shared memory in, JSON answers out."""

from __future__ import annotations

import base64
import ctypes
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.cache.worker import die_with_parent
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import IGNORE
from striate.errors import StriateError
from striate.prediction.engine import Engine, WholeEngine
from striate.serving.channel import Line
from striate.tasks.results import PictureAnswer

_PUNCH_HOLE = 3  #: of fallocate, keeping the size
_NOT_FINITE = "the network's answer is not finite"


@dataclass(frozen=True)
class Served:
    """A model, and what is told of it."""

    engine: Engine
    whole: WholeEngine | None  #: answers images in their own size
    sha256: str  #: of the model file
    network: str


@dataclass(frozen=True)
class _Row:
    """An image of a batch."""

    slot: int
    shape: Sequence[int]
    size: Sequence[int]
    name: str
    notes: Sequence[str]
    top: int
    picture: bool


def serve_batches(
    load: Callable[[], Served], memory: int, largest_megabytes: int, batch: int
) -> None:
    """Load a model and answer the batches that come, until the server ends.

    `memory` is the descriptor of the slots with pixels. An error of loading is told, not raised.
    """
    die_with_parent()
    line = Line()
    try:
        served = load()
        _warm(served, batch)
    except StriateError as error:
        line.send({"error": str(error), "code": error.exit_code})
        return
    stride = largest_megabytes * 10**6 if served.whole else _row_bytes(served.engine)
    line.send(_describe(served, stride))
    while given := line.receive():
        started = time.perf_counter()
        rows = [_Row(*row) for row in given.said]
        told = _answer(served, rows, memory, stride)
        lengths = [(len(content), wrong) for content, wrong in told]
        milliseconds = (time.perf_counter() - started) * 1000
        line.send({"ms": milliseconds, "rows": lengths}, b"".join(content for content, _ in told))


def _describe(served: Served, stride: int) -> dict[str, Any]:
    """Return what the server is told of a model."""
    engine = served.engine
    views = [] if served.whole else [_fields(view) for view in engine.views]
    return {
        "sha256": served.sha256,
        "network": served.network,
        "task": engine.task.name,
        "inputs": engine.preprocess.inputs,
        "views": views,
        "stride": stride,
    }


def _fields(view: Preprocess) -> dict[str, Any]:
    return {name: value for name, value in view.to_json().items() if name != "inputs"}


def _row_bytes(engine: Engine) -> int:
    sizes = ((np.prod(view.row_shape), np.dtype(view.dtype).itemsize) for view in engine.views)
    return sum(int(values) * each for values, each in sizes)


def _warm(served: Served, batch: int) -> None:
    """Compute once what costs more the first time, alone and in a full batch."""
    if served.whole is None:
        for count in (1, batch):
            views = served.engine.views
            rows = (np.zeros((count, *view.row_shape), view.dtype) for view in views)
            served.engine.decode_and_reject(*rows)


def _answer(
    served: Served, rows: Sequence[_Row], memory: int, stride: int
) -> list[tuple[bytes, str]]:
    """Return the JSON of each row, and what is wrong with its answer."""
    if served.whole is None:
        seen = _read(served.engine, rows, memory, stride)
        decoded, rejected = served.engine.decode_and_reject(*seen)
        pairs = zip(rows, decoded, rejected.tolist(), strict=True)
        return [_tell(served, row, each, rejected=foreign) for row, each, foreign in pairs]
    told = list[tuple[bytes, str]]()
    for row in rows:
        content = os.pread(memory, int(np.prod(row.shape)), row.slot * stride)
        ctypes.CDLL(None).fallocate(
            memory, _PUNCH_HOLE, ctypes.c_long(row.slot * stride), ctypes.c_long(stride)
        )
        pixels = np.frombuffer(content, np.uint8).reshape(row.shape)
        told.append(_tell(served, row, served.whole.decode(pixels), rejected=False))
    return told


def _read(engine: Engine, rows: Sequence[_Row], memory: int, stride: int) -> list[NDArray[Any]]:
    """Return the pixels of rows for each view (N, ...)."""
    seen, start = list[NDArray[Any]](), 0
    for view in engine.views:
        pixels = np.empty((len(rows), *view.row_shape), view.dtype)
        for row, place in zip(rows, pixels, strict=True):
            os.preadv(memory, [place.data], row.slot * stride + start)
        seen.append(pixels)
        start += pixels[0].nbytes
    return seen


def _tell(served: Served, row: _Row, decoded: NDArray[Any], *, rejected: bool) -> tuple[bytes, str]:
    """Return the JSON of a row's answer, and what is wrong with it, as `Predictor` does."""
    task = served.engine.task
    if not np.isfinite(decoded).all() or (task.head == "map" and (decoded == IGNORE).any()):
        return b"", _NOT_FINITE
    if served.whole is None:
        width, height = row.size
        decoded = task.restore(decoded, served.engine.preprocess, (width, height))
    answer = (task.reject if rejected else task.answer)(decoded, row.top)
    picture = {}
    if row.picture and isinstance(answer, PictureAnswer):
        picture = {"png": base64.b64encode(answer.png).decode()}
    told = {"name": row.name, **answer.to_json(), **picture, "notes": list(row.notes)}
    return json.dumps(told, allow_nan=False).encode(), ""
