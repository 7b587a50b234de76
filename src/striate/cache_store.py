"""The size of the cache: what lies in it, and which packs go when there is too much of it.

The pack that was used the longest ago goes first. Whoever uses a pack holds a shared lock on its
folder, which the kernel drops with the process; a pack is removed under an exclusive one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from striate import storage
from striate.cache_dir import sweep
from striate.errors import OptionError

ABOUT = "about.json"  #: what a pack was made of
_USUAL_BYTES = 50 * 10**9


@dataclass(frozen=True)
class Kept:
    """A pack in the cache."""

    folder: Path
    bytes: int
    used: float  #: when a run last opened it, in seconds since 1970
    busy: bool  #: a living process uses it
    about: str  #: the pictures it was made of

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder)}


def kept(cache: Path) -> list[Kept]:
    """The packs of a cache, those used the longest ago first."""
    found: list[Kept] = []
    for folder in cache.iterdir() if cache.is_dir() else ():
        with contextlib.suppress(OSError):  # it may vanish while we look
            if folder.is_dir() and folder.suffix != ".partial":
                size = sum(file.stat().st_blocks * 512 for file in folder.iterdir())
                used = folder.stat().st_mtime
                found.append(Kept(folder, size, used, _busy(folder), _about(folder)))
    return sorted(found, key=lambda pack: (pack.used, pack.folder))


def limit(cache: Path) -> int:
    """Bytes that a cache may take: STRIATE_CACHE_GB, else 50 GB or half of what the disk has left.

    Raises OptionError when STRIATE_CACHE_GB is no size.
    """
    if asked := os.environ.get("STRIATE_CACHE_GB"):
        return gigabytes(asked, "STRIATE_CACHE_GB")
    taken = sum(pack.bytes for pack in kept(cache))
    return min(_USUAL_BYTES, (taken + shutil.disk_usage(cache).free) // 2)


def gigabytes(text: str, name: str) -> int:
    """Bytes of a size in gigabytes. Raises OptionError when the text is none."""
    with contextlib.suppress(ValueError, OverflowError):
        if (size := int(float(text) * 10**9)) >= 0:
            return size
    raise OptionError(f"{name} must be a size in gigabytes, as in 2.5, but {text!r} came")


def make_room(cache: Path, most: int) -> list[Kept]:
    """Remove packs until the others take at most so many bytes; the packs that were removed.

    One that a living process uses stays.
    """
    sweep(cache)
    packs, removed = kept(cache), list[Kept]()
    total = sum(pack.bytes for pack in packs)
    for pack in packs:
        if total > most and _removed(pack.folder):
            total -= pack.bytes
            removed.append(pack)
    return removed


def room_for(cache: Path, needed: int) -> None:
    """Make room for a pack of so many bytes, by limit and by disk."""
    taken = sum(pack.bytes for pack in kept(cache))
    free = shutil.disk_usage(cache).free
    make_room(cache, max(0, min(limit(cache), taken + free) - needed))


def hold(folder: Path) -> int | None:
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
    storage.write(folder / ABOUT, json.dumps({"pictures": about}))


def _about(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return str(storage.read_json(folder / ABOUT).get("pictures", ""))
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
