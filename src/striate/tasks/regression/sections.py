"""Sections of a report on numbers: metrics, errors by column, charts, worst errors."""

from __future__ import annotations

import math
from collections.abc import Iterator

from striate.metrics.estimates import Estimate
from striate.metrics.values import ColumnErrors
from striate.plotting.metric_charts import make_residual_chart, make_scatter_chart
from striate.tasks.figures import Score
from striate.tasks.regression.figures import SPREAD, column_unit, make_figures, shared_unit
from striate.tasks.regression.metrics import Miss, RegressionMetrics
from striate.tasks.sections import (
    Cell,
    Charts,
    Gallery,
    Head,
    Part,
    Picture,
    Section,
    Span,
    Table,
    Text,
    Tile,
    Tiles,
)
from striate.text import MISSING, count_noun, format_amount

#: most columns with charts, and most worst images
MOST_CHARTS, MOST_MISSES = 12, 24

COLUMN_HEADS = ("column", "images", "MAE", "RMSE", "R2", "bias", "median error")


def make_sections(metrics: RegressionMetrics) -> Iterator[Section]:
    """Yield the sections of the report."""
    yield _figures(metrics)
    yield _columns(metrics)
    yield _charts(metrics)
    yield _misses(metrics)


def column_cells(errors: ColumnErrors) -> tuple[str, ...]:
    """Return a cell for each of `COLUMN_HEADS` after the first; the column's name has the unit."""
    shown = (errors.mae, errors.rmse, errors.r2, errors.bias, errors.median)
    return f"{errors.mae.n:,}", *map(_show, shown)


def _show(estimate: Estimate) -> str:
    return MISSING if math.isnan(estimate.value) else format_amount(estimate.value, 3)


def _figures(metrics: RegressionMetrics) -> Section:
    named = zip(make_figures(metrics.spec), metrics.overall, strict=True)
    scores = [Score(at, e.value, e.low, e.high, len(metrics)) for at, e in named]
    several = len(metrics.spec.names) > 1
    mean = "mean " if several else ""
    lead = scores[0].figure
    tiles = (
        *(
            Tile(score.shown, f"{mean}{score.figure.title}, 95 % interval {score.interval}")
            for score in scores
            if not math.isnan(score.value)
        ),
        Tile(lead.show(metrics.constant_mae), "MAE of always predicting the training median"),
    )
    spreads = (
        " The columns have no unit in common: errors are divided by the standard deviation of "
        "their column among the training images before they are averaged."
        if shared_unit(metrics.spec) == SPREAD
        else ""
    )
    return Section(
        "Metrics",
        "MAE is the mean absolute error: how far a prediction is off on average. RMSE, the root "
        "of the mean squared error, weighs large errors more; far above the MAE it says that a "
        "few images are far off. R2 is the share of the numbers’ variance that is predicted: 1 "
        "is perfect, 0 no better than their mean, below 0 worse. The interval says where the "
        "true figure most likely lies: images are drawn anew 1,000 times, and 95 in 100 of the "
        f"figures lie in it (Efron, 1979).{spreads}",
        (Tiles(tiles),),
    )


def _columns(metrics: RegressionMetrics) -> Section:
    left, *others = COLUMN_HEADS
    heads = Head(left, left=True), *map(Head, others)
    rows = tuple(
        _row(name, errors) for name, errors in zip(metrics.spec.names, metrics.columns, strict=True)
    )
    parts: tuple[Part, ...] = (Table("Errors by column", heads, rows),)
    missing = int((~metrics.known).sum())
    if missing:
        numbers = f"{missing:,} of {metrics.known.size:,} numbers"
        parts = (*parts, Text(f"{numbers} are missing here; each is left out of its column."))
    return Section(
        "Errors by column",
        "Errors are in the unit of the column; in brackets the 95 % interval. The bias is the "
        "mean of prediction − truth: above 0, predictions are too high on average. Half of the "
        "images have an absolute error below the median error.",
        parts,
    )


def _row(name: str, errors: ColumnErrors) -> tuple[Cell, ...]:
    shown = column_cells(errors)
    estimates = (None, errors.mae, errors.rmse, errors.r2, errors.bias, None)
    cells = (
        Cell(text if estimate is None else (text, " ", Span(_interval(estimate), "soft")))
        for text, estimate in zip(shown, estimates, strict=True)
    )
    return Cell((Span(name),)), *cells


def _interval(estimate: Estimate) -> str:
    """Return "(1.2 to 1.9)"; "" without an interval."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"({format_amount(estimate.low, 3)} to {format_amount(estimate.high, 3)})"


def _charts(metrics: RegressionMetrics) -> Section:
    parts: list[Part] = []
    for column, name in enumerate(metrics.spec.names[:MOST_CHARTS]):
        predicted, true = metrics.predicted[:, column], metrics.true[:, column]
        parts.append(
            Charts(
                (
                    make_scatter_chart(predicted, true, name),
                    make_residual_chart(predicted, true, f"{name}: errors"),
                )
            )
        )
    if (more := len(metrics.spec.names) - MOST_CHARTS) > 0:
        parts.append(Text(f"The first {MOST_CHARTS} columns; {more:,} more are in the table."))
    return Section(
        "Predicted and true",
        "A dot is an image. On the left, the nearer to the diagonal the better; a cloud flatter "
        "than the diagonal says that predictions are drawn towards the mean. On the right, the "
        "errors by prediction: a slope or a bend is something still to be learned, and a funnel "
        "says that errors grow with the number.",
        tuple(parts),
    )


def _misses(metrics: RegressionMetrics) -> Section:
    worst = metrics.worst(MOST_MISSES)
    total = int(metrics.known.any(axis=1).sum())
    more = f"The worst {len(worst)} of {count_noun(total, 'image')}." * (total > len(worst))
    several = len(metrics.spec.names) > 1
    scaled = " in standard deviations of its column" * several
    return Section(
        "The worst errors",
        f"The images with the largest errors{scaled}, the largest first. Look for images whose "
        "number is wrong or missing its sign, that are cut off or hard for you too, and for what "
        "they have in common.",
        (Gallery(tuple(_picture(miss, several=several) for miss in worst), more),),
    )


def _picture(miss: Miss, *, several: bool) -> Picture:
    unit = f" {column_unit(miss.column)}".rstrip()
    true, predicted = f"{format_amount(miss.true)}{unit}", f"{format_amount(miss.predicted)}{unit}"
    name = (Span(miss.column), ": ") if several else ()
    return Picture(
        miss.row,
        (*name, "true ", Span(true, "strong"), ", predicted ", Span(predicted, "wrong")),
        f"An image of {miss.column} {true}, predicted as {predicted}",
    )
