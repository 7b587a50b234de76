"""Motifs of DNA: their information, and how alike two of them are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_SHUFFLES = 1000  #: of a motif, by which a similarity is judged
_LEAST = 5  #: columns that two motifs share, at least


class MotifMatch(NamedTuple):
    """The best place of one motif on another."""

    similarity: float  #: mean correlation of the columns, 1 for the same motif
    offset: int  #: column of the second on which the first column of the first lies
    turned: bool  #: the first is the reverse complement
    p: float  #: share of motifs with shuffled columns that are at least as similar


def frequencies(counts: Floats, pseudocount: float = 0.25) -> Floats:
    """Return the share of each letter, (L, 4), of counts (L, 4)."""
    added = np.asarray(counts, np.float64) + pseudocount
    return added / added.sum(axis=1, keepdims=True)


def letter_bits(shares: Floats) -> Floats:
    """Return the height of each letter of a logo in bits, (L, 4).

    A column's information, 2 bits less its entropy, is divided by the shares of its letters.
    Source: Schneider and Stephens 1990, https://doi.org/10.1093/nar/18.20.6097
    """
    entropy = -(shares * np.log2(np.maximum(shares, 1e-12))).sum(axis=1, keepdims=True)
    return shares * (2 - entropy)


def compare_motifs(
    found: Floats, known: Floats, seed: int = 0, shuffles: int = _SHUFFLES
) -> MotifMatch:
    """Find the best place and strand of shares `found` (L, 4) on `known` (M, 4).

    The similarity is the mean, over the columns of `known`, of the correlation of each with the
    column that lies on it; a column on which none lies counts 0. Its p is that of `known` with its
    columns in other orders, as the comparison of Gupta et al. 2007 in Tomtom judges against chance,
    https://doi.org/10.1186/gb-2007-8-2-r24. Without shuffles it is 1.
    """
    strands = [_correlations(shares, known) for shares in (found, found[::-1, ::-1])]
    sums = [_sum_along(alike[:, None]) for alike in strands]
    similarity, place, strand = max(
        (float(values.max()), int(values.argmax()), at) for at, values in enumerate(sums)
    )
    random, columns = np.random.default_rng(seed), np.arange(len(known))
    orders = random.permuted(np.tile(columns, (shuffles, 1)), axis=1)
    chance = np.maximum(*(_sum_along(alike[:, orders]).max(axis=0) for alike in strands))
    p = (int((chance >= similarity - 1e-9).sum()) + 1) / (shuffles + 1)
    least = min(_LEAST, len(found), len(known))
    offset = len(known) - least - place
    return MotifMatch(similarity / len(known), offset, bool(strand), p)


def _sum_along(alike: Floats) -> Floats:
    """Return the sum along each diagonal of (L, S, M) that has enough places: (D, S).

    Diagonal d has row m + d - M + least beside column m.
    """
    length, _, columns = alike.shape
    least = min(_LEAST, length, columns)
    padded = np.pad(alike, ((columns, columns), (0, 0), (0, 0)))
    starts = np.arange(least - columns, length - least + 1) + columns
    rows = starts[:, None] + np.arange(columns)
    return padded[rows, :, np.arange(columns)].sum(axis=1)


def _correlations(one: Floats, other: Floats) -> Floats:
    """Return the correlation of each column of one (L, 4) with each of the other (M, 4): (L, M)."""
    units = list[Floats]()
    for shares in (one, other):
        centered = shares - shares.mean(axis=1, keepdims=True)
        length = np.linalg.norm(centered, axis=1, keepdims=True)
        units.append(centered / np.where(length > 1e-9, length, 1))
    return units[0] @ units[1].T
