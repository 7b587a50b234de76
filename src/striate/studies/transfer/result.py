"""The result of a transferability study: figures of all trainings, their table, and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from striate.errors import printable
from striate.metrics.estimates import Estimate
from striate.metrics.repeats import estimate_mean
from striate.studies.transfer.advice import Means, advise, format_spread
from striate.studies.transfer.plan import TRANSFERS, Kind, Treatment
from striate.tasks.figures import Figure, Score
from striate.text import columns, count_noun, html_table, markdown_table


@dataclass(frozen=True)
class Trial:
    """A training of the study that has ended."""

    treatment: Treatment
    validation: float  #: leading figure on the validation images of what it was trained on
    score: Score  #: the same on its test images, or on validation where there are none
    seconds: float  #: of its training


@dataclass(frozen=True)
class Transferability:
    """What the first n stages of a network trained on A are worth on B; `str` is its table."""

    folder: Path  #: of the study
    names: tuple[str, str]  #: of A and B
    network: str
    stages: tuple[str, ...]  #: all but the head, in order
    split: str  #: whose images the figures are of: "test", or "validation" without any
    seeds: int
    trials: tuple[Trial, ...]

    @property
    def depths(self) -> tuple[int, ...]:
        """The numbers n of stages that were transferred."""
        return tuple(sorted({each.treatment.n for each in self.trials} - {0}))

    @property
    def figure(self) -> Figure:
        """The leading figure of the task."""
        return self._of("B", 0)[0].score.figure

    @property
    def images(self) -> int:
        """Images of B that the figures are of."""
        return self._of("B", 0)[0].score.images

    def estimate(self, kind: Kind, n: int) -> Estimate:
        """Return the mean of the leading figure over the seeds, with its 95 % interval."""
        return estimate_mean(self._values(kind, n))

    @property
    def advice(self) -> str:
        """What follows for a training on B, in one sentence with figures."""
        means = [
            Means(kind, n, fmean(each.validation for each in self._of(kind, n)),
                  self._values(kind, n))
            for kind, n in self._pairs()
        ]  # fmt: skip
        return advise(means, self.figure, self.images, self.stages)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the heads, B from nothing, and a row for each n."""
        heads = ("n", "last stage", *TRANSFERS)
        base = ("0", "from nothing", self._cell("B", 0), "", "", "")
        return [
            heads,
            base,
            *(
                (str(n), self.stages[n - 1], *(self._cell(kind, n) for kind in TRANSFERS))
                for n in self.depths
            ),
        ]

    @property
    def caption(self) -> str:
        """What the table shows."""
        spread = " ± half of the 95 % interval" if self.seeds > 1 else ""
        return (
            f"{self.figure.title} of {self.network} on "
            f"{count_noun(self.images, f'{self.split} image')} of B, mean over "
            f"{count_noun(self.seeds, 'seed')}{spread}; A is {printable(self.names[0])}, "
            f"B {printable(self.names[1])}"
        )

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        return markdown_table(self.rows(), left=(1,))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "folder": str(self.folder),
            "a": self.names[0],
            "b": self.names[1],
            "network": self.network,
            "stages": list(self.stages),
            "figure": self.figure.name,
            "split": self.split,
            "images": self.images,
            "seeds": self.seeds,
            "advice": self.advice,
            "rows": [self._row(kind, n) for kind, n in self._pairs()],
            "seconds": sum(each.seconds for each in self.trials),
        }

    def __str__(self) -> str:
        return "\n".join((self.caption, "", *columns(self.rows(), left=(1,)), "", self.advice))

    def _repr_html_(self) -> str:
        return html_table(self.rows(), left=(1,))

    def _pairs(self) -> Iterator[tuple[Kind, int]]:
        yield "B", 0
        for n in self.depths:
            for kind in TRANSFERS:
                yield kind, n

    def _of(self, kind: Kind, n: int) -> list[Trial]:
        """Return the trials of all seeds."""
        return [
            each for each in self.trials if (each.treatment.kind, each.treatment.n) == (kind, n)
        ]

    def _values(self, kind: Kind, n: int) -> tuple[float, ...]:
        return tuple(each.score.value for each in self._of(kind, n))

    def _cell(self, kind: Kind, n: int) -> str:
        return format_spread(self.figure, self.estimate(kind, n))

    def _row(self, kind: Kind, n: int) -> dict[str, Any]:
        trials = self._of(kind, n)
        return {
            "kind": kind,
            "n": n,
            **self.estimate(kind, n).to_json(),
            "images": self.images,
            "values": [each.score.value for each in trials],
            "validation": [each.validation for each in trials],
        }
