"""Matching of detections with true boxes, of all images, thresholds and sizes at once.

The rules are those of COCO's tool, greedy and best first; see `striate.metrics.boxes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.errors import OptionError

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

THRESHOLDS = np.linspace(0.5, 0.95, 10)  #: of intersection over union
#: areas in pixels of all boxes and of small, medium and large ones; both ends belong to them
RANGES = np.array([(0, 1e10), (0, 32**2), (32**2, 96**2), (96**2, 1e10)], np.float64)
MOST = 100  #: detections of a class in an image that are looked at, the best
_SCORE, _CLASS = 4, 5  #: columns of a detection
_TRUE_CLASS, _IGNORED, _SCALE = 4, 5, 6  #: columns of a true box
_CELLS = 2**21  #: most cells of one step
_ALMOST = 1 - 1e-10  #: highest threshold


@dataclass(frozen=True, eq=False)
class Matches:
    """What became of the detections of N images: P of K classes, at T thresholds, of S sizes.

    Detections stand class by class, best first.
    """

    image: Ints  #: (P,)
    score: Floats  #: (P,)
    bounds: Ints  #: (K + 1,) first and last detection of each class
    hit: Flags  #: (S, T, P)
    ignored: Flags  #: (S, T, P) neither hit nor false
    positives: Ints  #: (S, N, K) true boxes that are to be found


class _Boxes(NamedTuple):
    """Boxes of all images in one list."""

    image: Ints
    group: Ints  #: image and class as one number
    corners: Floats  #: (B, 4)
    area: Floats  #: in pixels of the image


def match_boxes(
    true: NDArray[np.floating[Any]],
    predicted: NDArray[np.floating[Any]],
    classes: int,
) -> Matches:
    """Match detections with the true boxes of their images.

    `true` (N, M, 6) are corners, class and whether ignored, `predicted` (N, D, 6) corners, score
    and class; those of class -1 are none. Where `true` has a seventh column, it is the area in the
    image of a square of one pixel, the same in all rows of an image. Raises OptionError for a class
    that is not below `classes`, and for corners or scores that are no numbers.
    """
    _check(true, predicted, classes)
    scales = true[:, 0, _SCALE] if true.shape[2] > _SCALE else np.ones(len(true))
    there, given = true[..., _TRUE_CLASS] >= 0, predicted[..., _CLASS] >= 0
    rows, found = true[there].astype(np.float64), predicted[given].astype(np.float64)
    real = _boxes(rows, rows[:, _TRUE_CLASS], there, scales, classes)
    seen = _boxes(found, found[:, _CLASS], given, scales, classes)
    order = np.lexsort((-found[:, _SCORE], seen.group))
    order = order[_ranks(seen.group[order]) < MOST]
    seen = _Boxes(seen.image[order], seen.group[order], seen.corners[order], seen.area[order])
    wanted = rows[:, _IGNORED] == 0
    hit, ignored = _match(real, ~wanted, seen)
    groups = [real.group[wanted & ~out] for out in _outside(real.area)]
    counted = [np.bincount(group, minlength=len(true) * classes) for group in groups]
    positives = np.stack(counted).reshape(-1, len(true), classes)
    kinds = seen.group % classes
    best = np.lexsort((-found[order, _SCORE], kinds))
    bounds = np.searchsorted(kinds[best], np.arange(classes + 1))
    scores = found[order[best], _SCORE]
    return Matches(seen.image[best], scores, bounds, hit[..., best], ignored[..., best], positives)


def _check(true: NDArray[Any], predicted: NDArray[Any], classes: int) -> None:
    if len(true) != len(predicted):
        raise OptionError(
            f"boxes must be of the same images, but there are those of {len(true):,} and "
            f"predictions for {len(predicted):,}"
        )
    for name, boxes, column in (("true", true, _TRUE_CLASS), ("predicted", predicted, _CLASS)):
        if not np.isfinite(boxes).all():
            raise OptionError(f"the {name} boxes must be numbers, but one is not finite")
        if boxes.size and (most := int(boxes[..., column].max())) >= classes:
            raise OptionError(
                f"the {name} boxes must be of classes below {classes}, but one is of {most}"
            )


def _boxes(rows: Floats, kinds: Floats, there: Flags, scales: NDArray[Any], classes: int) -> _Boxes:
    image = np.nonzero(there)[0]
    area = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1]) * scales[image]
    return _Boxes(image, image * classes + kinds.astype(np.int64), rows[:, :4], area)


def _ranks(groups: Ints) -> Ints:
    """Return the place of each item in its group, of sorted groups."""
    firsts = np.flatnonzero(np.diff(groups, prepend=-1))
    counts = np.diff(firsts, append=len(groups))
    return np.arange(len(groups)) - np.repeat(firsts, counts)


def _outside(area: Floats) -> Flags:
    """Return which areas (B,) are outside of each range, (S, B)."""
    return (area < RANGES[:, :1]) | (area > RANGES[:, 1:])


def _match(real: _Boxes, ignored: Flags, seen: _Boxes) -> tuple[Flags, Flags]:
    """Return which detections hit and which are ignored, (S, T, P) each."""
    shape = len(RANGES), len(THRESHOLDS), len(seen.group)
    hit, dropped = np.zeros(shape, bool), np.zeros(shape, bool)
    dropped[:] = _outside(seen.area)[:, None]
    order = np.argsort(real.group, kind="stable")
    out = _outside(real.area)[:, order]
    sets = _Sets(real.corners[order], ignored[order], out | ignored[order])
    for detections, boxes, known in _batches(seen.group, real.group[order]):
        _match_batch(seen, detections, sets, boxes, known, hit, dropped)
    return hit, dropped


class _Sets(NamedTuple):
    """True boxes in the order of their groups."""

    corners: Floats  #: (B, 4)
    crowd: Flags  #: (B,) may be taken more than once
    ignored: Flags  #: (S, B) of each size


def _batches(seen: Ints, real: Ints) -> Iterator[tuple[Ints, Ints, Flags]]:
    """Yield groups with similar numbers of boxes: detections (G, D), true boxes (G, M) and which
    of these are there; -1 stands for a detection that is not.
    """
    names, firsts, counts = np.unique(seen, return_index=True, return_counts=True)
    starts, ends = (np.searchsorted(real, names, side) for side in ("left", "right"))
    sizes = ends - starts
    wide, high = (
        2 ** np.ceil(np.log2(np.maximum(each, 1))).astype(int) for each in (counts, sizes)
    )
    for most, boxes in np.unique(np.stack([wide, high], axis=1)[sizes > 0], axis=0).tolist():
        some = np.flatnonzero((wide == most) & (high == boxes) & (sizes > 0))
        for part in np.array_split(some, -(-len(some) * boxes * 40 // _CELLS)):
            places, columns = np.arange(most), np.arange(boxes)
            chosen = firsts[part, None] + places
            chosen = np.where(places < counts[part, None], chosen, -1)
            known = columns < sizes[part, None]
            yield chosen, np.where(known, starts[part, None] + columns, 0), known


def _match_batch(
    seen: _Boxes,
    detections: Ints,
    sets: _Sets,
    boxes: Ints,
    known: Flags,
    hit: Flags,
    dropped: Flags,
) -> None:
    """Match groups of detections (G, D) and true boxes (G, M), and write what became of them."""
    crowd, ignored = sets.crowd[boxes], sets.ignored[:, boxes][:, None]
    overlap = _overlaps(seen.corners[detections], sets.corners[boxes], crowd)
    least = np.minimum(THRESHOLDS, _ALMOST)[:, None, None]
    free = np.broadcast_to(known, (len(RANGES), len(THRESHOLDS), *known.shape)).copy()
    for place in range(detections.shape[1]):
        some = np.flatnonzero(detections[:, place] >= 0)
        across = overlap[some, place]
        fits = free[:, :, some] & (across >= least)
        own = fits & ~ignored[:, :, some]
        found = own.any(axis=3)
        best = _last_best(np.where(found[..., None], own, fits), across)
        free[:, :, some] &= ~best | crowd[some]
        column = detections[some, place]
        hit[:, :, column] = found
        dropped[:, :, column] = np.where(fits.any(axis=3), ~found, dropped[:, :, column])


def _overlaps(seen: Floats, real: Floats, crowd: Flags) -> Floats:
    """Return intersection over union (G, D, M) of detections (G, D, 4) and true boxes (G, M, 4).

    Over the area of the detection where the true box is a crowd.
    """
    first = np.maximum(seen[:, :, None, :2], real[:, None, :, :2])
    last = np.minimum(seen[:, :, None, 2:], real[:, None, :, 2:])
    shared = (last - first).clip(0).prod(axis=3)
    own, its = ((each[..., 2:] - each[..., :2]).prod(axis=2) for each in (seen, real))
    union = own[:, :, None] + np.where(crowd[:, None], shared, its[:, None]) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _last_best(fits: Flags, across: Floats) -> Flags:
    """Return the last of the highest overlaps (G, M) among those that fit (..., G, M), if any."""
    scored = np.where(fits, across, -1.0)[..., ::-1]
    place = fits.shape[-1] - 1 - scored.argmax(axis=-1)
    return (np.arange(fits.shape[-1]) == place[..., None]) & fits
