"""What a comparison of networks found: a table, a verdict in words, and the efficient frontier."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from striate.evaluation.paired import Difference, Paired
from striate.input_description import from_json
from striate.studies.foretell import Requirements
from striate.studies.record import Study
from striate.tasks.figures import Score
from striate.text import columns, format_si

Cost = Literal["milliseconds", "bytes", "minutes"]
COSTS: dict[Cost, str] = {
    "milliseconds": "ms an image",
    "bytes": "model file in MB",
    "minutes": "minutes of training",
}


@dataclass(frozen=True)
class Finalist:
    """A network that was trained, and how its best epoch does on the validation images."""

    network: str
    score: Score
    epochs: int
    minutes: float  #: of training, until it was dropped or the end
    milliseconds: float  #: an image, as foretold before the first training
    bytes: int  #: of its model file
    params: int

    def cost(self, cost: Cost) -> float:
        return float(getattr(self, cost))


@dataclass(frozen=True)
class Comparison:
    """A comparison of networks, from the best to the worst, in the folder of its study."""

    folder: Path
    finalists: tuple[Finalist, ...]
    left_out: dict[str, str]  #: network -> why
    paired: Paired | None
    test: Score | None  #: of the best network; None without test images
    difference: Difference | None = None  #: of tasks whose answers are not right or wrong

    @property
    def best(self) -> Finalist:
        return self.finalists[0]

    def frontier(self, cost: Cost) -> tuple[Finalist, ...]:
        """Return the networks that no other beats at the same cost or less, the cheapest first."""
        found = list[Finalist]()
        figure = self.best.score.figure
        for each in sorted(self.finalists, key=lambda each: each.cost(cost)):
            if not found or figure.improves(each.score.value, found[-1].score.value):
                found.append(each)
        return tuple(found)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table, its heads first."""
        title = self.best.score.figure.title
        heads = ("network", f"validation {title}", "95 % interval", "epochs", "minutes",
                 "ms/image", "file", "parameters")  # fmt: skip
        return [heads, *map(_row, self.finalists)]

    def verdict(self) -> list[str]:
        """Return what the comparison says, a sentence a line."""
        figure, best = self.best.score.figure, self.best.network
        lines = [f"best on the validation images: {best}"]
        if test := self.paired or self.difference:
            lines.append(test.tell(best, self.finalists[1].network))
        if self.test:
            score = self.test
            shown = f"{score.shown} (95 % interval {score.interval})"
            lines.append(f"test {figure.title} of {best}: {shown}; opened once, at the end")
        lines += [f"left out: {name}: {why}" for name, why in self.left_out.items()]
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        finalists = [{**asdict(e), "score": record_score(e.score)} for e in self.finalists]
        return {
            **asdict(self),
            "folder": str(self.folder),
            "finalists": finalists,
            "test": self.test and record_score(self.test),
            "frontier": {cost: [e.network for e in self.frontier(cost)] for cost in COSTS},
        }

    def __str__(self) -> str:
        return "\n".join((*columns(self.rows(), left=(0,)), "", *self.verdict()))


def record_score(score: Score) -> dict[str, Any]:
    """Return a JSON-ready dict of a score, None for an undefined value."""
    return {**asdict(score), "value": None if math.isnan(score.value) else score.value}


def read_score(recorded: dict[str, Any]) -> Score:
    """Return the score of `record_score`."""
    value = recorded["value"]
    return from_json(Score, {**recorded, "value": math.nan if value is None else value})


def tuned_name(network: str, params: Mapping[str, Any]) -> str:
    """Return the network with the options it was trained with, as `train` takes them."""
    options = (f"--{name.replace('_', '-')} {_shown(value)}" for name, value in params.items())
    return " ".join((network, *options))


def read_comparison(study: Study) -> Comparison:
    """Return what a finished study has recorded. Raises StorageError where it is damaged."""
    record = study.read()
    told = {each.network: each for each in from_json(list[Requirements], record["forecasts"])}
    if tuned := record.get("tuned"):
        for trial in tuned["trials"]:
            told[tuned_name(tuned["network"], trial["params"])] = told[tuned["network"]]
    finalists = (
        Finalist(
            each["network"], read_score(each["score"]), each["epochs"], each["seconds"] / 60,
            told[each["network"]].milliseconds, each["bytes"], told[each["network"]].params,
        )
        for each in record["finalists"]
    )  # fmt: skip
    paired, test = record["paired"], record["test"]["score"]
    difference = record.get("difference")  # of later studies
    return Comparison(
        study.folder,
        tuple(finalists),
        {**record["left_out"], **record["diverged"]},
        paired and from_json(Paired, paired),
        test and read_score(test),
        difference and from_json(Difference, difference),
    )


def _row(each: Finalist) -> tuple[str, ...]:
    score = each.score
    return (
        each.network, score.shown, score.interval, f"{each.epochs:,}", f"{each.minutes:.1f}",
        f"{each.milliseconds:.3g}", format_si(each.bytes, "B"), f"{each.params:,}",
    )  # fmt: skip


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
