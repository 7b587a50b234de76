"""Learning curves of the report: loss, leading figure and learning rate per epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median

from striate.plotting.chart import Axis, Chart, Line, Rule, Series
from striate.plotting.shapes import PEN, SOFT, Point
from striate.plotting.ticks import format_tick
from striate.tasks.figures import Figure
from striate.text import MISSING, capitalize, count_noun, format_percent
from striate.training.events import Epoch

#: most epochs with dots on the lines, and with tooltips
DOTTED, POINTED = 30, 200
#: the loss has a logarithmic axis if the largest is above LARGE and this many times the median
FAR, LARGE = 10, 20
_DOT, _KEPT = 2.5, 4.5  #: radius of an epoch's dot, and of that of the kept one

Values = dict[str, list[float]]


def make_charts(epochs: Sequence[Epoch], figure: Figure) -> tuple[Chart, ...]:
    """Return charts of loss, leading figure and learning rate; empty without epochs."""
    if not epochs:
        return ()
    loss = {
        "training": [row.train_loss for row in epochs],
        "validation": [row.validation_loss for row in epochs],
    }
    figures = {
        "training": [row.train.get(figure.name, math.nan) for row in epochs],
        "validation": [row.validation.get(figure.name, math.nan) for row in epochs],
    }
    if all(map(math.isnan, figures["training"])):
        del figures["training"]  # measured on validation only
    rate = {"rate": [row.learning_rate for row in epochs]}
    far = _differ_widely([*loss["training"], *loss["validation"]])
    return (
        _chart("Loss (log scale)" if far else "Loss", epochs, loss, number, log=far),
        _chart(
            capitalize(figure.title),
            epochs,
            figures,
            figure.show,
            percent=figure.form != "number",
        ),
        _chart("Learning rate", epochs, rate, number),
    )


def _differ_widely(losses: Sequence[float]) -> bool:
    """Whether one loss would press all others to the bottom of a linear axis."""
    seen = [loss for loss in losses if math.isfinite(loss)]
    return bool(seen) and min(seen) > 0 and max(seen) > FAR * median(seen) and max(seen) > LARGE


def kept_epoch(epochs: Sequence[Epoch]) -> Epoch | None:
    """Return the epoch whose weights were kept: the last one marked best."""
    return next((row for row in reversed(epochs) if row.best), None)


def number(value: float) -> str:
    """Format with three significant digits, and all that stand before the point."""
    if not math.isfinite(value):
        return MISSING
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def _chart(
    name: str,
    epochs: Sequence[Epoch],
    values: Values,
    show: Callable[[float], str],
    *,
    log: bool = False,
    percent: bool = False,
) -> Chart:
    places = [row.epoch for row in epochs]
    curves = {label: tuple(zip(places, each, strict=True)) for label, each in values.items()}
    return Chart(
        (*_lines(curves), *_kept(epochs, list(curves.values())[-1])),
        name,
        Axis(limits=(places[0], places[-1]), whole=True, show=lambda epoch: f"{epoch:,.0f}"),
        Axis(log=log, show=_whole_percent if percent else format_tick),
        name=f"{name} over {count_noun(len(epochs), 'epoch')}; the table below has the values",
        tooltips=_tooltips(epochs, values, show),
    )


def _whole_percent(value: float) -> str:
    return format_percent(value).replace(".0 %", " %")


def _lines(curves: Mapping[str, tuple[Point, ...]]) -> list[Line]:
    """Return a line for each curve, that of the training images dashed; dots if it is short."""
    lines = list[Line]()
    for label, points in curves.items():
        radius = _DOT if len(points) <= DOTTED else 0
        line = Line(points, label if len(curves) > 1 else "", radius=radius)
        if label == "training":
            line = replace(line, color=PEN, opacity=SOFT, dashes=(5, 3))
        lines.append(line)
    return lines


def _kept(epochs: Sequence[Epoch], points: Sequence[Point]) -> list[Series]:
    """Mark the kept epoch by a dotted line and a larger dot."""
    kept = kept_epoch(epochs)
    if kept is None:
        return []
    dot = Line(tuple(point for point in points if point[0] == kept.epoch), radius=_KEPT)
    return [Rule(kept.epoch, f"epoch {kept.epoch}, kept", width=1, dashes=(2, 3)), dot]


def _tooltips(
    epochs: Sequence[Epoch], values: Values, show: Callable[[float], str]
) -> tuple[tuple[float, str], ...]:
    if len(epochs) > POINTED:
        return ()
    found: list[tuple[float, str]] = []
    for at, row in enumerate(epochs):
        texts = ", ".join(f"{label} {show(each[at])}" for label, each in values.items())
        found.append((row.epoch, f"epoch {row.epoch}: {texts}"))
    return tuple(found)
