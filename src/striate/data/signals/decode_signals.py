"""Decodes all signals of a listing: a record for each, its samples on request."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Record
from striate.data.signals.letters import END, LETTERS
from striate.data.signals.signal_file import SignalError, read_signal_file, whole_signal
from striate.data.signals.signal_input import SignalInput

_MOST_HEADERS = 200  #: signals that tell what is usual


class Usual(NamedTuple):
    """Length and channels that most signals have."""

    length: int
    channels: int


def read_signal(listing: Listing, row: int) -> NDArray[Any]:
    """Return a signal of a listing, (L, C), or the codes of a sequence, (L, 1).

    Raises SignalError for what is none.
    """
    if listing.arrays is None:
        return read_signal_file(listing.root / listing.samples.path(row))
    if listing.inputs == "sequence":
        codes = listing.arrays[row]
        return codes[: np.count_nonzero(codes != END)]
    return whole_signal(listing.arrays[row])


def find_usual(records: Sequence[Record]) -> Usual:
    """Return the most frequent channels, and the length of those that have them.

    That is the most frequent one if half of them have it, else the longest.
    """
    seen = [record for record in records if record.usable]
    if not seen:
        return Usual(1, 1)
    channels = Counter(record.channels for record in seen).most_common(1)[0][0]
    lengths = Counter(record.width for record in seen if record.channels == channels)
    length, count = lengths.most_common(1)[0]
    return Usual(length if 2 * count >= lengths.total() else max(lengths), channels)


def read_signal_headers(listing: Listing) -> list[Record]:
    """Return records with length and channels only, of up to 200 evenly spaced signals."""
    count = len(listing.samples)
    return [
        _recorded(listing, row)[0] for row in range(count)[:: max(1, -(-count // _MOST_HEADERS))]
    ]


def decode_signals(
    listing: Listing, preprocess: Preprocess | None, rows: Path | None
) -> Generator[tuple[int, Record]]:
    """Read every signal and yield (index, record); signal i becomes row i of the .npy file `rows`.

    A signal of other channels than the network takes, or most have, is unusable.
    """
    if isinstance(preprocess, SignalInput):
        usual = Usual(preprocess.size, preprocess.channels)
    else:
        usual = find_usual(read_signal_headers(listing))
    out = None if rows is None else np.load(rows, mmap_mode="r+")
    for row in range(len(listing.samples)):
        record, signal = _recorded(listing, row)
        if signal is not None:
            record = _compared(record, signal, usual, listing.samples.path(row), listing.inputs)
        if out is not None and record.usable and isinstance(preprocess, SignalInput):
            assert signal is not None
            out[row] = preprocess.fit_signal(signal)
        yield row, record


def _recorded(listing: Listing, row: int) -> tuple[Record, NDArray[Any] | None]:
    """Return the record of a signal, and the signal; None if it cannot be used."""
    path = listing.samples.path(row)
    try:
        signal = read_signal(listing, row)
    except SignalError as error:
        return Record(findings=(Finding(error.kind, path, error.detail),)), None
    digest = hashlib.sha256(repr(signal.shape).encode() + signal.tobytes()).hexdigest()
    channels = len(LETTERS) if listing.inputs == "sequence" else signal.shape[1]
    return Record(digest, len(signal), 1, channels), signal


def _compared(record: Record, signal: NDArray[Any], usual: Usual, path: str, inputs: str) -> Record:
    """Return the record with what is odd about the signal, beside those of usual shape."""
    if record.channels != usual.channels:
        what = f"{record.channels}, not {usual.channels}"
        return Record(findings=(Finding("other channels", path, what),))
    found = tuple(_odd(record, signal, usual, path, inputs))
    return Record(record.digest, record.width, 1, record.channels, found)


def _odd(
    record: Record, signal: NDArray[Any], usual: Usual, path: str, inputs: str
) -> Iterator[Finding]:
    unit = "letters" if inputs == "sequence" else "samples"
    if record.width != usual.length:
        yield Finding("other length", path, f"{record.width:,} {unit}, not {usual.length:,}")
    still = np.flatnonzero((signal == signal[0]).all(axis=0))
    if len(still) and len(signal) > 1 and inputs == "signal":
        every = len(still) == signal.shape[1]
        some = "all channels" if every else f"channels {', '.join(map(str, (still + 1).tolist()))}"
        yield Finding("constant", path, some if signal.shape[1] > 1 else "")
