"""One sentence of advice from the figures of a transferability study.

What is advised is chosen by validation images, and the figures in the sentence are of test images:
the best of many, judged by the images that chose it, would look better than it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from striate.metrics.estimates import Estimate
from striate.metrics.repeats import estimate_difference, estimate_mean
from striate.studies.transfer.plan import Kind
from striate.tasks.figures import Figure, Score
from striate.text import MISSING, format_amount


@dataclass(frozen=True, slots=True)
class Means:
    """The figures of one kind of training, over seeds."""

    kind: Kind
    n: int
    validation: float  #: mean
    values: tuple[float, ...]  #: of the images that the study reports, one a seed

    @property
    def frozen(self) -> bool:
        return not self.kind.endswith("+")


def advise(means: Sequence[Means], figure: Figure, images: int, stages: Sequence[str]) -> str:
    """Return the advice; `images` is how many each value is of."""
    base = next(each for each in means if each.kind == "B")
    best = _choose([each for each in means if each.kind.startswith("A")], figure)
    if best is None or not math.isfinite(fmean((*base.values, *best.values))):
        return f"Nothing can be said: {figure.title} is undefined on these images."
    shown = _Shown(figure, images)
    against = f"{shown.mean(best)} against {shown.mean(base)} from nothing"
    what = f"the first {best.n} stages" if best.n > 1 else "the first stage"
    kept = f"{what} of A ({', '.join(stages[: best.n])})"
    how = "frozen" if best.frozen else "fine-tuned"
    difference = estimate_difference(best.values, base.values)
    if difference.low is None or difference.high is None:
        return (
            f"One seed cannot tell whether transfer helps: {kept} {how} gives {figure.title} "
            f"{against}; more seeds would tell."
        )
    low, high = sorted(_gain(figure, end) for end in (difference.low, difference.high))
    if low > 0:
        do = f"keep {kept} frozen" if best.frozen else f"take {kept} and fine-tune them"
        return (
            f"Transfer helps: {do}: {figure.title} {against}, {shown.difference(difference)}; "
            f"{_other_way(means, best, shown)}{_control(means, best, shown)}."
        )
    if high < 0:
        return (
            f"Transfer harms: the best of it, {kept} {how}, gives {figure.title} {against}, "
            f"{shown.difference(difference)}; train from nothing."
        )
    return (
        f"Transfer does not help as far as {len(base.values)} seeds can tell: the best of it, "
        f"{kept} {how}, gives {figure.title} {against}, {shown.difference(difference)}."
    )


def format_spread(figure: Figure, estimate: Estimate) -> str:
    """Format a mean and half of its interval: "81.2 ± 1.4 %", "2.31 ± 0.2 °C"."""
    if estimate.low is None or estimate.high is None or not math.isfinite(estimate.value):
        return figure.show(estimate.value)
    half = (estimate.high - estimate.low) / 2
    if figure.form != "number":
        return f"{100 * estimate.value:.1f} ± {100 * half:.1f} %"
    return f"{format_amount(estimate.value)} ± {format_amount(half, 2)} {figure.unit}".rstrip()


def _choose(means: Sequence[Means], figure: Figure) -> Means | None:
    """Return the best by validation images; of equals the one that costs least to train."""
    best = None
    for each in sorted(means, key=lambda each: (not each.frozen, -each.n)):
        if figure.improves(_known(each.validation), best and best.validation):
            best = each
    return best


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _gain(figure: Figure, difference: float) -> float:
    return difference if figure.higher_is_better else -difference


def _other_way(means: Sequence[Means], best: Means, shown: _Shown) -> str:
    """Compare the chosen training with the same stages fine-tuned, or frozen."""
    kind: Kind = "AnB+" if best.frozen else "AnB"
    other = next(each for each in means if (each.kind, each.n) == (kind, best.n))
    low, high = estimate_difference(other.values, best.values).bounds
    clear, mean = low > 0 or high < 0, shown.mean(other)
    if best.frozen:
        if clear:
            return f"fine-tuning them too gives {mean}"
        return f"nothing certain is gained by fine-tuning them too: {mean}"
    more = "" if clear else ", no clear difference, and train faster"
    return f"frozen they give {mean}{more}"


def _control(means: Sequence[Means], best: Means, shown: _Shown) -> str:
    """Compare fine-tuned stages of A with those of B itself, which were trained as long."""
    if best.frozen:
        return ""
    control = next(each for each in means if (each.kind, each.n) == ("BnB+", best.n))
    difference = estimate_difference(best.values, control.values)
    low = min(_gain(shown.figure, end) for end in difference.bounds)
    why = "is due to A" if low > 0 else "may be due to the second training"
    return f"; of B itself, fine-tuned too, they give {shown.mean(control)}: the gain {why}"


@dataclass(frozen=True, slots=True)
class _Shown:
    """How values and differences of a figure are written."""

    figure: Figure
    images: int

    def mean(self, means: Means) -> str:
        """Return "81.2 % (79.8 to 82.6 %)"; without the interval of one seed."""
        found = estimate_mean(means.values)
        if not math.isfinite(found.value):
            return MISSING
        low, high = found.low, found.high
        if self.figure.form != "number" and low is not None and high is not None:
            low, high = max(low, 0.0), min(high, 1.0)
        score = Score(self.figure, found.value, low, high, self.images)
        return score.shown if found.low is None else f"{score.shown} ({score.interval})"

    def difference(self, found: Estimate) -> str:
        """Return "7.2 points more (4.9 to 9.5)", or "a difference of -1.8 to 2.8 points"."""
        low, high = found.bounds
        if low <= 0 <= high:
            return (
                f"a difference of {self._amount(low)} to {self._amount(high)} {self._unit}".rstrip()
            )
        much = f"{self._amount(abs(found.value))} {self._unit}".rstrip()
        ends = sorted(map(abs, found.bounds))
        return f"{much} {'more' if low > 0 else 'less'} ({' to '.join(map(self._amount, ends))})"

    @property
    def _unit(self) -> str:
        return self.figure.unit if self.figure.form == "number" else "points"

    def _amount(self, value: float) -> str:
        return format_amount(value, 3) if self.figure.form == "number" else f"{100 * value:.1f}"
