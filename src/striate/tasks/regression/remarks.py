"""Remarks on regression: how far to trust its errors, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from striate.tasks.regression.figures import column_unit, make_figures
from striate.tasks.regression.metrics import FEW, RegressionMetrics
from striate.tasks.sections import Remark, remark_width, same_answer
from striate.text import count_noun, format_amount, list_names

#: width of the interval as a share of the MAE above which it is only a rough estimate
WIDE = 0.5
#: RMSE over MAE above which a few errors are far larger than the others; 1.25 if they are normal
TAILED = 2.0


def make_remarks(metrics: RegressionMetrics) -> Iterator[Remark]:
    """Yield the remarks on regression, the most serious kinds first."""
    yield _precision(metrics)
    if metrics.is_constant:
        yield Remark(same_answer(len(metrics)), warning=True)
    yield from _better(metrics)
    yield from _columns(metrics)
    yield from _bias(metrics)
    yield from _tail(metrics)


def _precision(metrics: RegressionMetrics) -> Remark:
    mae, figure = metrics.overall[0], make_figures(metrics.spec)[0]
    if mae.low is None or mae.high is None:
        start = f"With {count_noun(len(metrics), 'image')} the 95 % interval of the MAE is unknown"
        return Remark(f"{start}: evaluate on more images.", warning=True)
    width = mae.high - mae.low
    rough = width > WIDE * mae.value
    return remark_width("MAE", len(metrics), figure.show(width), rough=rough)


def _better(metrics: RegressionMetrics) -> Iterator[Remark]:
    mae, figure = metrics.overall[0], make_figures(metrics.spec)[0]
    if mae.high is None or metrics.constant_mae <= mae.high:
        yield Remark(
            "Always predicting the training median has an MAE of "
            f"{figure.show(metrics.constant_mae)}: the network is not clearly better than this "
            "constant.",
            warning=True,
        )


def _columns(metrics: RegressionMetrics) -> Iterator[Remark]:
    named = list(zip(metrics.spec.names, metrics.columns, strict=True))
    if worse := [name for name, errors in named if errors.r2.value <= 0] * (len(named) > 1):
        are = "is" if len(worse) == 1 else "are"
        yield Remark(
            f"{list_names(worse)} {are} predicted no better than by the mean (R2 of 0 or below).",
            warning=True,
        )
    if few := [name for name, errors in named if errors.mae.n < FEW]:
        have = "column has" if len(few) == 1 else "columns have"
        yield Remark(
            f"{len(few):,} {have} fewer than {FEW} numbers here ({list_names(few)}): the errors "
            "of such a column are little more than chance.",
            warning=True,
        )


def _bias(metrics: RegressionMetrics) -> Iterator[Remark]:
    """Report columns whose interval of the bias leaves out 0."""
    for name, errors in zip(metrics.spec.names, metrics.columns, strict=True):
        bias, unit = errors.bias, column_unit(name)
        if bias.low is None or bias.high is None or bias.low <= 0 <= bias.high:
            continue
        size = f"{format_amount(abs(bias.value), 3)} {unit}".rstrip()
        way = "high" if bias.value > 0 else "low"
        yield Remark(
            f"Predictions of {list_names([name])} are {size} too {way} on average (95 % interval "
            f"of the bias {format_amount(bias.low, 3)} to {format_amount(bias.high, 3)})."
        )


def _tail(metrics: RegressionMetrics) -> Iterator[Remark]:
    mae, rmse, _ = metrics.overall
    if not math.isnan(rmse.value) and rmse.value > TAILED * mae.value > 0:
        yield Remark(
            f"The RMSE is {rmse.value / mae.value:.1f} times the MAE: a few images are far off; "
            "look at the worst errors first."
        )
