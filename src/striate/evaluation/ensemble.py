"""An ensemble judged against each of its members on the same images."""

from __future__ import annotations

import html
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from striate.errors import printable
from striate.evaluation.evaluate_folder import evaluate_steps
from striate.evaluation.known import Known
from striate.evaluation.paired import Difference, Paired, compare_results
from striate.model import Ensemble
from striate.options import EvaluateOptions
from striate.progress import Progress
from striate.tasks.figures import Score
from striate.tasks.results import KIND, Results
from striate.text import columns, count_noun, html_table, shorten

_WIDTH = 40  #: most columns of a run's name
_NAMES = "the ensemble", "the best member"


@dataclass(frozen=True, repr=False)
class EnsembleResults:
    """Results of an ensemble and of each of its members, on the same images."""

    ensemble: Ensemble
    results: Results  #: of the ensemble
    members: tuple[Results, ...]

    @cached_property
    def best(self) -> Results:
        """The results of the member with the best leading figure, the first of equals."""
        best = self.members[0]
        for other in self.members[1:]:
            one, another = _leading(other), _leading(best)
            if one.figure.improves(_defined(one.value), _defined(another.value)):
                best = other
        return best

    @cached_property
    def paired(self) -> Paired | Difference | None:
        """The ensemble against its best member."""
        return compare_results(self.results, self.best)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before believing the figures: images that a member was trained on."""
        figure = _leading(self.results).figure
        said = ((each.about.caution(figure), each) for each in self.members)
        lines = [f"{printable(each.about.model)}: {line}" for line, each in said if line]
        return (*lines, *self.results.about.leaks)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, None for undefined values."""
        about = self.results.about
        networks = [member.network_name for member in self.ensemble.members]
        return {
            "model": about.model,
            "split": about.split,
            "images": len(self.results),
            "warnings": list(self.warnings),
            "figure": _leading(self.results).figure.name,
            "ensemble": _score_json(self.results, self.ensemble.network_name),
            "members": [_score_json(*each) for each in zip(self.members, networks, strict=True)],
            "best": self.best.about.model,
            "paired": self.paired and self.paired.to_json(),
        }

    def __repr__(self) -> str:
        after = self._after()
        table = (f"  {line}".rstrip() for line in columns(self._rows(), left=(0, 1, 3)))
        return "\n".join([*self.warnings, self._title, *table, *after])

    def _repr_html_(self) -> str:
        before, after = (*self.warnings, self._title), self._after()
        table = html_table(self._rows(), left=(0, 1, 3))
        told = [[f"<p>{html.escape(line)}</p>" for line in lines] for lines in (before, after)]
        return "\n".join([*told[0], table, *told[1]])

    def _after(self) -> list[str]:
        """Return the paired test, and how often the test images of each member were opened."""
        abouts = [each.about for each in self.members if each.about.tests]
        opened = [f"{printable(about.model)}: {about.opened}" for about in abouts]
        return [*([self.paired.tell(*_NAMES)] if self.paired else []), *opened]

    @property
    def _title(self) -> str:
        split = self.results.about.split
        images = count_noun(len(self.results), f"{KIND[split]}image")
        return f"{images}, {self.ensemble.task.spec}: {printable(self.results.about.model)}"

    def _rows(self) -> list[tuple[str, ...]]:
        networks = [member.network_name for member in self.ensemble.members]
        head = ("model", "network", _leading(self.results).figure.title, "95 % interval")
        rows = [
            (shorten(each.about.model, _WIDTH), network, *_shown(each))
            for each, network in zip(self.members, networks, strict=True)
        ]
        return [head, *rows, ("ensemble", "", *_shown(self.results))]


def judge_steps(
    ensemble: Ensemble,
    shown: str,
    runs: Sequence[str],
    known: Sequence[Known | None],
    data: Path,
    options: EvaluateOptions,
) -> Generator[Progress, None, EnsembleResults]:
    """Evaluate an ensemble and its members on one split of a folder, divided as of the first.

    `runs` name the members, `known` are the images of their runs. The split defaults to that of
    `evaluate_steps` for the first member. Raises DataError as that does.
    """
    members = list[Results]()
    for member, run, seen in zip(ensemble.members, runs, known, strict=True):
        alike = replace(member, fractions=ensemble.fractions)
        done = yield from evaluate_steps(alike, data, options, shown=run, known=seen)
        options = options.model_copy(update={"split": done.results.about.split})
        members.append(done.results)
    own = yield from evaluate_steps(ensemble, data, options, shown=shown, known=_united(known))
    return EnsembleResults(ensemble, own.results, tuple(members))


def _united(known: Sequence[Known | None]) -> Known | None:
    """Return the images of all runs; None if those of one are unknown."""
    sure = [each for each in known if each is not None]
    if len(sure) < len(known):
        return None
    names = "digests", "train", "test"
    return Known(None, *(np.concatenate([getattr(each, name) for each in sure]) for name in names))


def _leading(results: Results) -> Score:
    return results.scores()[0]


def _shown(results: Results) -> tuple[str, str]:
    score = _leading(results)
    return score.shown, score.interval


def _score_json(results: Results, network: str) -> dict[str, Any]:
    score = _leading(results)
    return {
        "model": results.about.model,
        "network": network,
        "value": _defined(score.value),
        "low": _defined(score.low),
        "high": _defined(score.high),
        "trained_on": results.about.trained_on,
    }


def _defined(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
