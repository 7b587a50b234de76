"""Images in an object store, listed folder by folder as they are needed.

fsspec knows the stores: s3://, gs://, az:// and others, each by a package of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from striate.data.readers.entries import companion, hidden
from striate.data.readers.patterns import has_pattern
from striate.data.shards.remote import answered, open_store

_EXPECTED = "expected an image, or a folder of images"


def list_remote(address: str) -> Iterator[tuple[str, int]]:
    """Yield the address and the bytes of each candidate at an address, by the rules of a folder.

    Files come before subfolders, by code point, as in `list_unlabeled`; a file stands for itself,
    and `*`, `?`, `[...]` and ** in an address for names. Raises DataError for an address that is
    not there, or a store that does not answer.
    """
    store, root = open_store(address)
    with answered(address, _EXPECTED):
        if has_pattern(root):
            found = store.glob(root, detail=True)
            entries = [found[name] for name in sorted(found)]
            yield from _files(store, entries, "")
            return
        entries = store.ls(root, detail=True)
        if [entry["name"] for entry in entries] == [root]:  # a file
            yield _told(store, entries[0])
            return
        yield from _inside(store, root, entries)


def _inside(store: Any, folder: str, entries: list[Any]) -> Iterator[tuple[str, int]]:
    """Yield the candidates of a folder, which has these entries, and of those inside it."""
    store.invalidate_cache(folder)  # else the listings of all folders stay in memory
    entries = sorted(entries, key=lambda entry: entry["name"])
    yield from _files(store, entries, folder)
    for entry in entries:
        place = entry["name"].rstrip("/")
        if entry["type"] == "directory" and place != folder and not hidden(_name(place)):
            yield from _inside(store, place, store.ls(place, detail=True))


def _files(store: Any, entries: list[Any], folder: str) -> Iterator[tuple[str, int]]:
    for entry in entries:
        name = _name(entry["name"])
        if entry["type"] == "directory" or entry["name"] == folder:
            continue
        if name and not hidden(name) and not companion(name):
            yield _told(store, entry)


def _told(store: Any, entry: Any) -> tuple[str, int]:
    return str(store.unstrip_protocol(entry["name"])), int(entry["size"] or 0)


def _name(place: str) -> str:
    return place.rpartition("/")[2]
