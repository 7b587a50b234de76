"""Charts of predictions: curves of two classes, numbers against targets, a bar for each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.metrics.calibration import Bin, Calibration
from striate.plotting.chart import Axis, Bars, Chart, Line, Rows
from striate.plotting.shapes import ORANGE, PEN, SOFT, Point
from striate.plotting.ticks import make_ticks
from striate.text import format_interval, format_percent

#: most dots of a scatter plot, drawn at random from more
MOST_DOTS = 1000
_UNIT = (0.0, 1.0)
_FINE = 720  #: steps of a curve along each axis: half a pixel
_SQUARE = 340  #: height of a chart whose plot area is about as wide as high
_DOT, _RING, _MARK = 2, 3.5, 4.5  #: radius of an image's dot, a bin's, the chosen threshold's
_ROW, _AROUND = 20, 76  #: height of a class, and of what stands above and below all of them
_WIDE = 480  #: room for a name, and for bars
_LONGEST = 28  #: most letters of a class's name

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Mark:
    """A point of a curve that was chosen."""

    x: float
    y: float
    label: str


def make_roc_chart(
    false: Numbers, true: Numbers, label: str = "", mark: Mark | None = None
) -> Chart:
    """Return the ROC curve through (T,) false and true positive rates, with the no-skill line."""
    chance = _dashed((0, 0), (1, 1), "no skill")
    series = (chance, Line(_thin(false, true), label), *_marks(mark))
    return Chart(
        series,
        "ROC curve",
        _shares("false positive rate"),
        _shares("true positive rate"),
        height=_SQUARE,
    )


def make_precision_recall_chart(
    precision: Numbers, recall: Numbers, positives: float, label: str = "", mark: Mark | None = None
) -> Chart:
    """Return the curve through (T,) precision and recall, in steps of ascending recall.

    A straight line between two points would claim a precision that no threshold has (Davis and
    Goadrich, ICML 2006). Without skill the precision is the share of positives.
    """
    chance = _dashed((0, positives), (1, positives), "no skill")
    across, up = np.repeat(recall, 2)[:-1], np.repeat(precision, 2)[1:]
    series = (chance, Line(_thin(across, up), label), *_marks(mark))
    return Chart(
        series, "Precision-recall curve", _shares("recall"), _shares("precision"), height=_SQUARE
    )


def make_scatter_chart(predicted: Numbers, true: Numbers, name: str) -> Chart:
    """Return predicted over true numbers (N,), with the diagonal; NaN is left out."""
    x, y = _dots(true, predicted)
    ends = (
        make_ticks(float(min(x.min(), y.min())), float(max(x.max(), y.max()))) if len(x) else [0, 1]
    )
    limits = ends[0], ends[-1]
    diagonal = _dashed((limits[0], limits[0]), (limits[1], limits[1]), "predicted = true")
    return Chart(
        (_scatter(x, y), diagonal),
        name,
        Axis(f"true{_drawn(true, predicted)}", limits),
        Axis("predicted", limits),
        height=_SQUARE,
    )


def make_residual_chart(predicted: Numbers, true: Numbers, name: str) -> Chart:
    """Return errors over predicted numbers (N,), with a line at 0; NaN is left out."""
    x, y = _dots(predicted, predicted - true)
    ends = make_ticks(float(x.min()), float(x.max())) if len(x) else [0, 1]
    zero = _dashed((ends[0], 0), (ends[-1], 0), "")
    return Chart(
        (_scatter(x, y), zero),
        name,
        Axis(f"predicted{_drawn(true, predicted)}", (ends[0], ends[-1])),
        Axis("predicted - true"),
        height=_SQUARE,
    )


def make_reliability_chart(
    calibration: Calibration, before: Calibration | None, across: str, up: str
) -> Chart:
    """Return the share of hits over the mean probability of each bin, with the band of chance.

    Rings are those of `before` a temperature.
    """
    bins = calibration.bins
    band = [(each.low, each.high, each.chance_low, each.chance_high) for each in bins]
    series = (
        *(
            Bars((low, high), (top,), (bottom,), "chance alone" * (not at), PEN, opacity=0.15)
            for at, (low, high, bottom, top) in enumerate(band)
        ),
        _dashed((0, 0), (1, 1), ""),
        *((Line(_found(before), "before", ORANGE, 0, radius=_RING, ring=1.5),) if before else ()),
        Line(_found(calibration), "model", width=0, radius=_RING),
    )
    tooltips = tuple((each.claimed, _tell(each, across, up)) for each in bins)
    return Chart(
        series,
        "Reliability diagram",
        _shares(across),
        _shares(up),
        height=_SQUARE,
        tooltips=tooltips,
    )


def make_confidence_chart(calibration: Calibration, across: str) -> Chart:
    """Return a histogram of the probabilities."""
    total = sum(each.count for each in calibration.bins)
    bars = (Bars((each.low, each.high), (each.count / total,)) for each in calibration.bins)
    return Chart(
        tuple(bars),
        "How often each is given",
        _shares(across),
        Axis("share of the answers", show=lambda share: format_percent(share, 0)),
        height=_SQUARE,
    )


def make_class_chart(
    title: str, names: Sequence[str], values: Sequence[float], intervals: Sequence[Point | None]
) -> Chart:
    """Return a bar for each class from the best share down, with whiskers of its interval.

    A class whose share is NaN stands last, without a bar.
    """
    order = sorted(range(len(names)), key=lambda at: (math.isnan(values[at]), -values[at], at))
    ends = [intervals[at] or (math.nan, math.nan) for at in order]
    rows = Rows(
        tuple(values[at] for at in order),
        tuple(low for low, _ in ends),
        tuple(high for _, high in ends),
    )
    return Chart(
        (rows,),
        title,
        _shares(""),
        Axis(names=tuple(_short(names[at]) for at in order)),
        width=_WIDE,
        height=_AROUND + _ROW * len(names),
        name=f"{title}, from the best class down, with 95 % intervals",
    )


def _found(calibration: Calibration) -> tuple[Point, ...]:
    return tuple((each.claimed, each.found) for each in calibration.bins)


def _tell(one: Bin, across: str, up: str) -> str:
    """Return "confidence 91 %: correct 88 % of 40 (by chance 80 to 97 %)"."""
    claimed, found = (format_percent(share) for share in (one.claimed, one.found))
    chance = format_interval(one.chance_low, one.chance_high, 1)
    return f"{across} {claimed}: {up} {found} of {one.count:,} (chance alone: {chance})"


def _shares(label: str) -> Axis:
    return Axis(label, _UNIT, show=lambda share: format_percent(share, 0))


def _dashed(start: Point, end: Point, label: str) -> Line:
    return Line((start, end), label, PEN, width=1, dashes=(4, 3), opacity=SOFT)


def _marks(mark: Mark | None) -> tuple[Line, ...]:
    if mark is None:
        return ()
    return (Line(((mark.x, mark.y),), mark.label, ORANGE, width=0, radius=_MARK),)


def _thin(x: Numbers, y: Numbers) -> tuple[Point, ...]:
    """Leave out points within half a pixel of the one before, but not the last."""
    places = np.column_stack([x, y])
    if np.isnan(places).any() or not len(places):
        return ()
    steps = np.rint(places * _FINE)
    moved = np.append(True, (steps[1:] != steps[:-1]).any(axis=1))
    moved[-1] = True
    return tuple((float(one), float(other)) for one, other in places[moved])


def _dots(x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """Return the points to draw: those with both numbers, or a random part of many."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(known) > MOST_DOTS:
        known = np.sort(np.random.default_rng(0).choice(known, MOST_DOTS, replace=False))
    return x[known], y[known]


def _drawn(true: Numbers, predicted: Numbers) -> str:
    """Say that only a part is drawn."""
    known = int((np.isfinite(true) & np.isfinite(predicted)).sum())
    return f" ({MOST_DOTS:,} of {known:,} images, at random)" if known > MOST_DOTS else ""


def _scatter(x: Numbers, y: Numbers) -> Line:
    points = tuple(zip(x.tolist(), y.tolist(), strict=True))
    return Line(points, width=0, radius=_DOT, opacity=0.5)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
