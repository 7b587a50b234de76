"""Feature cache: what the front of a network makes of images, kept for later trainings.

    <cache>/<key>/features.npy  (rows, ...) float16 or float32: all images of a view, then the next
    <cache>/<key>/sample.npy    the first rows in float32, as they were before any rounding
    <cache>/<key>/index.json    version, and hashes of both
    <cache>/<key>/about.json    description of the source

An entry is built in `<key>.partial`, with a line in blocks.jsonl for each block that is written and
its SHA-256. After a kill the next process goes on behind the last block whose bytes are those.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import threading
import weakref
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from striate import storage
from striate.cache_store import LOCK, acquire, describe, hashes, publish, reserve
from striate.data.cache.row_files import allocate_rows
from striate.errors import BusyError, StorageError
from striate.progress import Progress
from striate.storage import ARRAY_DAMAGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1  #: of the file layout
FEATURES, SAMPLE, INDEX, BLOCKS = "features.npy", "sample.npy", "index.json", "blocks.jsonl"


@dataclass(frozen=True)
class FeatureRows:
    """Features of images, row after row, and the first of them unrounded."""

    values: NDArray[np.floating[Any]]  #: (rows, ...) float16 or float32, memory-mapped
    sample: NDArray[np.float32]  #: (first rows, ...)


#: row -> blocks of features (n, ...) from that row on
MakeBlocks = Callable[[int], Iterable["NDArray[np.floating[Any]]"]]


def load_rows(home: Path, rows: int, dtype: str) -> FeatureRows | None:
    """Return an entry, in use until its rows are freed; None if missing or damaged."""
    held = acquire(home)
    if held is None:
        return None
    try:
        index = storage.read_json(home / INDEX)
        good = index == _index(home)
        values = np.load(home / FEATURES, mmap_mode="r", allow_pickle=False)
        sample = np.load(home / SAMPLE, allow_pickle=False)
        good = good and len(values) == rows and values.dtype == dtype
    except (OSError, *ARRAY_DAMAGE):
        good, values, sample = False, None, None
    if not good or values is None or sample is None:
        os.close(held)
        return None
    weakref.finalize(values.base, os.close, held)
    return FeatureRows(values, sample)


def store_rows(
    home: Path,
    shape: tuple[int, ...],
    dtype: str,
    sample: NDArray[np.float32],
    make_blocks: MakeBlocks,
    about: str,
) -> Generator[Progress]:
    """Build an entry of this shape from blocks; yield progress after each of them.

    What a killed process left is continued. Raises StorageError.
    """
    needed = int(np.prod(shape)) * np.dtype(dtype).itemsize
    try:
        with _building(home) as partial:
            reserve(home.parent, needed)  # once it is locked, as this sweeps what killed ones left
            yield from _fill(partial, shape, dtype, make_blocks)
            written = io.BytesIO()
            np.save(written, sample, allow_pickle=False)
            storage.write(partial / SAMPLE, written.getvalue())
            storage.write(partial / INDEX, json.dumps(_index(partial)))
            describe(partial, about)
            for name in (BLOCKS, LOCK):
                (partial / name).unlink()
            publish(partial, home, lambda home: load_rows(home, shape[0], dtype) is not None)
    except StorageError:
        raise
    except OSError as error:
        advice = f"{-(-needed // 10**6):,} MB are needed; set STRIATE_CACHE to another disk"
        raise storage.storage_error(home, error, advice) from error


def as_stored(block: NDArray[np.floating[Any]], dtype: str) -> NDArray[np.floating[Any]]:
    """Return features in the type of an entry; what is too large for it becomes its largest."""
    largest = float(np.finfo(dtype).max)
    return block.clip(-largest, largest).astype(dtype)


@contextlib.contextmanager
def _building(home: Path) -> Generator[Path]:
    """Yield the locked folder an entry is built in: what a killed process left, or a new one.

    While another process builds the same, a private one. After an error of the disk nothing stays.
    """
    private = f"{home.name}.{os.getpid()}-{threading.get_ident()}.partial"
    with contextlib.ExitStack() as held:
        for name in (f"{home.name}.partial", private):
            partial = home.with_name(name)
            partial.mkdir(exist_ok=True)
            with contextlib.suppress(BusyError):
                held.enter_context(storage.lock(partial / LOCK, str(partial)))
                break
        try:
            yield partial
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        finally:
            if partial.name == private:
                shutil.rmtree(partial, ignore_errors=True)


def _fill(
    partial: Path, shape: tuple[int, ...], dtype: str, make_blocks: MakeBlocks
) -> Generator[Progress]:
    """Write the missing blocks, and a line about each; yield progress."""
    done = _count_done(partial, shape, dtype)
    if done == 0:
        (partial / BLOCKS).unlink(missing_ok=True)
        allocate_rows(partial / FEATURES, shape, dtype)
    start = np.load(partial / FEATURES, mmap_mode="r").offset
    yield Progress(done, shape[0], "features")
    with (partial / FEATURES).open("r+b") as file, (partial / BLOCKS).open("a") as told:
        for block in make_blocks(done):
            data = as_stored(block, dtype).tobytes()
            file.seek(start + done * len(data) // len(block))
            file.write(data)
            file.flush()
            done += len(block)
            told.write(json.dumps([done, hashlib.sha256(data).hexdigest()]) + "\n")
            told.flush()
            yield Progress(done, shape[0], "features")
        os.fsync(file.fileno())


def _count_done(partial: Path, shape: tuple[int, ...], dtype: str) -> int:
    """Return the rows of a partial entry whose blocks are as told; cut off what is told beyond."""
    done, good = 0, 0
    with contextlib.suppress(OSError, *ARRAY_DAMAGE):
        rows = np.load(partial / FEATURES, mmap_mode="r", allow_pickle=False)
        lines = (partial / BLOCKS).read_bytes().splitlines(keepends=True)
        if rows.shape != shape or rows.dtype != dtype:
            return 0
        for line in lines:
            end, expected = json.loads(line)
            block = rows[done:end].tobytes()
            if not line.endswith(b"\n") or hashlib.sha256(block).hexdigest() != expected:
                break
            done, good = end, good + len(line)
    if done:
        os.truncate(partial / BLOCKS, good)
    return done


def _index(folder: Path) -> dict[str, Any]:
    return {"version": VERSION, **{name: hashes(folder / name) for name in (FEATURES, SAMPLE)}}
