"""Folders that are built once and shared by processes: where they lie, how they get their name."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from striate import storage
from striate.errors import BusyError

LOCK = "lock"  #: held by whoever builds in a folder, until it is published
_HASHED_BYTES = 1 << 24
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_ABANDONED_SECONDS = 60.0


def usual_folder() -> Path:
    """Where the cache lies; STRIATE_CACHE or XDG_CACHE_HOME may name another place."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    usual = Path(os.environ.get("STRIATE_CACHE") or Path(home) / "striate")
    with contextlib.suppress(RuntimeError):  # nobody knows where home is
        return usual.expanduser()
    return usual


def cache_folder(chosen: Path | None) -> Path:
    """The folder for all that can be made again: the chosen or the usual one.

    Raises StorageError when it cannot be written.
    """
    folder = usual_folder() if chosen is None else chosen
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise storage.storage_error(folder, error, "choose another place") from error


def spare_folders() -> Iterator[Path]:
    """Folders that last as long as this process: among temporary files, then in memory."""
    for place in (Path(tempfile.gettempdir()), _MEMORY):
        with contextlib.suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix="striate-", dir=place))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            yield folder


def publish(partial: Path, home: Path, good: Callable[[Path], bool]) -> None:
    """Give a finished folder its name, unless another process was first with a good one."""
    for _ in range(3):
        try:
            partial.rename(home)
        except OSError:
            if good(home):
                return
            damaged = partial.with_name(f"damaged-{partial.name}")
            with contextlib.suppress(OSError):
                home.rename(damaged)
                if not damaged.is_dir():
                    damaged.unlink()
            shutil.rmtree(damaged, ignore_errors=True)
        else:
            return
    partial.rename(home)


def sweep(cache: Path) -> None:
    """Remove what killed processes left; whoever still builds in a folder holds its lock."""
    for partial in cache.glob("*.partial"):
        with contextlib.suppress(BusyError, OSError):
            if time.time() > partial.stat().st_mtime + _ABANDONED_SECONDS:
                with storage.lock(partial / LOCK, str(partial)):
                    shutil.rmtree(partial, ignore_errors=True)


def whole(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(path: Path) -> list[str]:
    """SHA-256 of each 16 MiB of a file, by several threads; 1.2 GB/s a processor (CRC-32: 2.3)."""
    with path.open("rb") as file:
        descriptor = file.fileno()

        def digest(start: int) -> str:
            return hashlib.sha256(os.pread(descriptor, _HASHED_BYTES, start)).hexdigest()

        starts = range(0, os.fstat(descriptor).st_size, _HASHED_BYTES)
        with ThreadPoolExecutor(max_workers=4) as pool:
            return list(pool.map(digest, starts))
