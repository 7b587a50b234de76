"""The picture of a comparison: the figure with its interval against each cost, and the frontier."""

from __future__ import annotations

from striate.plotting.chart import Axis, Chart, Line, Name, Series
from striate.plotting.grid import draw_grid
from striate.plotting.shapes import BLUE, ORANGE, PEN, SOFT, Picture
from striate.studies.comparison import COSTS, Comparison, Cost, Finalist
from striate.text import format_percent

_WIDE, _HIGH = 450, 320
_DOT, _CAP = 4.5, 1.015  #: radius of a network's dot; half a whisker's end, as a factor of its x
_ROOM = 2.0  #: factor of the costs left free on each side, for names
_LETTERS = 24  #: most of a network's name


def draw_comparison(comparison: Comparison) -> Picture:
    """Draw a chart for each cost, side by side."""
    figure = comparison.best.score.figure
    charts = [_chart(comparison, cost, label) for cost, label in COSTS.items()]
    return draw_grid(
        [charts],
        f"Validation {figure.title} against what it costs",
        "whiskers: 95 % intervals; logarithmic costs",
        (("no network is better and as cheap", ORANGE), ("another is", BLUE)),
    )


def _chart(comparison: Comparison, cost: Cost, label: str) -> Chart:
    figure, frontier = comparison.best.score.figure, comparison.frontier(cost)
    others = [each for each in comparison.finalists if each not in frontier]
    steps = Line(
        tuple((_cost(each, cost), each.score.value) for each in frontier),
        color=ORANGE, width=1.5, dashes=(4, 3), opacity=SOFT,
    )  # fmt: skip
    series: list[Series] = [steps]
    for color, group in ((BLUE, others), (ORANGE, frontier)):
        for each in group:
            series += _network(each, cost, color)
    costs = [_cost(each, cost) for each in comparison.finalists]
    shares = figure.form != "number"
    axis = Axis(show=lambda share: format_percent(share, 0)) if shares else Axis(figure.unit)
    return Chart(
        tuple(series),
        "",
        Axis(label, (min(costs) / _ROOM, max(costs) * _ROOM), log=True),
        axis,
        width=_WIDE,
        height=_HIGH,
        name=f"Validation {figure.title} against {label}",
    )


def _network(each: Finalist, cost: Cost, color: str) -> list[Series]:
    """Draw a network's dot, whisker and name."""
    x, score = _cost(each, cost), each.score
    drawn: list[Series] = [Line(((x, score.value),), color=color, width=0, radius=_DOT)]
    if score.low is not None and score.high is not None:
        drawn.append(Line(((x, score.low), (x, score.high)), color=PEN, width=1, opacity=SOFT))
        for end in (score.low, score.high):
            cap = ((x / _CAP, end), (x * _CAP, end))
            drawn.append(Line(cap, color=PEN, width=1, opacity=SOFT))
    name = each.network
    short = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
    return [*drawn, Name((x, score.value), short)]


def _cost(each: Finalist, cost: Cost) -> float:
    return each.cost(cost) / (1e6 if cost == "bytes" else 1)
