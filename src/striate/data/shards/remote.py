"""Shards in an object store, read by byte ranges through fsspec.

The index is downloaded once per run; the shards stay remote.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from striate.cache_store import spare_folders
from striate.data.shards.format import ABOUT, INDEX, PATHS
from striate.errors import DataError, StorageError, printable

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+)")
_PACKED = "expected a folder that `striate pack` wrote"
_ON_DISK = ("file", "local")  #: schemes whose address is an absolute path


def remote_address(place: str | Path) -> str | None:
    """Return the address, as in s3://bucket/shards; None for a path.

    A Path collapses the two slashes of an address to one.
    """
    found = _ADDRESS.fullmatch(str(place))
    if found is None or os.path.exists(place):  # noqa: PTH110 - never raises
        return None
    scheme, rest = found.groups()
    return f"{scheme}://{'/' if scheme in _ON_DISK else ''}{rest.rstrip('/')}"


def refuse_web(place: str | Path) -> None:
    """Raises DataError for a web address: images are not downloaded from there."""
    found = remote_address(place) or ""
    if found.startswith(("http://", "https://")):
        raise DataError(
            f"{printable(found)}: images are not fetched from the web; "
            "download it and give the file"
        )


def holds_shards(address: str) -> bool:
    """Return whether `striate pack` wrote what is at an address. Raises DataError."""
    store, root = open_store(address)
    with answered(address):
        return bool(store.exists(f"{root}/{ABOUT}"))


def fetch(address: str) -> Path:
    """Download the index of the shards at an address to a temporary folder.

    Raises DataError if the address is unreachable, StorageError if there is no disk space.
    """
    open_store(address)
    folder = next(spare_folders(), None)
    if folder is None:
        raise StorageError(f"{printable(address)}: no place for its index; set TMPDIR")
    for name in (ABOUT, INDEX, PATHS):
        fetch_file(address, name, folder)
    return folder


def fetch_file(address: str, name: str, folder: Path) -> None:
    """Download one more file of the shards at an address to the folder of `fetch`."""
    store, root = open_store(address)
    with answered(f"{address}/{name}"):
        store.get_file(f"{root}/{name}", str(folder / name))


def size(file: str) -> int:
    """Return the bytes of a file at an address. Raises DataError."""
    store, path = open_store(file)
    with answered(file):
        return int(store.info(path)["size"])


def open_store(address: str) -> tuple[Any, str]:
    """Return the store of an address and the path in it. Raises DataError without its package."""
    import fsspec  # imported lazily: takes 0.1 s, and only addresses need it

    try:
        return fsspec.url_to_fs(address)
    except ImportError as error:  # its message names the package
        raise DataError(f"{printable(address)}: {error}") from error
    except ValueError as error:
        raise DataError(f"{printable(address)}: no such kind of address; {error}") from error


@contextlib.contextmanager
def answered(address: str, advice: str = _PACKED) -> Generator[None]:
    """Convert any exception of a store to DataError; every store has its own."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{printable(address)}: no such file; {advice}") from error
    except Exception as error:
        said = printable(str(error) or type(error).__name__, 200)
        raise DataError(f"{printable(address)}: {said}; look at the address and the key") from error
