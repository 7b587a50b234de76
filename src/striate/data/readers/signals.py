"""Class folders of signals: files of CSV or NPY stand where images stand in folders of images.

A file is one signal; its content is read later. Only what is no signal by its suffix, and no
companion, tells that a folder is of images.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from striate.data.listing.listing import Listing
from striate.data.readers.entries import companion, hidden, suffix
from striate.data.signals.signal_file import SUFFIXES


def hold_signals(place: str, folders: Sequence[str]) -> bool:
    """Return whether class folders hold signals and nothing that may be an image."""
    found = False
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
                    elif suffix(entry.name) in SUFFIXES:
                        found = True
                    elif not companion(entry.name):
                        return False
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
