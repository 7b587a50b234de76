"""Records of PhysioNet's WFDB: a header in text, beside it the files of samples that it names.

    100.hea      100 2 360 650000
                 100.dat 212 200(1024)/mV 11 1024 995 -22131 0 MLII
                 100.dat 212 200(1024)/mV 11 1024 1011 20052 0 V5

Formats: https://physionet.org/physiotools/wag/header-5.htm and signal-5.htm
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.samples import os_reason
from striate.data.signals.signal_file import LARGEST, SignalError

HEADER = ".hea"
_RECORD = re.compile(r"(\S+?)(/\d+)?\s+(\d+)(?:\s+(\d+(?:\.\d+)?)\S*(?:\s+(\d+))?)?(?:\s.*)?")
_FORMAT = re.compile(r"(\d+)(x\d+)?(:\d+)?(?:\+(\d+))?")
_GAIN = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:\((-?\d+)\))?(?:/(\S+))?", re.IGNORECASE)
_RATE, _GAIN_UNLESS_TOLD = 250.0, 200.0  #: as the format has them where a header says nothing
_MILLIVOLTS = {"uV": 1e-3, "µV": 1e-3, "V": 1e3}


class Lead(NamedTuple):
    """A signal of a record: what a line of its header says."""

    line: int
    file: str
    format: str
    skipped: int  #: bytes at the beginning of the file
    scale: float  #: millivolts, or the unit that is told, of a step
    baseline: int  #: sample of 0 millivolts
    checksum: int | None
    name: str


class Header(NamedTuple):
    """What the header of a record says."""

    file: Path
    rate: float  #: samples a second
    length: int  #: samples of each lead; 0: not told
    leads: tuple[Lead, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(lead.name for lead in self.leads)


def read_header(file: Path) -> Header:
    """Return what a header says. Raises SignalError with the line that is none."""
    try:
        text = file.read_text("utf-8-sig", "replace")
    except OSError as error:
        raise SignalError("unreadable", os_reason(error)) from error
    numbered = [(at, line.strip()) for at, line in enumerate(text.splitlines(), 1)]
    lines = [(at, line) for at, line in numbered if line and not line.startswith("#")]
    if not lines:
        raise SignalError("empty", "no record")
    at, first = lines[0]
    found = _RECORD.fullmatch(first)
    if found is None:
        _refuse(at, f"expected a name, a number of leads and a rate, found {first[:40]!r}")
    if found[2]:
        raise SignalError("unsupported", f"line {at}: a record of several segments")
    count, rate, length = int(found[3]), float(found[4] or _RATE), int(found[5] or 0)
    if len(lines) - 1 < count or not count or not rate:
        _refuse(at, f"{count} leads at {rate:g} Hz, and lines of {len(lines) - 1} follow")
    leads = tuple(_parse_lead(at, line) for at, line in lines[1 : 1 + count])
    return Header(file, rate, length, leads)


def _parse_lead(at: int, line: str) -> Lead:
    file, *cells = line.split(maxsplit=8)
    found = _FORMAT.fullmatch(cells[0]) if cells else None
    gain = _GAIN.fullmatch(cells[1] if len(cells) > 1 else "0")
    whole = all(re.fullmatch(r"-?\d+", cell) for cell in cells[2:7])
    if found is None or gain is None or not whole or "/" in file:
        _refuse(at, f"expected a file, its format, gain and so on, found {line[:40]!r}")
    if found[1] not in _FORMATS or found[2] or found[3]:
        known = f"formats {', '.join(_FORMATS)} of one rate are read"
        raise SignalError("unsupported", f"line {at}: format {cells[0]}; {known}")
    zero = int(cells[3]) if len(cells) > 3 else 0
    return Lead(
        at, file, found[1], int(found[4] or 0),
        _MILLIVOLTS.get(gain[3] or "", 1.0) / (float(gain[1]) or _GAIN_UNLESS_TOLD),
        zero if gain[2] is None else int(gain[2]),
        int(cells[5]) if len(cells) > 5 else None,
        cells[7] if len(cells) > 7 else "",
    )  # fmt: skip


def read_samples(header: Header) -> NDArray[np.float32]:
    """Return the leads of a record (L, C) in millivolts, NaN where a sample is missing.

    Raises SignalError for a file that is not there, too short, or not as its checksum says.
    """
    columns = list[NDArray[np.float32]]()
    for name, group in groupby(header.leads, lambda lead: lead.file):
        leads = list(group)
        steps = _read_file(header, name, leads)
        columns += map(_convert, leads, steps.T)
    if len({len(column) for column in columns}) > 1:
        raise SignalError("not a signal", "its files have different lengths")
    return np.stack(columns, axis=1)


def _convert(lead: Lead, steps: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the steps of a converter (L,) as millivolts."""
    total = int(steps.sum(dtype=np.int64))
    if lead.checksum is not None and (total - lead.checksum) % 2**16:
        what = f"line {lead.line}: {lead.file} has the checksum {_signed(total)}, not"
        raise SignalError("damaged", f"{what} {lead.checksum}")
    values = (steps - float(lead.baseline)) * lead.scale
    lowest = -(2 ** (_FORMATS[lead.format].bits - 1))
    return np.where(steps == lowest, np.nan, values).astype(np.float32)


