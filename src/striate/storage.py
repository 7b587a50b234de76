"""Files that are written whole or not at all, and locks that die with their process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Generator
from pathlib import Path

from striate.errors import BusyError, StorageError

_PARTIAL = ".partial"


def write(path: Path, content: bytes | str) -> None:
    """Write a file so that a kill or a full disk leaves the old content or the new, never a part.

    Order: a temporary file in the same folder, fsync, rename, fsync of the folder.
    Raises StorageError naming the path and the bytes needed.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    partial = path.with_name(path.name + _PARTIAL)
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise storage_error(path, error, f"{len(data):,} bytes are needed") from error


def copy(source: Path, target: Path) -> None:
    """Make target the same file as source was: linked where the disk can, else copied."""
    partial = target.with_name(target.name + _PARTIAL)
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        write(target, source.read_bytes())
        return
    partial.replace(target)
    _sync_folder(target.parent)


def make_folder(path: Path) -> Path:
    """Create the folder, or the first free of path-2, path-3, ...; what exists is not touched."""
    for number in range(1, 10_000):
        candidate = path if number == 1 else path.with_name(f"{path.name}-{number}")
        try:
            candidate.parent.mkdir(parents=True, exist_ok=True)
            candidate.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise storage_error(candidate, error, "choose another place with --out") from error
        return candidate
    raise StorageError(f"{path}: 9,999 folders of that name exist; choose another with --out")


def sweep(folder: Path) -> None:
    """Remove what killed writers left behind in a folder."""
    for leftover in folder.rglob("*" + _PARTIAL):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def lock(path: Path, what: str) -> Generator[None]:
    """Hold a file's lock while the block runs; the kernel drops it when the process dies.

    Raises BusyError, naming the process that holds it.
    """
    try:
        file = path.open("a+")
    except OSError as error:
        raise storage_error(path, error, "choose another place with --out") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise BusyError(f"{what} is in use by {holder}; wait, or stop it first") from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {os.uname().nodename}")
        file.flush()
        yield


def storage_error(path: Path, error: OSError, advice: str) -> StorageError:
    """The house's sentence for an operating-system error at a path."""
    what = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
    }.get(error.errno or 0, (error.strerror or str(error)).lower())
    return StorageError(f"{path}: {what}; {advice}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
