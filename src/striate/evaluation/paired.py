"""Two models judged on the same images: a paired test of their answers, or of their figures."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from striate.evaluation.forecast import show_gain, show_interval
from striate.metrics.estimates import Estimate
from striate.metrics.paired import bootstrap_difference, count_alone, mcnemar
from striate.tasks.figures import Figure
from striate.tasks.results import Resampled, Results, RightOrWrong
from striate.text import count_noun

_CHANCE = 0.05  #: p-value below which two models differ


@dataclass(frozen=True)
class Paired:
    """McNemar's exact test of two models on the same images."""

    p: float
    only_first: int  #: images that only the first answers correctly
    only_second: int

    @property
    def better(self) -> int | None:
        """Which of the two is better, 0 or 1; None where the images do not tell."""
        return int(self.only_second > self.only_first) if self.p < _CHANCE else None

    def tell(self, first: str, second: str) -> str:
        """Return the test as a sentence, given what the two are called."""
        return (
            f"Only {first} is right on {count_noun(self.only_first, 'image')}, only {second} on "
            f"{self.only_second:,}: p = {self.p:.2g} (McNemar's exact test), "
            f"{tell_better(self, first, second)}."
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"test": "mcnemar_exact", **asdict(self)}


@dataclass(frozen=True)
class Difference:
    """The leading figure of the first model less that of the second, on the same images."""

    figure: Figure
    value: float
    low: float | None  #: 95 % interval of a paired bootstrap over images; None: one image
    high: float | None
    n: int  #: images

    @property
    def better(self) -> int | None:
        """Which of the two is better, 0 or 1; None where the interval holds 0."""
        low, high = self._estimate.bounds
        if low <= 0 <= high:
            return None
        return int((self.value < 0) == self.figure.higher_is_better)

    def tell(self, first: str, second: str) -> str:
        """Return the difference as a sentence, given what the two are called."""
        return (
            f"{self.figure.title} of {first} less that of {second} is "
            f"{show_gain(self.figure, self.value)} on the same {count_noun(self.n, 'image')} "
            f"(95 % interval {show_interval(self.figure, self._estimate)}, paired bootstrap), "
            f"{tell_better(self, first, second)}."
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"test": "paired_bootstrap", **asdict(self), "figure": self.figure.name}

    @property
    def _estimate(self) -> Estimate:
        return Estimate(self.value, self.low, self.high, self.n)


def tell_better(test: Paired | Difference, first: str, second: str) -> str:
    """Say which of two models is better, or that the images do not tell."""
    if test.better is None:
        return "these images do not tell them apart"
    return f"{(first, second)[test.better]} is better"


def compare_results(first: Results, second: Results) -> Paired | Difference | None:
    """Compare two results of the same images in the same order.

    McNemar's exact test where answers are right or wrong, else the difference of the leading
    figures by a paired bootstrap; None where the task offers neither, the figure is undefined, or
    the images are not the same.
    """
    if first.about.paths != second.about.paths:
        return None
    if isinstance(first, RightOrWrong) and isinstance(second, RightOrWrong):
        right = first.correct, second.correct
        return Paired(mcnemar(*right), *count_alone(*right))
    if isinstance(first, Resampled) and isinstance(second, Resampled):
        found = bootstrap_difference(first.resample, second.resample, len(first))
        if not math.isnan(found.value):
            return Difference(first.scores()[0].figure, found.value, found.low, found.high, found.n)
    return None
