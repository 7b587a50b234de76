"""Geometry of the report's learning curves: loss, accuracy and learning rate per epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby, pairwise

from striate.text import MISSING, format_percent
from striate.training.events import Epoch

#: chart size in SVG units, one CSS pixel each at the usual display width
WIDTH, HEIGHT = 360, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 344, 16, 180

#: most epochs with dots on the lines, and with tooltip strips
DOTTED, POINTED = 30, 200


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    label: str  #: "train", "validation" or "rate"
    pieces: tuple[str, ...]  #: points of one SVG polyline each; non-finite values leave gaps
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """Vertical strip of the chart with a tooltip of one epoch's values."""

    left: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    strips: tuple[Strip, ...]
    kept: tuple[float, float | None] | None  #: x and y of the kept (best) epoch


def make_charts(epochs: Sequence[Epoch]) -> tuple[Chart, ...]:
    """Return charts of loss, accuracy and learning rate; empty without epochs."""
    if not epochs:
        return ()
    loss = {
        "train": [row.train_loss for row in epochs],
        "validation": [row.validation_loss for row in epochs],
    }
    right = {
        "train": [row.train_accuracy for row in epochs],
        "validation": [row.validation_accuracy for row in epochs],
    }
    rate = {"rate": [row.learning_rate for row in epochs]}
    return (
        _chart("Loss", epochs, loss, number),
        _chart("Accuracy", epochs, right, format_percent),
        _chart("Learning rate", epochs, rate, number),
    )


def kept_epoch(epochs: Sequence[Epoch]) -> Epoch | None:
    """Return the epoch whose weights were kept: the last one marked best."""
    return next((row for row in reversed(epochs) if row.best), None)


def number(value: float) -> str:
    """Format with three significant digits."""
    return f"{value:.3g}" if math.isfinite(value) else MISSING


def make_ticks(low: float, high: float) -> list[float]:
    """Return three to seven round ticks, 1, 2 or 5 times a power of ten apart, around low and high.

    A single value gets an axis from 0; low and high must be 0 or more.
    """
    if low == high:
        low, high = 0.0, high or 1.0
    reach = high - low
    power = 10.0 ** math.floor(math.log10(reach / 5))
    step = next(power * times for times in (1, 2, 5, 10) if power * times * 5 >= reach * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{step * at:.10g}") for at in range(first, last + 1)]


def _chart(
    name: str,
    epochs: Sequence[Epoch],
    series: dict[str, list[float]],
    shown: Callable[[float], str],
) -> Chart:
    seen = [value for values in series.values() for value in values if math.isfinite(value)]
    marks = make_ticks(min(seen, default=0.0), max(seen, default=1.0))
    xs = _across(epochs)

    def height(value: float) -> float:
        share = (value - marks[0]) / (marks[-1] - marks[0])
        return round(BOTTOM - share * (BOTTOM - TOP), 1)

    ys = {
        label: [height(value) if math.isfinite(value) else None for value in values]
        for label, values in series.items()
    }
    at = max((at for at, row in enumerate(epochs) if row.best), default=None)
    chosen = list(ys.values())[-1]
    return Chart(
        name,
        tuple(_line(label, xs, heights) for label, heights in ys.items()),
        tuple(_epoch_ticks(epochs, xs)),
        tuple(Tick(height(value), shown(value).replace(".0 %", " %")) for value in marks),
        tuple(_strips(epochs, xs, series, shown)),
        None if at is None else (xs[at], chosen[at]),
    )


def _across(epochs: Sequence[Epoch]) -> list[float]:
    if len(epochs) == 1:
        return [(LEFT + RIGHT) / 2]
    first, last = epochs[0].epoch, epochs[-1].epoch
    scale = (RIGHT - LEFT) / (last - first)
    return [round(LEFT + (row.epoch - first) * scale, 1) for row in epochs]


def _line(label: str, xs: Sequence[float], ys: Sequence[float | None]) -> Line:
    """Split the line at gaps; short curves get a dot per value, others only at isolated values."""
    points = list(zip(xs, ys, strict=True))
    pieces = [
        [(x, y) for x, y in run if y is not None]
        for gap, run in groupby(points, key=lambda point: point[1] is None)
        if not gap
    ]
    dots = [
        point for piece in pieces for point in piece if len(points) <= DOTTED or len(piece) == 1
    ]
    joined = (" ".join(f"{x:g},{y:g}" for x, y in piece) for piece in pieces if len(piece) > 1)
    return Line(label, tuple(joined), tuple(dots))


def _epoch_ticks(epochs: Sequence[Epoch], xs: Sequence[float]) -> list[Tick]:
    """Return up to seven ticks at round epochs."""
    step = next(step for step in _round_steps() if len(epochs) <= 7 * step)
    shown = [at for at, row in enumerate(epochs) if row.epoch % step == 0]
    return [Tick(xs[at], f"{epochs[at].epoch:,}") for at in shown]


def _round_steps() -> Iterator[int]:
    return (times * 10**power for power in count() for times in (1, 2, 5))


def _strips(
    epochs: Sequence[Epoch],
    xs: Sequence[float],
    series: dict[str, list[float]],
    shown: Callable[[float], str],
) -> list[Strip]:
    if len(epochs) > POINTED:
        return []
    middles = [(a + b) / 2 for a, b in pairwise(xs)]
    edges = [LEFT, *middles, RIGHT]
    found: list[Strip] = []
    for at, row in enumerate(epochs):
        values = ", ".join(f"{label} {shown(each[at])}" for label, each in series.items())
        left, right = edges[at], edges[at + 1]
        found.append(Strip(round(left, 1), round(right - left, 1), f"epoch {row.epoch}: {values}"))
    return found
