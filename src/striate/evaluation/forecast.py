"""What a forecast says of more training images, as values and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from striate.metrics.estimates import Estimate
from striate.tasks.figures import Figure, Score
from striate.text import MISSING, columns, count_noun, format_amount, shorten_name

AHEAD = 2  #: how many times the images are foretold
FEW = 10  #: validation images of a class below which nothing is said of it

Rows = list[tuple[str, ...]]


@dataclass(frozen=True)
class Expected:
    """A figure with all images, with twice as many, and the gain, above 0 where that is better."""

    now: Estimate
    twice: Estimate
    gain: Estimate

    @property
    def clear(self) -> bool:
        """Whether the interval of the gain leaves out 0."""
        low, high = self.gain.bounds
        return low > 0 or high < 0

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {name: getattr(self, name).to_json() for name in ("now", "twice", "gain")}


@dataclass(frozen=True)
class ClassForecast:
    """The leading figure over the validation images of one class."""

    name: str
    images: int  #: to train on
    expected: Expected
    lawful: bool  #: whether all classes together follow a law, whose exponent this one has

    @property
    def verdict(self) -> str:
        """Return "gains", "loses", "few images" to judge it by, or "cannot tell"."""
        if self.expected.now.n < FEW:
            return "few images"
        if not (self.lawful and self.expected.clear):
            return "cannot tell"
        return "gains" if self.expected.gain.value > 0 else "loses"


@dataclass(frozen=True)
class Forecast:
    """A learning curve with its law, and what twice the training images would bring."""

    figure: Figure
    source: str  #: what made the features
    images: int  #: to train on
    sizes: tuple[int, ...]  #: of the parts
    draws: tuple[int, ...]  #: random parts of each size
    points: tuple[Estimate, ...]  #: the figure at each size
    floor: float  #: of the error, whose law is floor + scale n^-exponent
    scale: float
    exponent: float
    expected: Expected
    spread: float  #: standard deviation of the figure from one set of training images to another
    #: number of images, and the figure that the law gives there: value, low, high
    curve: tuple[tuple[float, float, float, float], ...]
    doubts: tuple[str, ...]  #: why it cannot tell; empty if it can
    classes: tuple[ClassForecast, ...]  #: empty where targets are no classes

    @property
    def verdict(self) -> str:
        """What twice the images would bring, or why that is unknown."""
        twice = f"twice the images ({AHEAD * self.images:,})"
        if self.doubts:
            return f"cannot tell what {twice} would bring: {'; '.join(self.doubts)}"
        gain = self.expected.gain
        return (
            f"{twice} would bring {show_gain(self.figure, gain.value)} on average (95 % interval "
            f"{show_interval(self.figure, gain)})"
        )

    @property
    def title(self) -> str:
        """The verdict in a few words."""
        if self.doubts:
            return "Twice the images: cannot tell"
        gain = self.expected.gain
        interval = show_interval(self.figure, gain)
        return f"Twice the images: {show_gain(self.figure, gain.value)} ({interval}) more"

    @property
    def law(self) -> str:
        """The law of the error as text."""
        floor, scale, power = (format_amount(x, 3) for x in (self.floor, self.scale, self.exponent))
        return f"error = {floor} + {scale} n^-{power}"

    @property
    def heading(self) -> str:
        """What was measured."""
        judged = count_noun(self.points[0].n, "validation image")
        return f"{self.figure.title} of linear heads on features of {self.source}, on {judged}"

    def rows(self) -> Rows:
        """Return the table of the curve, with its heads."""
        found: Rows = [("images", self.figure.title, "95 % interval", "heads")]
        for size, draws, point in zip(self.sizes, self.draws, self.points, strict=True):
            shown = score(self.figure, point)
            found.append((f"{size:,}", shown.shown, shown.interval, str(draws)))
        shown = score(self.figure, self.expected.twice)
        if not self.doubts:
            found.append((f"{AHEAD * self.images:,}", shown.shown, shown.interval, "foretold"))
        return found

    def class_rows(self) -> Rows:
        """Return the table of the classes, with its heads; the largest gain first."""
        heads = ("class", "to train", "to judge", self.figure.title, "gain", "95 % interval", "")
        order = sorted(self.classes, key=lambda each: (each.verdict != "gains", _least_gain(each)))
        return [heads, *(self._class_row(each) for each in order)]

    def _class_row(self, each: ClassForecast) -> tuple[str, ...]:
        now, gain = each.expected.now, each.expected.gain
        if each.verdict == "few images":
            known = (MISSING, MISSING, MISSING)
        else:
            known = (
                score(self.figure, now).shown,
                show_gain(self.figure, gain.value),
                show_interval(self.figure, gain),
            )
        return shorten_name(each.name), f"{each.images:,}", f"{now.n:,}", *known, each.verdict

    def __str__(self) -> str:
        """Return what a terminal shows: verdict, curve, law and classes."""
        parts = [self.heading, "\n".join(columns(self.rows(), left=(3,))), self.law, self.verdict]
        if self.classes:
            parts.append("\n".join(columns(self.class_rows(), left=(0, 6))))
        return "\n\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        named = ("source", "images", "sizes", "draws", "floor", "scale", "exponent", "spread")
        return {
            "figure": self.figure.name,
            **{name: getattr(self, name) for name in named},
            "points": [point.to_json() for point in self.points],
            **self.expected.to_json(),
            "doubts": list(self.doubts),
            "classes": [
                {"name": each.name, "images": each.images, "verdict": each.verdict,
                 **each.expected.to_json()}
                for each in self.classes
            ],
        }  # fmt: skip


def _least_gain(each: ClassForecast) -> tuple[bool, float]:
    return each.verdict == "few images", -each.expected.gain.value


def score(figure: Figure, estimate: Estimate) -> Score:
    """Return an estimate as a score of the figure."""
    return Score(figure, estimate.value, estimate.low, estimate.high, estimate.n)


def show_gain(figure: Figure, gain: float) -> str:
    """Format a difference of figures: "2.1 points", "0.3 °C"."""
    if figure.form == "number":
        return f"{format_amount(gain, 3)} {figure.unit}".rstrip()
    return f"{format_amount(100 * gain, 2)} points"


def show_interval(figure: Figure, gain: Estimate) -> str:
    """Format the interval of a difference: "0.4 to 3.9 points"."""
    if gain.low is None or gain.high is None:
        return "unknown"
    low = show_gain(figure, gain.low).partition(" ")[0]
    return f"{low} to {show_gain(figure, gain.high)}"
