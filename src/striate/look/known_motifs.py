"""Motifs that are known, from a file, and which of them a kernel is like.

Files are those that JASPAR (https://doi.org/10.1093/nar/gkad1059) and MEME
(https://doi.org/10.1093/nar/gkv416) write: counts, a line a letter, or shares, a line a place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.samples import os_reason
from striate.data.signals.letters import LETTERS
from striate.errors import DataError, printable
from striate.metrics.motifs import MotifMatch, compare_motifs, frequencies

SIMILAR, CHANCE = 0.75, 0.01  #: least similarity of a match, and most of its p
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)

Shares = NDArray[np.floating]


class Known(NamedTuple):
    """The known motif that a kernel is most like."""

    name: str
    match: MotifMatch

    @property
    def alike(self) -> bool:
        return self.match.similarity >= SIMILAR and self.match.p <= CHANCE


def read_known_motifs(file: Path) -> dict[str, Shares]:
    """Return name -> shares (L, 4) of the motifs of a JASPAR or MEME file.

    Raises DataError naming the line of what is none.
    """
    try:
        lines = file.read_text("utf-8-sig", "replace").splitlines()
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
    meme = any(line.startswith("MEME version") for line in lines)
    mark = "MOTIF " if meme else ">"
    heads = [at for at, line in enumerate(lines) if line.startswith(mark)]
    if not heads:
        _refuse(file, 1, "no motif; expected '>' and a name (JASPAR), or MOTIF and a name (MEME)")
    found = dict[str, Shares]()
    for at, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        words = lines[at].removeprefix(mark).split()
        if not words:
            _refuse(file, at + 1, "a motif without a name")
        read = _read_shares if meme else _read_counts
        found[words[-1]] = read(file, at, lines[at + 1 : end])
    return found


def _read_counts(file: Path, at: int, lines: Sequence[str]) -> Shares:
    """Read lines such as `A [ 4 19 0 ]`, for each letter."""
    rows = [_NUMBER.findall(line) for line in lines if line.strip()]
    if len(rows) != len(LETTERS) or len(set(map(len, rows))) != 1 or not rows[0]:
        _refuse(file, at + 1, "expected four lines of counts, of A, C, G and T, equally long")
    return frequencies(np.array(rows, np.float64).T)


def _read_shares(file: Path, at: int, lines: Sequence[str]) -> Shares:
    """Read the lines below `letter-probability matrix`, four shares each."""
    first = next(
        (row for row, line in enumerate(lines, 1) if line.startswith("letter-probability")), None
    )
    rows = list[list[str]]()
    for line in lines[first or 0 :]:
        numbers = _NUMBER.findall(line)
        if len(numbers) != len(LETTERS):
            break
        rows.append(numbers)
    if first is None or not rows:
        _refuse(file, at + 1, "expected a letter-probability matrix, four shares a line")
    return frequencies(np.array(rows, np.float64), 0.0025)


def name_kernels(shares: Shares, known: Mapping[str, Shares]) -> list[Known]:
    """Return the known motif that each of shares (K, L, 4) is most like."""
    return [_find_nearest(each, known) for each in shares]


def _find_nearest(shares: Shares, known: Mapping[str, Shares]) -> Known:
    fast = {name: compare_motifs(shares, each, shuffles=0) for name, each in known.items()}
    name = max(fast, key=lambda name: fast[name].similarity)
    return Known(name, compare_motifs(shares, known[name]))


def _refuse(file: Path, line: int, what: str) -> NoReturn:
    raise DataError(f"{printable(str(file))}: line {line:,}: {what}")
