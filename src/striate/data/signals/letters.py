"""Letters of DNA as numbers: A, C, G and T are 0 to 3, what may be several of them is `UNKNOWN`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.data.signals.signal_file import SignalError

LETTERS = "ACGT"
UNKNOWN = 4  #: N, and the other letters that stand for several bases
END = 255  #: behind a shorter sequence in an array
_NONE = 254
_SEVERAL = "NRYSWKMBDHV"  #: IUPAC codes, https://doi.org/10.1093/nar/13.9.3021


def _make_codes() -> NDArray[np.uint8]:
    codes = np.full(256, _NONE, np.uint8)
    pairs = [*zip(LETTERS, range(4), strict=True), ("U", 3), *((x, UNKNOWN) for x in _SEVERAL)]
    for letter, code in pairs:
        codes[[ord(letter), ord(letter.lower())]] = code
    return codes


_CODES = _make_codes()


def encode(text: bytes) -> NDArray[np.uint8]:
    """Return the codes (L,) of letters, large or small; U is T.

    Raises SignalError for the first that is none.
    """
    codes = _CODES[np.frombuffer(text, np.uint8)]
    wrong = np.flatnonzero(codes == _NONE)
    if len(wrong):
        at = int(wrong[0])
        letter = text[at : at + 1].decode("latin-1")
        more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        raise SignalError("other letter", f"{letter!r} at letter {at + 1:,}{more}")
    if not len(codes):
        raise SignalError("empty", "no letters")
    return codes


def is_dna(text: str) -> bool:
    """Return whether a text is nothing but letters of DNA."""
    return bool(text) and text.isascii() and bool((_CODES[list(text.encode())] != _NONE).all())


def count_several(text: bytes) -> int:
    """Return how many letters stand for several bases but are not N."""
    return sum(text.upper().count(letter) for letter in _SEVERAL[1:].encode())


def other_strand(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the reverse complement of codes (L,)."""
    turned = codes[::-1]
    return np.where(turned < UNKNOWN, 3 - turned, turned).astype(np.uint8)


def decode(codes: NDArray[np.uint8]) -> str:
    """Return the letters of codes (L,), N where unknown."""
    return "".join(f"{LETTERS}N"[code] for code in codes.tolist())
