"""SVG or PNG plot of a learning-rate range test: loss over learning rate."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from PIL import Image, ImageDraw

from striate.evaluation.curves import make_ticks, number
from striate.plotting.ink import GRAY, INK, LINE, PAPER, font
from striate.training.lr_finder import RateTest

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 620, 44, 344
_PALE, _BLUE, _RED = "#b9cbe8", "#2f5fb3", "#b3261e"
_SHARP = 2  #: PNG pixels per unit of the drawing
Point = tuple[float, float]


@dataclass(frozen=True)
class Text:
    at: Point  #: position of the anchor on the baseline
    text: str
    anchor: str = "middle"  #: or "start" or "end"
    color: str = GRAY
    size: int = 13


@dataclass(frozen=True)
class Stroke:
    points: tuple[Point, ...]
    color: str
    width: float = 1.0


def draw_rate_test(test: RateTest, suffix: str) -> bytes:
    """Return the plot as the bytes of a file."""
    strokes, texts = list(_strokes(test)), list(_texts(test))
    return _svg(test, strokes, texts).encode() if suffix == ".svg" else _png(strokes, texts)


@dataclass(frozen=True)
class _Axes:
    """Axes: logarithmic learning rate, linear loss."""

    rates: tuple[float, float]
    losses: tuple[float, float]

    def at(self, rate: float, loss: float) -> Point:
        """Map to drawing coordinates; a loss above the axis is clamped."""
        low, high = map(math.log, self.rates)
        across = (math.log(rate) - low) / (high - low)
        up = (min(loss, self.losses[1]) - self.losses[0]) / (self.losses[1] - self.losses[0])
        return (
            round(_LEFT + across * (_RIGHT - _LEFT), 1),
            round(_BOTTOM - max(up, 0.0) * (_BOTTOM - _TOP), 1),
        )


def _axes(test: RateTest) -> _Axes:
    """Choose axis limits; a diverging loss is cut off, so that the descent stays readable."""
    marks = make_ticks(min(*test.losses, test.start), 1.5 * max(test.start, min(test.smoothed)))
    return _Axes((test.rates[0], test.rates[-1]), (marks[0], marks[-1]))


def _strokes(test: RateTest) -> Iterator[Stroke]:
    axes = _axes(test)
    low, high = axes.losses
    for loss in make_ticks(low, high):
        yield Stroke((axes.at(test.rates[0], loss), axes.at(test.rates[-1], loss)), LINE)
    for rate in _decades(test):
        yield Stroke((axes.at(rate, low), axes.at(rate, high)), LINE)
    for losses, color, width in ((test.losses, _PALE, 1.2), (test.smoothed, _BLUE, 2.2)):
        yield from _inside(zip(test.rates, losses, strict=True), axes, color, width)
    if test.suggested:
        rate = max(test.suggested, test.rates[0])
        yield Stroke((axes.at(rate, low), axes.at(rate, high)), _RED, 1.6)


def _inside(curve: Iterable[Point], axes: _Axes, color: str, width: float) -> Iterator[Stroke]:
    """Return the pieces of a curve that lie inside the plot."""
    for inside, run in groupby(curve, key=lambda point: point[1] <= axes.losses[1]):
        points = tuple(axes.at(rate, loss) for rate, loss in run)
        if inside and len(points) > 1:
            yield Stroke(points, color, width)


def _texts(test: RateTest) -> Iterator[Text]:
    axes = _axes(test)
    low, high = axes.losses
    title = f"{test.network}, {test.optimizer}, {test.batch} images a step"
    yield Text((_LEFT, 24), title, "start", INK, 15)
    yield Text((_RIGHT, 24), "loss of a step, and smoothed", "end")
    for loss in make_ticks(low, high):
        x, y = axes.at(test.rates[0], loss)
        yield Text((x - 8, y + 4), number(loss), "end")
    for rate in _decades(test):
        x, _ = axes.at(rate, low)
        yield Text((x, _BOTTOM + 20), f"{rate:g}")
    yield Text(((_LEFT + _RIGHT) / 2, _HEIGHT - 12), "learning rate")
    if test.suggested:
        x, _ = axes.at(max(test.suggested, test.rates[0]), low)
        side, anchor = (6, "start") if x < (_LEFT + _RIGHT) / 2 else (-6, "end")
        yield Text((x + side, _TOP + 18), f"suggested: {test.suggested:.2g}", anchor, _RED)


def _decades(test: RateTest) -> list[float]:
    first, last = math.ceil(math.log10(test.rates[0]) - 1e-9), math.log10(test.rates[-1])
    return [float(f"1e{power}") for power in range(first, math.floor(last + 1e-9) + 1)]


def _svg(test: RateTest, strokes: list[Stroke], texts: list[Text]) -> str:
    lines = "".join(
        f'<polyline points="{" ".join(f"{x:g},{y:g}" for x, y in stroke.points)}" '
        f'stroke="{stroke.color}" stroke-width="{stroke.width:g}"/>\n'
        for stroke in strokes
    )
    words = "".join(
        f'<text x="{text.at[0]:g}" y="{text.at[1]:g}" text-anchor="{text.anchor}" '
        f'font-size="{text.size}" fill="{text.color}">{escape(text.text)}</text>\n'
        for text in texts
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" fill="none" stroke-linejoin="round" '
        "style=\"font-family:system-ui,'Helvetica Neue',Arial,sans-serif\">\n"
        f"<title>The loss of {escape(test.network)} over the learning rate</title>\n"
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n{lines}{words}</svg>\n'
    )


def _png(strokes: list[Stroke], texts: list[Text]) -> bytes:
    fine = 2 * _SHARP  # supersampled, then downscaled for smooth edges
    image = Image.new("RGB", (_WIDTH * fine, _HEIGHT * fine), PAPER)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        points = [(x * fine, y * fine) for x, y in stroke.points]
        draw.line(points, stroke.color, round(stroke.width * fine), joint="curve")
    image = image.reduce(2)
    draw = ImageDraw.Draw(image)
    anchors = {"start": "ls", "middle": "ms", "end": "rs"}
    for text in texts:
        place = (text.at[0] * _SHARP, text.at[1] * _SHARP)
        draw.text(place, text.text, text.color, font(text.size * _SHARP), anchors[text.anchor])
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
