"""One signal from its file: a CSV of its samples, or a NumPy array of plain numbers."""

from __future__ import annotations

import io
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from striate.data.listing.samples import os_reason
from striate.storage import ARRAY_DAMAGE

#: suffixes of files that hold a signal
SUFFIXES = frozenset((".csv", ".npy", ".tsv", ".txt"))
MOST_CHANNELS = 255
LARGEST = 256 * 2**20  #: bytes of a file
#: headings of columns that only number the samples, or say when they were taken
_NUMBERING = frozenset(("", "t", "time", "index", "sample", "timestamp", "seconds", "unnamed: 0"))


class SignalError(ValueError):
    """Why a file is no signal: a kind of `UNUSABLE`, and details."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail


def read_signal_file(file: Path) -> NDArray[np.float32]:
    """Return the signal of a file, (L, C). Raises SignalError."""
    try:
        size = file.stat().st_size
        if not size:
            raise SignalError("empty")
        if size > LARGEST:
            raise SignalError("huge", f"{size / 2**20:,.0f} MiB")
        if file.suffix.lower() == ".npy":
            return check_signal(read_npy(file))
        return check_signal(_parse(file.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise SignalError("unreadable", os_reason(error)) from error
    except UnicodeDecodeError as error:
        raise SignalError("not a signal", "not UTF-8 text") from error


def check_signal(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return a signal (L,) or (L, C) as (L, C). Raises SignalError for what is none."""
    if values.ndim == 1:
        values = values[:, np.newaxis]
    elif values.ndim == 2 and len(values) == 1:
        values = values.T
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        what = f"{values.dtype} of shape {values.shape}, expected numbers (samples, channels)"
        raise SignalError("not a signal", what)
    if not values.size:
        raise SignalError("empty", "no samples")
    if values.shape[1] > MOST_CHANNELS:
        what = f"{values.shape[1]:,} channels, at most {MOST_CHANNELS} are taken"
        hint = "; turn it: samples are rows" if len(values) < values.shape[1] else ""
        raise SignalError("not a signal", what + hint)
    signal = values.astype(np.float32)
    finite = np.isfinite(signal).all(axis=1)
    if not finite.all():
        first, count = int(np.flatnonzero(~finite)[0]), int((~finite).sum())
        more = f", {count:,} in all" if count > 1 else ""
        raise SignalError("not a number", f"sample {first + 1:,} of {len(signal):,}{more}")
    return signal


def whole_signal(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return a signal (L, C) without the NaN behind it, which is of longer ones beside it.

    Raises SignalError.
    """
    there = np.flatnonzero(~np.isnan(values).all(axis=1))
    return check_signal(values[: there[-1] + 1 if len(there) else 0])


def read_npy(file: Path) -> NDArray[Any]:
    """Read an array whose size its header says truly; never objects, which are pickled.

    Raises SignalError, OSError.
    """
    with file.open("rb") as stream:
        raw = bytearray(stream.read())
    start = 10 + int.from_bytes(raw[8:10], "little")
    if raw[6:7] > b"\1":
        start = 12 + int.from_bytes(raw[8:12], "little")
    try:
        shape, fortran, dtype = _parse_header(bytes(raw[:start]))
    except (*ARRAY_DAMAGE, EOFError) as error:
        raise SignalError("not a signal", "no NumPy array") from error
    if dtype.hasobject:
        raise SignalError("not a signal", "holds Python objects; save plain numbers")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(raw) - start:
        raise SignalError("truncated", f"its header says {dtype} of shape {shape}")
    return np.ndarray(shape, dtype, raw, start, order="F" if fortran else "C")


@lru_cache(64)  # files of a folder have one header, and parsing it takes longer than reading
def _parse_header(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    stream = io.BytesIO(head)
    first = npy.read_magic(stream) == (1, 0)
    return (npy.read_array_header_1_0 if first else npy.read_array_header_2_0)(stream)


def _parse(text: str) -> NDArray[np.float64]:
    """Return the numbers (L, C) of a text with a line for each sample; one line alone is turned.

    An empty cell is NaN. A heading may stand above; a column that numbers the samples is left out.
    """
    if (column := _parse_column(text)) is not None:
        return column
    lines = [(at, line) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise SignalError("empty", "no samples")
    heads = [] if _is_numeric(lines[0][1]) else _cells(lines.pop(0)[1])
    rows = [_numbers(at, line) for at, line in lines]
    if not rows:
        raise SignalError("empty", "a heading, but no samples")
    for (at, _), row in zip(lines, rows, strict=True):
        if len(row) != len(rows[0]):
            what = f"line {at:,} has {len(row):,} values, the first {len(rows[0]):,}"
            raise SignalError("not a signal", what)
    table = np.array(rows, np.float64)
    if heads and len(heads) == table.shape[1] > 1 and heads[0].lower() in _NUMBERING:
        table = table[:, 1:]
    return table


def _parse_column(text: str) -> NDArray[np.float64] | None:
    """Return the numbers (L, 1) of a text with nothing but one in each line; None for others.

    It is seven times as fast as reading line by line.
    """
    words = text.split()
    if " " in text or "\t" in text or len(words) != len(text.splitlines()):
        return None
    try:
        return np.array(list(map(float, words)), np.float64)[:, np.newaxis]
    except ValueError:
        return None


def _cells(line: str) -> list[str]:
    delimiter = next((mark for mark in ",;\t" if mark in line), None)
    return [cell.strip().strip('"') for cell in line.split(delimiter)]


def _is_numeric(line: str) -> bool:
    try:
        _numbers(1, line)
    except SignalError:
        return False
    return True


def _numbers(at: int, line: str) -> list[float]:
    cells = _cells(line)
    try:
        return [float(cell or "nan") for cell in cells]
    except ValueError:
        wrong = next(cell for cell in cells if cell and not _is_float(cell))
        raise SignalError("not a signal", f"line {at:,} has {wrong[:40]!r}") from None


def _is_float(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
