"""Signals to predict: files, folders, tables and arrays, in the given order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.samples import Finding
from striate.data.readers.npz import read_npz
from striate.data.readers.sequence_table import find_column, is_sequence_table
from striate.data.readers.sequences import checked, is_sequence_file, read_letters
from striate.data.readers.signal_table import is_signal_table, read_table, read_table_lines
from striate.data.readers.walk import list_files
from striate.data.signals.decode_signals import read_signal
from striate.data.signals.heart_beats import cut_beats
from striate.data.signals.letters import is_dna
from striate.data.signals.signal_file import (
    SUFFIXES,
    SignalError,
    check_signal,
    read_signal_file,
    whole_signal,
)
from striate.data.signals.signal_input import SignalInput
from striate.data.signals.wfdb import HEADER, read_header
from striate.errors import DataError, OptionError, printable

_EXPECTED = "expected (length,), (length, channels) or a batch (N, length, channels)"


@dataclass(frozen=True, slots=True)
class GivenSignal:
    """A signal to predict, (L, channels), or codes (L, 1); None with the finding that says why."""

    shown: str
    signal: NDArray[Any] | None
    findings: tuple[Finding, ...] = ()


def signal_sources(data: Iterable[Any], preprocess: Preprocess) -> Iterator[GivenSignal]:
    """Yield the signals of the data, of as many channels as the network takes.

    A table of a signal a row is for networks of one channel; its classes are not looked at. Raises
    DataError for a missing path, OptionError for what holds no signals.
    """
    return chain.from_iterable([_each(given, preprocess) for given in data])


def _each(given: Any, view: Preprocess) -> Iterable[GivenSignal]:
    if isinstance(given, str | os.PathLike):
        return _in_path(Path(given), view)
    if hasattr(given, "__array__"):
        return _in_array(np.asarray(given), view.channels)
    if isinstance(given, Iterable):
        return chain.from_iterable(_each(one, view) for one in given)
    kind = printable(type(given).__name__, 60)
    raise OptionError(f"expected a path, an array or a list of them, but {kind} came")


def _in_path(path: Path, view: Preprocess) -> Iterable[GivenSignal]:
    shown, channels = printable(str(path)), view.channels
    if path.is_dir():
        if headers := sorted(path.rglob(f"*{HEADER}")):
            return chain.from_iterable(_in_record(header, view) for header in headers)
        names = [name.removeprefix("./") for name in list_files(str(path), ".", [], signals=True)]
        files = [path / name for name in names if Path(name).suffix.lower() in SUFFIXES]
        if not files:
            raise DataError(f"{shown}: no signals in this folder; give one that holds some")
        return (_made(str(file), partial(read_signal_file, file), channels) for file in files)
    if not os.path.lexists(path):
        raise DataError(f"{shown}: no such file or folder")
    suffix = path.suffix.lower()
    if suffix == HEADER:
        return _in_record(path, view)
    if suffix == ".npz":
        listing = read_npz(path)
        paths = map(listing.samples.path, range(len(listing.samples)))
        read = (partial(read_signal, listing, row) for row in range(len(listing.samples)))
        return map(partial(_made, channels=channels), paths, read)
    if channels == 1 and suffix in SUFFIXES - {".npy"} and is_signal_table(path):
        table = read_table(path, length=view.size)
        shown_rows = (f"{path}#{row.line}" for row in table.rows)
        read = (partial(whole_signal, values) for values in table.signals)
        return map(partial(_made, channels=channels), shown_rows, read)
    return [_made(str(path), partial(read_signal_file, path), channels)]


def _in_record(path: Path, view: Preprocess) -> Iterator[GivenSignal]:
    """Yield the beats of a WFDB record, with as many samples around each as the network takes."""
    try:
        header = read_header(path)
        if isinstance(view, SignalInput) and (other := view.other_rate(header.rate)):
            raise SignalError("other rate", other)
        beats = cut_beats(header, view.size)
    except SignalError as error:
        yield GivenSignal(str(path), None, (Finding(error.kind, str(path), error.detail),))
        return
    for sample, _ in beats.kept:
        read = partial(check_signal, beats.window(sample))
        yield _made(f"{path}#{sample}", read, view.channels)


def _in_array(values: NDArray[Any], channels: int) -> Iterable[GivenSignal]:
    alone = values.ndim == 1 or (values.ndim == 2 and channels > 1) or values.shape[1:] == (1,)
    if alone:
        return [_made("array", partial(check_signal, values), channels)]
    if values.ndim not in (2, 3):
        raise OptionError(f"an array of shape {values.shape} is no signal; {_EXPECTED}")
    return (
        _made(f"array[{number}]", partial(check_signal, row), channels)
        for number, row in enumerate(values)
    )


def sequence_sources(data: Iterable[Any]) -> Iterator[GivenSignal]:
    """Yield the sequences of the data: paths of files and folders of them, and texts of letters.

    Raises DataError for a missing path or one without sequences, OptionError for anything else.
    """
    return chain.from_iterable(map(_each_sequence, data))


def _each_sequence(given: Any) -> Iterable[GivenSignal]:
    if isinstance(given, str | os.PathLike):
        text = os.fspath(given)
        letters = isinstance(text, str) and is_dna(text) and not os.path.lexists(text)
        return [_letters(text, text.encode())] if letters else _in_sequences(Path(given))
    if isinstance(given, Iterable):
        return chain.from_iterable(map(_each_sequence, given))
    kind = printable(type(given).__name__, 60)
    raise OptionError(f"expected a path, letters of DNA or a list of them, but {kind} came")


def _in_sequences(path: Path) -> Iterator[GivenSignal]:
    shown = printable(str(path))
    if not os.path.lexists(path):
        raise DataError(f"{shown}: no such file or folder")
    files = [path] if path.is_file() else sorted(filter(Path.is_file, path.rglob("*")))
    held = [file for file in files if is_sequence_file(file.name)]
    if not held and path.is_file() and is_sequence_table(path):
        (_, header), *rows = read_table_lines(path)
        column = find_column(header) or 0
        return (_letters(f"{path}#{line}", cells[column].strip().encode()) for line, cells in rows)
    if not held:
        raise DataError(f"{shown}: holds no sequences; give FASTA or FASTQ files, or a table")
    return (
        _letters(f"{file}#{each.line}", each.text) for file in held for each in read_letters(file)
    )


def _letters(shown: str, text: bytes) -> GivenSignal:
    findings = list[Finding]()
    codes = checked(text, shown, findings)
    return GivenSignal(shown, None if codes is None else codes[:, None], tuple(findings))


def _made(shown: str, read: Callable[[], NDArray[np.float32]], channels: int) -> GivenSignal:
    try:
        signal = read()
    except SignalError as error:
        return GivenSignal(shown, None, (Finding(error.kind, shown, error.detail),))
    if signal.shape[1] != channels:
        what = f"{signal.shape[1]}, not {channels}"
        return GivenSignal(shown, None, (Finding("other channels", shown, what),))
    return GivenSignal(shown, signal)