def _signed(total: int) -> int:
    return (total + 2**15) % 2**16 - 2**15


def _read_file(header: Header, name: str, leads: list[Lead]) -> NDArray[np.int32]:
    """Return the samples of a file (L, leads)."""
    first, kind = leads[0], _FORMATS[leads[0].format]
    place = f"line {first.line}: {name}"
    try:
        size = (header.file.parent / name).stat().st_size - first.skipped
        if size > LARGEST:
            raise SignalError("huge", f"{place} has {size / 2**20:,.0f} MiB")
        raw = (header.file.parent / name).read_bytes()[first.skipped :]
    except OSError as error:
        raise SignalError("no samples", f"{place}: {os_reason(error)}") from error
    length = header.length or 8 * len(raw) // (kind.bits * len(leads))
    needed = -(-length * len(leads) * kind.bits // 8)
    if len(raw) < needed or not length:
        raise SignalError("truncated", f"{place} has {len(raw):,} bytes, not {needed:,}")
    count = length * len(leads)
    return kind.unpack(np.frombuffer(raw[:needed], np.uint8))[:count].reshape(length, len(leads))


def _unpack_212(raw: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Two samples of 12 bits in three bytes; half of the middle one belongs to each."""
    low, middle, high = np.pad(raw, (0, -len(raw) % 3)).reshape(-1, 3).astype(np.int32).T
    pairs = np.stack([low | (middle & 15) << 8, high | (middle & 240) << 4], axis=1)
    return (pairs.reshape(-1) ^ 2048) - 2048


def _unpack_24(raw: NDArray[np.uint8]) -> NDArray[np.int32]:
    low, middle, high = raw.reshape(-1, 3).astype(np.int32).T
    return ((low | middle << 8 | high << 16) ^ 2**23) - 2**23


def _whole(dtype: str, zero: int = 0) -> Callable[[NDArray[np.uint8]], NDArray[np.int32]]:
    return lambda raw: raw.view(dtype).astype(np.int32) - zero


class _Format(NamedTuple):
    bits: int
    unpack: Callable[[NDArray[np.uint8]], NDArray[np.int32]]


_FORMATS = {
    "16": _Format(16, _whole("<i2")),
    "24": _Format(24, _unpack_24),
    "32": _Format(32, _whole("<i4")),
    "61": _Format(16, _whole(">i2")),
    "80": _Format(8, _whole("u1", 128)),
    "160": _Format(16, _whole("<u2", 2**15)),
    "212": _Format(12, _unpack_212),
}


def read_annotations(file: Path) -> Iterator[tuple[int, int]]:
    """Yield sample and code of each annotation of a file. Raises SignalError.

    A word of 16 bits holds six of the code, and ten of the samples since the last annotation.
    https://physionet.org/physiotools/wag/annot-5.htm
    """
    try:
        words = np.frombuffer(file.read_bytes()[: file.stat().st_size // 2 * 2], "<u2").tolist()
    except OSError as error:
        raise SignalError("no annotations", f"{file.name}: {os_reason(error)}") from error
    at, sample = 0, 0
    while at < len(words) and words[at]:
        code, value = words[at] >> 10, words[at] & 1023
        if code == _SKIP and at + 2 < len(words):
            long = words[at + 1] << 16 | words[at + 2]
            sample, at = sample + (long ^ 2**31) - 2**31, at + 2
        elif code == _TEXT:
            at += (value + 1) // 2
        elif code < _SKIP:
            sample += value
            yield sample, code
        at += 1
    if at >= len(words):
        raise SignalError("truncated", f"{file.name} ends without the mark of its end")


_SKIP, _TEXT = 59, 63


def _refuse(at: int, what: str) -> NoReturn:
    raise SignalError("not a record", f"line {at}: {what}")
