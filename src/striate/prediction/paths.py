"""Files that a path stands for: itself, or those of a folder, pattern, archive or shards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from itertools import chain
from pathlib import Path

from striate.data.cache.read_files import File
from striate.data.decoding.files import Refused, RefusedError
from striate.data.decoding.opening import form_of
from striate.data.listing.listing import Listing
from striate.data.listing.samples import os_reason
from striate.data.readers.patterns import has_pattern, match_paths
from striate.data.readers.remote_images import list_remote
from striate.data.readers.tar_archives import OPENERS, list_tar
from striate.data.readers.unlabeled import list_unlabeled, split_names
from striate.data.readers.zip_archives import list_zip
from striate.data.shards.reader import is_shards, read_shards
from striate.data.shards.remote import holds_shards, refuse_web, remote_address
from striate.errors import DataError, printable

_BLOCK = 1 << 16
_STDIN = "standard input"


def expand(path: Path) -> Iterable[File]:
    """Return a file, or those that a folder, pattern, archive or URL stands for, in order.

    They are looked for as they are needed, the first one at once. Raises DataError without any.
    """
    shown = printable(str(path))
    # Path.is_dir raises for an unreadable parent; an unreadable folder becomes an error row.
    if os.path.isdir(path) and os.access(path, os.R_OK | os.X_OK):  # noqa: PTH112
        if is_shards(path):
            return _packed(read_shards(path), str(path))
        files = (File(path / name, str(path / name)) for name in list_unlabeled(path))
        return some(files, f"{shown}: no images in this folder; give one that holds some")
    if home := remote_address(path):
        refuse_web(home)
        return _remote(path, home)
    if not os.path.lexists(path):
        if not has_pattern(str(path)):
            raise DataError(f"{shown}: no such file or folder")
        found = chain.from_iterable(expand(Path(name)) for name in match_paths(str(path)))
        return some(found, f"{shown}: no file is called like this")
    if path.is_file() and path.name.lower().endswith((".zip", ".tar", *OPENERS)):
        otherwise = f"{shown}: no images in this archive; give one that holds some"
        return some(_archived(path), otherwise)
    return [File(path, str(path))]


def some(files: Iterable[File], otherwise: str) -> Iterable[File]:
    """Return the files, of which only the first is looked for. Raises DataError without any."""
    left = iter(files)
    first = next(left, None)
    if first is None:
        raise DataError(otherwise)
    return chain([first], left)


def read_names(stream: BufferedIOBase) -> Iterable[File]:
    """Return the files whose names a stream holds, with line breaks or NULs between them.

    Names are taken as they are. Raises DataError without any, and for an image instead of names.
    """
    first = block = stream.read1(_BLOCK)
    while block and len(first) < _BLOCK and b"\0" not in first and b"\n" not in first:
        block = stream.read1(_BLOCK)
        first += block
    with contextlib.suppress(RefusedError):
        form = form_of(first)
        raise DataError(
            f"{_STDIN}: expected names of files, but a {form} came; give the file instead"
        )
    blocks = chain([first], iter(lambda: stream.read1(_BLOCK), b""))
    names = split_names(blocks, b"\0" if b"\0" in first else b"\n")
    files = (File(Path(name), name) for name in map(os.fsdecode, names) if name)
    return some(files, f"{_STDIN}: no names came")


def _archived(path: Path) -> Iterator[File]:
    try:
        if path.suffix.lower() == ".zip":
            for name, place in list_zip(path):
                yield File(place, f"{path}/{name}")
        else:
            for name, place, held in list_tar(path):
                yield File(place, f"{path}/{name}" if name else str(path), held=held)
    except OSError as error:
        raise DataError(f"{printable(str(path))}: {os_reason(error)}") from error


def _remote(path: Path, home: str) -> Iterable[File]:
    """Return the images at an address; an empty file has no bytes that a store could send."""
    if not has_pattern(home) and holds_shards(home):
        return _packed(read_shards(path, home), home)
    found = (
        File((file, 0, size) if size else Refused("empty", ""), file)
        for file, size in list_remote(home)
    )
    return some(found, f"{printable(home)}: no images at this address; give one that holds some")


def _packed(listing: Listing, home: str) -> Iterable[File]:
    shards = listing.shards
    assert shards is not None
    return (
        File(shards.locate(row), f"{home}/{sample.path}", shards.table["digest"][row].tobytes())
        for row, sample in enumerate(listing.samples)
    )
