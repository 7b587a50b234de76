"""From the codes stored in a mask to class indices, and what is wrong with codes of no class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.decoding.colors import boxes
from striate.data.decoding.files import RefusedError
from striate.data.listing.masks import MaskCodes
from striate.data.listing.samples import IGNORE

_BORDER = 3  #: pixels to either side of a border that resampling may blend
_BLENDED = 0.95  #: share of codes of no class that must lie between those of two
_MULTIPLIED = 0.9  #: share of pixels that must have a multiple; others may be softened borders
_LISTED = 3  #: codes named in a finding
_MOST_SPREAD = 64  #: classes; of more, steps are so small that any value is near one


@dataclass(frozen=True, slots=True)
class Looked:
    """Class indices of a mask, and what was found on the way."""

    indices: NDArray[np.uint8]  #: (H, W)
    seen: tuple[int, ...]  #: the codes that occur, in order
    blended: str = ""  #: how many pixels were blended from two classes


def look_up(stored: NDArray[Any], codes: MaskCodes, *, colored: bool) -> Looked:
    """Return the class index of each code in `stored` (H, W): colors or values.

    Raises RefusedError for codes of no class, unless they were blended along the borders of
    classes: such pixels are `IGNORE`.
    """
    classes = dict(codes.colors if colored else codes.values)
    indices, known, seen = _look_up(stored, classes)
    if not colored:
        _refuse_scaled(stored, seen, classes, codes.classes)
    if known.all():
        return Looked(indices, seen)
    channels = [stored >> shift & 255 for shift in (16, 8, 0)] if colored else [stored]
    if not _is_blended(channels, known):
        kind = "unknown color" if colored else "unknown value"
        raise RefusedError(kind, _listed(stored[~known], colored=colored))
    lost = int((~known).sum())
    return Looked(indices, seen, f"{lost:,} of {known.size:,} pixels")


def _look_up(
    stored: NDArray[Any], classes: dict[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], tuple[int, ...]]:
    """Return class indices, `IGNORE` where there is none, whether there is one, and the codes.

    In bands of rows, so that memory holds little more than the mask and its indices.
    """
    keys = np.array(sorted(classes), np.int32)
    values = np.array([classes[key] for key in keys.tolist()], np.uint8)
    indices = np.full(stored.shape, IGNORE, np.uint8)
    known = np.zeros(stored.shape, bool)
    seen = set[int]()
    for _, top, _, end in boxes(stored.shape[::-1]):
        codes = stored[top:end].astype(np.int32)
        seen.update(np.unique(codes).tolist())
        if len(keys):
            places = np.searchsorted(keys, codes).clip(max=len(keys) - 1)
            known[top:end] = keys[places] == codes
            np.copyto(indices[top:end], values[places], where=known[top:end])
    return indices, known, tuple(sorted(seen))


def _refuse_scaled(
    stored: NDArray[Any], seen: tuple[int, ...], classes: dict[int, int], count: int
) -> None:
    """Raise RefusedError if class indices were multiplied so that the last one is 255 or nearly.

    With two classes, 0 and 255 may also be a class and no class. Both are refused: it is more
    often two classes, and to take one of them for none would be the greater fault. Of a table that
    numbers its lines, masks may hold one class more: that without a name, last, became 255.
    """
    if not 2 <= count <= _MOST_SPREAD:
        return
    ends = count == 2 and 255 in seen and classes.get(255, IGNORE) == IGNORE
    if classes.keys() >= set(seen) and not (ends and {0, 255} >= set(seen)):
        return
    lines = classes.keys() - {IGNORE}
    most = len(lines) if lines == set(range(len(lines))) else count - 1
    values, pixels = np.unique(stored, return_counts=True)
    for last in range(1 if ends else max(2, count - 1), most + 1):
        hits = _multiples(values, pixels, last, fewest=1 if last == count - 1 else 2)
        if hits:
            *first, final = map(str, hits)
            shown = f"{', '.join(first)} and {final}" if first else final
            raise RefusedError("scaled mask", f"{shown} for {count} classes")


def _multiples(values: NDArray[Any], pixels: NDArray[Any], last: int, *, fewest: int) -> list[int]:
    """Return which values are 0 to `last`, multiplied so that `last` is 255; [] if few are.

    0 and 255 are evidence with two classes only: in others they may be a class and no class.
    """
    steps = range(0, 255 * last + 1, 255)
    spread = {step // last for step in steps} | {round(step / last) for step in steps}
    spread |= {index * (255 // last) for index in range(last + 1)}
    hits = np.isin(values, list(spread))
    telling = np.full(len(values), True) if last == 1 else (values != 0) & (values != 255)
    told = hits & telling
    mostly = pixels[told].sum() >= _MULTIPLIED * pixels[telling].sum()
    return values[hits].tolist() if mostly and told.sum() >= fewest else []


def _is_blended(channels: Iterable[NDArray[Any]], known: NDArray[np.bool_]) -> bool:
    """Return whether codes of no class lie between known ones nearby, all but a few.

    At the edge of a mask, and where it is thin, the other code may not be there to be seen.
    """
    between = _spread(known, np.logical_or)
    for values in channels:
        between &= _spread(np.where(known, values, values.max()), np.minimum) <= values
        between &= _spread(np.where(known, values, values.min()), np.maximum) >= values
    return bool(between[~known].mean() >= _BLENDED)


def _spread(
    values: NDArray[Any], pick: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
) -> NDArray[Any]:
    """Return what `pick` finds within `_BORDER` pixels of each, (H, W)."""
    for axis in (0, 1):
        width = [(_BORDER, _BORDER) if side == axis else (0, 0) for side in (0, 1)]
        padded = np.pad(values, width, mode="edge")
        length = values.shape[axis]
        parts = (
            padded.take(range(start, start + length), axis) for start in range(2 * _BORDER + 1)
        )
        values = reduce(pick, parts)
    return values


def _listed(codes: NDArray[Any], *, colored: bool) -> str:
    """Return the most frequent codes, and in how many pixels each is."""
    found, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shown = [
        f"{f'#{code:06x}' if colored else code} in {count:,} pixel{'s' * (count != 1)}"
        for code, count in zip(found[order].tolist(), counts[order].tolist(), strict=True)
    ]
    more = len(shown) - _LISTED
    return ", ".join(shown[:_LISTED]) + (f" and {more:,} more" if more > 0 else "")
