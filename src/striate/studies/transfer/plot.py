"""The plot of a transferability study, as figure 2 of Yosinski et al. 2014: figure against n."""

from __future__ import annotations

import math
from itertools import chain

from striate.plotting.chart import Axis, Bars, Chart, Line, Series
from striate.plotting.chart_layout import draw_chart
from striate.plotting.png import to_png
from striate.plotting.shapes import BLUE, ORANGE, PEN, SOFT, Point
from striate.plotting.svg import to_svg
from striate.plotting.ticks import format_tick
from striate.studies.transfer.plan import TRANSFERS, Kind
from striate.studies.transfer.result import Transferability
from striate.text import capitalize, format_percent, shorten

_LABELS: dict[Kind, str] = {
    "AnB": "AnB: of A, frozen",
    "AnB+": "AnB+: of A, fine-tuned",
    "BnB": "BnB: of B, frozen",
    "BnB+": "BnB+: of B, fine-tuned",
}
_APART = 0.05  #: between the lines at one n, so that their whiskers do not hide each other
_DOT, _RING, _WHISKER = 3.5, 1.5, 1.2  #: radius and widths in pixels
_BESIDE = 0.4  #: room of the x axis on either side of its first and last n
_BAND = 0.15  #: opacity
_LONGEST = 40  #: letters of the name of A, and of B


def draw_transferability(study: Transferability, suffix: str) -> bytes:
    """Return the plot as the bytes of an .svg or .png file."""
    picture = draw_chart(make_transfer_chart(study))
    return to_svg(picture).encode() if suffix == ".svg" else to_png(picture)


def make_transfer_chart(study: Transferability) -> Chart:
    """Return a line for each way of transferring; B from nothing is a band behind them."""
    depths, figure = study.depths, study.figure
    left, right = depths[0] - _BESIDE, depths[-1] + _BESIDE
    lines = chain.from_iterable(_line(study, kind) for kind in TRANSFERS)
    title = f"{capitalize(figure.title)} on B, the first n stages kept"
    sides = "; ".join(
        f"{side} is {shorten(name, _LONGEST)}" for side, name in zip("AB", study.names, strict=True)
    )
    percent = figure.form != "number"
    return Chart(
        (*_base(study, left, right), *lines),
        title,
        Axis("n, the stages kept", (left, right), whole=True, show=lambda n: f"{n:.0f}"),
        Axis(sides, show=_whole_percent if percent else format_tick),
        width=640,
        height=420,
        name=f"{title}, with 95 % intervals over seeds; {sides}",
        tooltips=tuple((float(n), _tooltip(study, n)) for n in depths),
    )


def _base(study: Transferability, left: float, right: float) -> tuple[Series, ...]:
    """Return the band and the middle of B from nothing."""
    found = study.estimate("B", 0)
    middle = Line(
        ((left, found.value), (right, found.value)),
        "B from nothing",
        PEN,
        width=1.5,
        dashes=(5, 3),
        opacity=SOFT,
    )
    if found.low is None or found.high is None:
        return (middle,)
    band = Bars((left, right), (found.high,), (found.low,), color=PEN, opacity=_BAND)
    return band, middle


def _line(study: Transferability, kind: Kind) -> tuple[Line, Line]:
    """Return the whiskers of a line, and the line."""
    aside = _APART * (TRANSFERS.index(kind) - (len(TRANSFERS) - 1) / 2)
    color = ORANGE if kind.startswith("A") else BLUE
    points, whiskers = list[Point](), list[Point]()
    for n in study.depths:
        found = study.estimate(kind, n)
        points.append((n + aside, found.value))
        if found.low is not None and found.high is not None:
            # what is not finite parts one whisker from the next
            whiskers += [(n + aside, found.low), (n + aside, found.high), (n, math.nan)]
    tuned = kind.endswith("+")
    return (
        Line(tuple(whiskers), color=color, width=_WHISKER),
        Line(
            tuple(points),
            _LABELS[kind],
            color,
            dashes=(2, 3) if tuned else (),
            radius=_DOT,
            ring=_RING if tuned else 0,
        ),
    )


def _tooltip(study: Transferability, n: int) -> str:
    means = (f"{kind} {study.figure.show(study.estimate(kind, n).value)}" for kind in TRANSFERS)
    return f"n = {n}, up to {study.stages[n - 1]}: {', '.join(means)}"


def _whole_percent(value: float) -> str:
    return format_percent(value).replace(".0 %", " %")
