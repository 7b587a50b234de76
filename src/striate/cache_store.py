"""The size of the cache: what lies in it, and which packs go when there is too much of it.

The pack that was used the longest ago goes first. Whoever uses a pack holds a shared lock on its
folder, which the kernel drops with the process; a pack is removed under an exclusive one.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from striate import storage
from striate.errors import BusyError, OptionError

LOCK = "lock"  #: held by whoever builds in a folder, until it is published
_HASHED_BYTES = 1 << 24
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_ABANDONED_SECONDS = 60.0


def default_folder() -> Path:
    """Where the cache lies; STRIATE_CACHE or XDG_CACHE_HOME may name another place."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    usual = Path(os.environ.get("STRIATE_CACHE") or Path(home) / "striate")
    with contextlib.suppress(RuntimeError):  # nobody knows where home is
        return usual.expanduser()
    return usual


def cache_folder(given: Path | None) -> Path:
    """The folder for all that can be made again: the chosen or the usual one.

    Raises StorageError when it cannot be written.
    """
    folder = default_folder() if given is None else given
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


def file_digest(path: Path) -> str:
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


ABOUT = "about.json"  #: what a pack was made of
_USUAL_BYTES = 50 * 10**9


@dataclass(frozen=True)
class CacheEntry:
    """A pack in the cache."""

    folder: Path
    bytes: int
    used: float  #: when a run last opened it, in seconds since 1970
    busy: bool  #: a living process uses it
    about: str  #: the images it was made of

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder)}


def list_entries(cache: Path) -> list[CacheEntry]:
    """The packs of a cache, those used the longest ago first."""
    found: list[CacheEntry] = []
    for folder in cache.iterdir() if cache.is_dir() else ():
        with contextlib.suppress(OSError):  # it may vanish while we look
            if folder.is_dir() and folder.suffix != ".partial":
                size = sum(file.stat().st_blocks * 512 for file in folder.iterdir())
                used = folder.stat().st_mtime
                found.append(CacheEntry(folder, size, used, _busy(folder), _about(folder)))
    return sorted(found, key=lambda pack: (pack.used, pack.folder))


def size_limit(cache: Path) -> int:
    """Bytes that a cache may take: STRIATE_CACHE_GB, else 50 GB or half of what the disk has left.

    Raises OptionError when STRIATE_CACHE_GB is no size.
    """
    if asked := os.environ.get("STRIATE_CACHE_GB"):
        return parse_gigabytes(asked, "STRIATE_CACHE_GB")
    taken = sum(pack.bytes for pack in list_entries(cache))
    return min(_USUAL_BYTES, (taken + shutil.disk_usage(cache).free) // 2)


def parse_gigabytes(text: str, name: str) -> int:
    """Bytes of a size in gigabytes. Raises OptionError when the text is none."""
    with contextlib.suppress(ValueError, OverflowError):
        if (size := int(float(text) * 10**9)) >= 0:
            return size
    raise OptionError(f"{name} must be a size in gigabytes, as in 2.5, but {text!r} came")


def evict(cache: Path, most: int) -> list[CacheEntry]:
    """Remove packs until the others take at most so many bytes; the packs that were removed.

    One that a living process uses stays.
    """
    sweep(cache)
    packs, removed = list_entries(cache), list[CacheEntry]()
    total = sum(pack.bytes for pack in packs)
    for pack in packs:
        if total > most and _removed(pack.folder):
            total -= pack.bytes
            removed.append(pack)
    return removed


def reserve(cache: Path, needed: int) -> None:
    """Make room for a pack of so many bytes, by limit and by disk."""
    taken = sum(pack.bytes for pack in list_entries(cache))
    free = shutil.disk_usage(cache).free
    evict(cache, max(0, min(size_limit(cache), taken + free) - needed))


def acquire(folder: Path) -> int | None:
    """Keep a pack from being removed until the descriptor is closed; None where there is none."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    with contextlib.suppress(OSError):  # disks without locks, and those one may only read
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        os.utime(folder)
    return descriptor


def describe(folder: Path, about: str) -> None:
    """Write down what a pack was made of."""
    storage.write(folder / ABOUT, json.dumps({"images": about}))


def _about(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return str(storage.read_json(folder / ABOUT).get("images", ""))
    return ""


def _busy(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _removed(folder: Path) -> bool:
    """Remove a pack unless it is in use. Under another name first: a kill leaves no half pack."""
    going = folder.with_name(f"{folder.name}.{os.getpid()}-{time.monotonic_ns()}.partial")
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder.rename(going)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    shutil.rmtree(going, ignore_errors=True)
    return True
