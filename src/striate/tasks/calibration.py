"""Whether the probabilities of an evaluation can be believed, as it is printed and reported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from striate.metrics.calibration import BINS, Calibration, Lean
from striate.options import SplitChoice
from striate.plotting.chart import Chart
from striate.plotting.metric_charts import make_confidence_chart, make_reliability_chart
from striate.tasks.sections import WIDE, Charts, Remark, Section, Tile, Tiles
from striate.tasks.temperature import UNFITTED
from striate.text import count_noun, format_interval, format_percent, percent_digits

_LEANS: dict[Lean, str] = {
    "over": "Overconfident: mean confidence {claimed}, but {found} correct.",
    "under": "Underconfident: mean confidence {claimed}, and {found} correct.",
    "uneven": "Too sure of some answers, and not sure enough of others.",
}


@dataclass(frozen=True, slots=True)
class Reliability:
    """The calibration of a model's probabilities, now and before a temperature was fitted."""

    now: Calibration
    before: Calibration | None  #: at a temperature of 1; None: it is 1
    temperature: float
    claim: str  #: what is claimed: "confidence"
    hit: str  #: what should be as large: "share correct"

    def row(self) -> tuple[str, str, str]:
        """Return name, value and note, as a terminal shows them."""
        before = f"; {self._before} before temperature {self.temperature:.2f}" * bool(self.before)
        return "calibration error", self._error, f"(95 % interval {self._interval}{before})"

    def remarks(self, split: SplitChoice) -> Iterator[Remark]:
        """Yield how the probabilities are off, or that the images do not tell."""
        lean, chance = self.now.lean, self._percent(self.now.chance)
        if lean:
            shares = {name: self._percent(getattr(self.now, name)) for name in ("claimed", "found")}
            advice = " evaluate --calibrate fits a temperature." * (self.temperature == UNFITTED)
            yield Remark(
                f"{_LEANS[lean].format(**shares)} The calibration error is {self._error} (95 % "
                f"interval {self._interval}), and chance alone gives up to {chance}.{advice}",
                warning=lean == "over" and self.now.error.value > WIDE,
            )
        else:
            yield Remark(
                f"The calibration error of {self._error} may be chance, which alone gives up to "
                f"{chance} with {self._images}: they do not show that the probabilities are off."
            )
        if self.before and self.now.error.value > self.before.error.value:
            yield Remark(
                f"The temperature made it worse: without it the calibration error is {self._before}"
                " here. It may have been fitted on too few validation images.",
                warning=True,
            )
        if self.before and split == "validation":
            yield Remark("The temperature was fitted on validation images: their calibration "
                         "error is a little too low.")  # fmt: skip

    def section(self) -> Section:
        """Return the section of the report."""
        chance = f"what chance alone gives with {self._images}, at most"
        tiles = [
            Tile(self._error, f"calibration error, 95 % interval {self._interval}"),
            Tile(self._percent(self.now.chance), chance),
            Tile(self._percent(self.now.claimed), "mean confidence"),
            Tile(self._percent(self.now.found), "correct"),
        ]
        if self.before:
            before = f"temperature; without it the error is {self._before}"
            tiles.append(Tile(f"{self.temperature:.2f}", before))
        return Section(
            "Calibration",
            f"Of the answers given with 80 %, eight of ten should be right. A dot holds those of "
            f"one of {BINS} bins: their mean {self.claim} across, the {self.hit} up. "
            "On the diagonal the probabilities are right, below it too high. The gray bars hold "
            "95 % of the dots if all probabilities are right: a dot within is no evidence against "
            "them. The calibration error is the mean distance of the dots from the diagonal, each "
            "with the weight of its answers (Guo et al., 2017). A temperature, fitted on "
            "validation images by --calibrate, divides what the network gives before it becomes "
            "probabilities: it changes how sure the answers are, and not which they are.",
            (Tiles(tuple(tiles)), Charts(self.charts())),
        )

    def charts(self) -> tuple[Chart, Chart]:
        """Return the reliability diagram and the histogram of the probabilities."""
        return (
            make_reliability_chart(self.now, self.before, self.claim, self.hit),
            make_confidence_chart(self.now, self.claim),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `before` is the error at a temperature of 1."""
        return {
            "temperature": self.temperature,
            "error": asdict(self.now.error),
            "before": asdict(self.before.error) if self.before else None,
            "chance": self.now.chance,
            "lean": self.now.lean or None,
            "claimed": self.now.claimed,
            "found": self.now.found,
            "bins": [asdict(each) for each in self.now.bins],
        }

    def _percent(self, share: float) -> str:
        return format_percent(share, percent_digits(self.now.error.n))

    @property
    def _images(self) -> str:
        return count_noun(self.now.error.n, "image")

    @property
    def _error(self) -> str:
        return self._percent(self.now.error.value)

    @property
    def _interval(self) -> str:
        return format_interval(*self.now.error.bounds, percent_digits(self.now.error.n))

    @property
    def _before(self) -> str:
        """The error at a temperature of 1."""
        return self._percent(self.before.error.value) if self.before else ""
