"""Class folders of signals: files of CSV or NPY stand where images stand in folders of images.

A file is one signal; its content is read later. What is no signal by its suffix, and no companion,
tells that a folder is of images.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from striate.data.listing.listing import Listing
from striate.data.readers.entries import companion, hidden, suffix
from striate.data.readers.sequences import is_sequence_file
from striate.data.signals.signal_file import SUFFIXES
from striate.data.signals.wfdb import HEADER


def find_inputs(place: str, folders: Sequence[str]) -> str:
    """Return what class folders hold: "signal" or "sequence" if it is nothing but these.

    "record" where a header of WFDB stands beside something that may be an image.
    """
    found = "image"
    waiting = [f"{place}/{name}" for name in folders]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(inside) as entries:
                for entry in entries:
                    if hidden(entry.name) or entry.is_symlink():
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif is_sequence_file(entry.name):
                        found = "sequence"
                    elif suffix(entry.name) in SUFFIXES:
                        found = "signal" if found == "image" else found
                    elif not companion(entry.name):
                        beside = f"{inside}/{entry.name.rpartition('.')[0]}{HEADER}"
                        return "record" if os.path.isfile(beside) else "image"  # noqa: PTH113
        except OSError:
            continue
    return found


def as_signals(listing: Listing) -> Listing:
    """Return a listing of files, told to be signals where their suffixes are those of signals."""
    files = listing.arrays is None and listing.shards is None and listing.masks is None
    if not files or not len(listing.samples):
        return listing
    signals = all(suffix(sample.path) in SUFFIXES for sample in listing.samples)
    return replace(listing, inputs="signal") if signals else listing
