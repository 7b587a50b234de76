"""Shards in an object store: an address in place of a folder, read by ranges through fsspec.

The index is fetched once for a run; the shards stay where they are.
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
_ON_DISK = ("file", "local")  #: schemes whose address is a path from the root


def remote_address(place: str | Path) -> str | None:
    """The address that is meant, as in s3://bucket/shards; None where it is a path.

    A Path has one slash left where an address has two.
    """
    found = _ADDRESS.fullmatch(str(place))
    if found is None or os.path.exists(place):  # noqa: PTH110 - never raises
        return None
    scheme, rest = found.groups()
    return f"{scheme}://{'/' if scheme in _ON_DISK else ''}{rest.rstrip('/')}"


def refuse_web(place: str | Path) -> None:
    """Raises DataError for an address of the web: no image is fetched from there."""
    found = remote_address(place) or ""
    if found.startswith(("http://", "https://")):
        raise DataError(
            f"{printable(found)}: images are not fetched from the web; "
            "download it and give the file"
        )


def fetch(address: str) -> Path:
    """A folder of this process with the index of the shards at an address.

    Raises DataError where nothing can be had from there, StorageError where there is no room.
    """
    store, root = _store(address)
    folder = next(spare_folders(), None)
    if folder is None:
        raise StorageError(f"{printable(address)}: no place for its index; set TMPDIR")
    for name in (ABOUT, INDEX, PATHS):
        with _answered(f"{address}/{name}"):
            store.get_file(f"{root}/{name}", str(folder / name))
    return folder


def size(file: str) -> int:
    """Bytes of a file at an address. Raises DataError."""
    store, path = _store(file)
    with _answered(file):
        return int(store.info(path)["size"])


def _store(address: str) -> tuple[Any, str]:
    import fsspec  # takes a tenth of a second, and only those who name an address need it

    try:
        return fsspec.url_to_fs(address)
    except ImportError as error:  # it names the package
        raise DataError(f"{printable(address)}: {error}") from error
    except ValueError as error:
        raise DataError(f"{printable(address)}: no such kind of address; {error}") from error


@contextlib.contextmanager
def _answered(address: str) -> Generator[None]:
    """Every store has errors of its own: whatever it raises, nothing was to be had."""
    try:
        yield
    except FileNotFoundError as error:
        advice = "expected a folder that `striate pack` wrote"
        raise DataError(f"{printable(address)}: no such file; {advice}") from error
    except Exception as error:
        said = printable(str(error) or type(error).__name__, 200)
        raise DataError(f"{printable(address)}: {said}; look at the address and the key") from error
