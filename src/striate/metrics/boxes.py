"""Boxes: average precision and recall of detections, as COCO measures them.

Lin et al. 2014, https://arxiv.org/abs/1405.0312. Detections of a class are taken best first. Each
is a hit if its intersection over union with a true box of its image that no better one has hit is
at least a threshold; of several, that with the highest. The average precision (AP) is the mean
precision at 101 recalls from 0 to 1, where the precision at a recall is the highest at that or a
higher one; classes without a true box are left out of means.

An ignored true box can take any number of detections, which are then neither hits nor false. It
takes those that lie in it by the threshold, however large it is itself, as COCO's crowds do.

Sizes are areas of boxes in pixels of the image: small up to 32 x 32, large from 96 x 96 on. COCO
takes the area of an outline where there is one. Images are the unit of the intervals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.metrics.bootstrap import draw, summarize
from striate.metrics.box_matching import THRESHOLDS, Matches
from striate.metrics.estimates import Estimate, Floats, mean_defined

RECALLS = np.linspace(0, 1, 101)
SIZES = "small", "medium", "large"
_TINIEST = np.spacing(1.0)  #: keeps 0 / 0 from being undefined, as in COCO's tool
_WORK = 4e8  #: detections times thresholds that all resamples together may look at
_FEWEST = 100  #: resamples
_CELLS = 2**18  #: counts of detections that are held at once


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """Figures of detections, means over the classes that have a true box."""

    ap: Estimate  #: mean over thresholds from 0.5 to 0.95
    ap50: Estimate  #: at 0.5
    ap75: Estimate
    recall: Estimate  #: share of the true boxes that are found, mean over thresholds (AR)
    by_size: tuple[Estimate, ...]  #: AP of small, medium and large true boxes
    by_class: tuple[Estimate, ...]  #: AP of each class; NaN without a true box
    by_class50: tuple[Estimate, ...]  #: the same at 0.5


def measure_boxes(matches: Matches) -> tuple[Floats, Floats]:
    """Return AP and recall, each (sizes, thresholds, classes); NaN without a true box.

    The first of the sizes is of all boxes.
    """
    images = matches.positives.shape[1]
    precision, recall = _measure(matches, np.ones((1, images), np.int64))
    return precision[0], recall[0]


def estimate_boxes(matches: Matches, *, resamples: int = 1000, seed: int = 0) -> BoxFigures:
    """Estimate the figures of matches, with intervals by the bootstrap over images.

    Resamples are fewer, but at least 100, where there are many detections.
    """
    images, looked = matches.positives.shape[1], max(1, matches.hit.size)
    most = min(resamples, max(_FEWEST, int(_WORK / looked)))
    (values,) = _figures(matches, np.ones((1, images), np.int64))
    drawn = [_figures(matches, counts) for counts in draw(images, most, seed)] if images > 1 else []
    columns = np.concatenate(drawn).T if drawn else np.empty((len(values), 0))
    ap, ap50, ap75, recall, *others = (
        summarize(value, column, images) for value, column in zip(values, columns, strict=True)
    )
    sizes, classes = len(SIZES), matches.positives.shape[2]
    by_size, by_class = tuple(others[:sizes]), tuple(others[sizes : sizes + classes])
    return BoxFigures(ap, ap50, ap75, recall, by_size, by_class, tuple(others[sizes + classes :]))


def resample_ap(matches: Matches, counts: NDArray[np.int64]) -> Floats:
    """Return the (R,) APs of images drawn `counts` (R, N) times."""
    return _figures(matches, counts)[:, 0]


def resample_ap50(matches: Matches, counts: NDArray[np.int64]) -> Floats:
    """Return the (R,) APs at an overlap of 0.5 of images drawn `counts` (R, N) times."""
    return _figures(matches, counts)[:, 1]


def _measure(matches: Matches, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return AP and recall of images drawn `counts` (R, N) times: (R, sizes, thresholds, K)."""
    sizes, thresholds, _ = matches.hit.shape
    shape = len(counts), sizes, thresholds, matches.positives.shape[2]
    precision, recall = np.full(shape, np.nan), np.full(shape, np.nan)
    for size, kind in np.ndindex(sizes, shape[3]):
        positives = counts @ matches.positives[size, :, kind]
        first, last = matches.bounds[kind : kind + 2]
        for at in range(thresholds):
            judged = first + np.flatnonzero(~matches.ignored[size, at, first:last])
            hits = np.flatnonzero(matches.hit[size, at, judged])
            for rows in _blocks(len(counts), len(judged)):
                taken = counts[rows][:, matches.image[judged]]
                found = _interpolated(taken, hits, positives[rows])
                precision[rows, size, at, kind], recall[rows, size, at, kind] = found
    return precision, recall


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    """Yield the rows of an array in blocks that take little memory."""
    step = max(1, _CELLS // max(1, columns))
    yield from (slice(first, first + step) for first in range(0, rows, step))


def _interpolated(
    taken: NDArray[np.int64], hits: NDArray[np.int64], positives: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return AP and recall (R,) of detections, best first, taken (R, P) times, some of them hits.

    Where there are positives (R,); else NaN.
    """
    judged = taken.cumsum(axis=1)[:, hits]
    right = taken[:, hits].cumsum(axis=1)
    highest = np.maximum.accumulate((right / (judged + _TINIEST))[:, ::-1], axis=1)[:, ::-1]
    found = right / np.maximum(positives, 1)[:, None]
    reached = np.searchsorted(RECALLS, found, side="right")  # recalls up to each hit
    share = np.diff(reached, axis=1, prepend=0) / len(RECALLS)
    precise = (highest * share).sum(axis=1)
    whole = found[:, -1] if len(hits) else np.zeros(len(taken))
    return np.where(positives, precise, np.nan), np.where(positives, whole, np.nan)


def _figures(matches: Matches, counts: NDArray[np.int64]) -> Floats:
    """Return the figures of `BoxFigures` in a row for each of R drawings, (R, F)."""
    precision, recall = _measure(matches, counts)
    at50, at75 = (int(np.argmin(np.abs(THRESHOLDS - at))) for at in (0.5, 0.75))
    means = mean_defined(precision.reshape(*precision.shape[:2], -1))
    whole = precision[:, 0]
    return np.column_stack(
        [
            means[:, 0],
            mean_defined(whole[:, at50]),
            mean_defined(whole[:, at75]),
            mean_defined(recall[:, 0].reshape(len(recall), -1)),
            means[:, 1:],
            whole.mean(axis=1),
            whole[:, at50],
        ]
    )
