"""Heart beats of a WFDB record: windows around the annotations of its `.atr` file.

Without a table of classes they are the five of ANSI/AAMI EC57: N normal and bundle branch block, S
supraventricular, V ventricular, F a fusion of normal and ventricular, Q paced and unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.samples import os_reason
from striate.data.signals.wfdb import Header, read_annotations, read_samples
from striate.errors import DataError, printable

ANNOTATIONS = ".atr"
#: code of an annotation -> symbol, of those that are beats
_BEATS: dict[int, str] = {
    **dict(enumerate("NLRaVFJASEj/Q", 1)),
    25: "B",
    30: "?",
    34: "e",
    35: "n",
    38: "f",
    41: "r",
}
_AAMI = {"N": "NLRBej", "S": "AaJSn", "V": "VEr", "F": "F", "Q": "/fQ?"}


class Beat(NamedTuple):
    """An annotation of a beat."""

    sample: int
    symbol: str


@dataclass(frozen=True)
class Beats:
    """The beats of a record, and windows around them."""

    signal: NDArray[np.float32]  #: (L, C)
    length: int  #: samples of a window
    all: list[Beat]

    @property
    def kept(self) -> list[Beat]:
        """Those whose windows are within the record."""
        return [beat for beat in self.all if self._fits(beat)]

    @property
    def outside(self) -> list[Beat]:
        return [beat for beat in self.all if not self._fits(beat)]

    def window(self, sample: int) -> NDArray[np.float32]:
        """Return the signal (length, C) around a sample."""
        first = sample - self.length // 2
        return self.signal[first : first + self.length]

    def _fits(self, beat: Beat) -> bool:
        return 0 <= beat.sample - self.length // 2 <= len(self.signal) - self.length


def cut_beats(header: Header, window: int | None = None) -> Beats:
    """Return the beats of a record, with windows of so many samples, or of a second.

    Raises SignalError.
    """
    signal, marks = read_samples(header), read_annotations(header.file.with_suffix(ANNOTATIONS))
    found = [Beat(sample, _BEATS[code]) for sample, code in marks if code in _BEATS]
    return Beats(signal, window or round(header.rate), found)


def read_classes(table: Path) -> dict[str, str]:
    """Return symbol -> class of a table of lines such as `ectopic V A F`, or else of EC57.

    A symbol alone is a class of its own. Raises DataError with the line that is none.
    """
    classes, known = dict[str, str](), [*_BEATS.values()]
    try:
        lines = table.read_text("utf-8-sig", "replace").splitlines() if table.is_file() else None
    except OSError as error:
        raise DataError(f"{printable(str(table))}: {os_reason(error)}") from error
    if lines is None:
        return {symbol: name for name, symbols in _AAMI.items() for symbol in symbols}
    for at, line in enumerate(lines, 1):
        name, *symbols = line.split() or [""]
        for symbol in symbols or filter(None, [name]):
            if symbol not in known or symbol in classes:
                what = "stands twice" if symbol in classes else "is no symbol of a beat"
                raise DataError(
                    f"{printable(str(table))}: line {at}: {printable(symbol)!r} {what}; expected "
                    f"a class and its symbols, of {' '.join(known)}"
                )
            classes[symbol] = name
    return classes
