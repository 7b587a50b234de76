"""ONNX files with a seal, opened in onnxruntime: where time counts, while other code is imported.

Neither NumPy nor pydantic is needed before the file is read: a command begins with it at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from striate import runtimes
from striate.errors import ModelError, OptionError, StorageError, printable
from striate.onnx_seal import unseal

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_begun = dict[Path, Future["SealedSession"]]()


class SealedFile(NamedTuple):
    """What a file holds, whose seal fits."""

    content: bytes
    metadata: dict[str, str]
    sha256: str  #: as recorded in it


class SealedSession(NamedTuple):
    """A file opened in onnxruntime."""

    file: SealedFile
    session: InferenceSession


@contextlib.contextmanager
def begin_session(path: Path) -> Generator[None]:
    """Begin to open a file, with all cores, in a thread; `open_sealed` takes what comes of it."""
    with contextlib.suppress(OptionError):  # of which the thread tells
        runtimes.import_onnxruntime()  # first: imports of two threads wait for each other
    pool = ThreadPoolExecutor(1)
    _begun[path] = pool.submit(_open, path, 0)
    try:
        yield
    finally:
        _begun.pop(path, None)
        pool.shutdown()


def open_sealed(path: Path, threads: int = 0) -> SealedSession:
    """Open a file in onnxruntime; 0 threads are all cores. Raises as `load_onnx` does."""
    begun = _begun.pop(path, None) if threads == 0 else None
    return begun.result() if begun else _open(path, threads)


def read_sealed(path: Path) -> SealedFile:
    """Read a file, and check its seal. Raises as `load_onnx` does."""
    if not path.is_file():
        raise OptionError(f"{printable(str(path))}: no such model file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{printable(str(path))}: cannot be read: {error.strerror}") from error
    try:
        return SealedFile(content, *unseal(content))
    except ValueError as error:
        raise refused(path, str(error)) from error


def refused(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"{printable(str(path))}: model refused: {printable(reason, 300)}\n"
        "write it anew: striate export MODEL --to onnx"
    )


def _open(path: Path, threads: int) -> SealedSession:
    """What the file says of itself is checked before a runtime is given any of it."""
    file = read_sealed(path)
    return SealedSession(file, runtimes.open_session(file.content, threads))
