"""Reader of a folder of arrays: `x.npy` and `y.npy`, or as the arrays of an .npz file are called.

x.npy, y.npy                      also X and Y, data and labels, images and labels
x_train.npy, y_train.npy, ...     splits
train/x.npy, train/y.npy, ...     the same
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from striate.data.listing.listing import Listing
from striate.data.listing.samples import os_reason
from striate.data.listing.split_names import split_of
from striate.data.readers.arrays import LARGEST
from striate.data.readers.entries import suffix
from striate.data.readers.npz import PAIRS, find_pairs, list_arrays
from striate.data.signals.signal_file import SignalError, read_npy
from striate.errors import DataError, printable

_SUFFIX = ".npy"


def read_array_folder(place: Path, folders: Sequence[str], files: Sequence[str]) -> Listing | None:
    """List the arrays of a folder; None if it has none that belong together.

    Raises DataError for arrays that do not fit each other.
    """
    found = dict(_find(place, folders, files))
    known = [pair for pair in PAIRS if pair.images in found or pair.labels in found]
    whole = any(pair.images in found and pair.labels in found for pair in known)
    if not whole and (folders or not known):
        return None
    pairs = find_pairs(place, found)
    wanted = {name for pair in pairs for name in pair[:2]} | ({"class_names"} & found.keys())
    if sum(found[name].stat().st_size for name in wanted) > LARGEST:
        raise DataError(
            f"{printable(str(place))}: its arrays do not fit into memory; save the images as files"
        )
    arrays = {name: _read(found[name]) for name in sorted(wanted)}
    return list_arrays(place, "NPY arrays", pairs, arrays, place.name)


def _find(place: Path, folders: Sequence[str], files: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yield the name of each array, in small letters and with its split, and its file."""
    for name in files:
        if suffix(name) == _SUFFIX:
            yield Path(name).stem.lower(), place / name
    for folder in folders:
        if split := split_of(folder):
            for file in sorted((place / folder).glob(f"*{_SUFFIX}")):
                yield f"{file.stem.lower()}_{split}", file


def _read(file: Path) -> NDArray[Any]:
    try:
        return read_npy(file)
    except SignalError as error:
        raise DataError(f"{printable(str(file))}: {error.kind}: {error.detail}") from error
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
