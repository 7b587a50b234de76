"""Safe reading of files that may be anything: a pipe, a device, a folder, ten gigabytes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import threading
import warnings
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

from striate.data.listing.samples import Piece


class RefusedError(Exception):
    """Excluded image: finding kind and detail."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail


_LOCAL_HEADER = 30  #: bytes, without the names behind it
_STORED, _DEFLATED = 0, 8
_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def read_content(path: Path | str, most: int) -> bytes:
    """Read a whole regular file. Raises RefusedError, also if it exceeds `most` bytes."""
    descriptor, size = _open(path)
    try:
        if size > most:
            detail = f"the file has {-(-size // 10**6):,} MB, the limit is {most // 10**6:,} MB"
            raise RefusedError("huge", detail)
        data = os.read(descriptor, size + 1)
        while len(data) < size and (more := os.read(descriptor, size - len(data))):
            data += more
    except OSError as error:
        raise _unreadable(error) from error
    finally:
        os.close(descriptor)
    return data


class Refused(NamedTuple):
    """Place of an image that is refused without being read: finding kind and detail."""

    kind: str
    detail: str


class ZipMember(NamedTuple):
    """Place of a member of a zip archive."""

    file: str
    start: int  #: of its local header
    packed: int  #: bytes
    method: int
    size: int
    crc: int


Place = Path | str | Piece | ZipMember | Refused


def read_bytes(path: Place | bytes, most: int) -> bytes:
    """Read what is at a place; bytes are returned. Raises RefusedError beyond `most` bytes."""
    if isinstance(path, bytes):
        return path
    if isinstance(path, Refused):
        raise RefusedError(*path)
    if isinstance(path, ZipMember):
        return _read_member(path, most)
    if not isinstance(path, tuple):
        return read_content(path, most)
    if path[2] > most:
        raise RefusedError("huge", f"{path[2]:,} bytes, the limit is {most // 10**6:,} MB")
    return read_piece(*path)


def _read_member(member: ZipMember, most: int) -> bytes:
    """Read a member of a zip archive, and inflate it to the size that it claims to have."""
    if (size := max(member.size, member.packed)) > most:
        raise RefusedError("huge", f"{size:,} bytes, the limit is {most // 10**6:,} MB")
    if member.method not in (_STORED, _DEFLATED):
        raise RefusedError("unsupported", f"packed by method {member.method}; unpack it first")
    head = read_piece(member.file, member.start, _LOCAL_HEADER)
    if head[:4] != b"PK\3\4":
        raise RefusedError("unreadable", "the archive is damaged")
    names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    data = read_piece(member.file, member.start + _LOCAL_HEADER + names, member.packed)
    if member.method == _DEFLATED:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
        except zlib.error as error:
            raise RefusedError("unreadable", f"the archive is damaged ({error})") from error
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise RefusedError("unreadable", "its bytes are not those packed")
    return data


def read_piece(path: Path | str, start: int, length: int) -> bytes:
    """Read a byte range of a regular file, or of one at an address such as s3://bucket/file.

    Raises RefusedError, also if the file is too short.
    """
    if isinstance(path, str) and "://" in path:
        return _whole(_far(path, start, length), length, path)
    descriptor, _ = _open(path)
    try:
        data = os.pread(descriptor, length, start)
        while len(data) < length and (
            more := os.pread(descriptor, length - len(data), start + len(data))
        ):
            data += more
    except OSError as error:
        raise _unreadable(error) from error
    finally:
        os.close(descriptor)
    return _whole(data, length, path)


def _far(address: str, start: int, length: int) -> bytes:
    import fsspec  # imported lazily: only addresses need it

    try:
        store, path = fsspec.url_to_fs(address)
        return store.cat_file(path, start=start, end=start + length)
    except Exception as error:  # every store has its own exceptions
        raise RefusedError("unreadable", f"{address}: {error}") from error


def _whole(data: bytes, length: int, path: Path | str) -> bytes:
    if len(data) < length:
        raise RefusedError("truncated", f"{path} ends before it does")
    return data


@contextlib.contextmanager
def check_regular(path: Path | str) -> Generator[BinaryIO]:
    """Open a regular file for reading. Raises RefusedError, also for errors inside the block."""
    descriptor, _ = _open(path)
    try:
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file
    except OSError as error:
        raise _unreadable(error) from error


def _open(path: Path | str) -> tuple[int, int]:
    """Return a descriptor and the size; non-blocking, as opening a pipe may block forever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise RefusedError("special file", "a socket") from error
        raise _unreadable(error) from error
    except ValueError as error:
        raise RefusedError("unreadable", "no file can have this name") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise RefusedError("special file", _SPECIAL.get(stat.S_IFMT(found.st_mode), ""))
    return descriptor, found.st_size


def _unreadable(error: OSError) -> RefusedError:
    return RefusedError("unreadable", (error.strerror or str(error)).lower())


_quiet = threading.Lock()
_silent = 0
_before: warnings.catch_warnings[None] | None = None


@contextlib.contextmanager
def silence() -> Generator[None]:
    """Suppress Pillow warnings while images are decoded, by any number of threads.

    Filters are per process: the first thread to enter sets them, the last to leave restores them.
    """
    global _silent, _before
    with _quiet:
        if _silent == 0:
            _before = warnings.catch_warnings()
            _before.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _silent += 1
    try:
        yield
    finally:
        with _quiet:
            _silent -= 1
            if _silent == 0 and _before is not None:
                _before.__exit__(None, None, None)
                _before = None


_heard = threading.Lock()


@contextlib.contextmanager
def complaints() -> Generator[list[str]]:
    """Capture what a library prints to stderr, a line each; filled when the block ends.

    The descriptor is per process: output of other threads is captured as well.
    """
    said: list[str] = []
    with _heard, scratch() as file, contextlib.ExitStack() as restored:
        with contextlib.suppress(OSError):  # stderr may be closed
            before = os.dup(2)
            restored.callback(os.close, before)
            restored.callback(os.dup2, before, 2)
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            restored.close()
            file.seek(0)
            said += file.read(10_000).decode(errors="replace").split("\n")[:-1]


def scratch() -> IO[bytes]:
    """Open a temporary file, in memory if possible, as disks may be full."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("striate"), "w+b")
    return tempfile.TemporaryFile()
