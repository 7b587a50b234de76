"""Results of two models on the same images, and the images on which they differ."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import printable
from striate.evaluation.invariance_result import Invariance
from striate.evaluation.paired import Difference, Paired, compare_results
from striate.tasks.figures import Score
from striate.tasks.results import ByImage, Results, RightOrWrong
from striate.tasks.sections import Remark
from striate.text import MISSING, columns, count_noun, html_table, shorten

#: what the two models are called
NAMES = "A", "B"
_WIDTH = 40  #: most columns of a model's name
_NO_ROWS = np.array([], np.int64)


@dataclass(frozen=True, repr=False)
class PairResults:
    """Results of two models, A and B, on the same images in the same order."""

    first: Results  #: of A
    second: Results  #: of B
    networks: tuple[str, str]
    apart: int = 0  #: images left out, as only one of the two would evaluate them
    trained: int = 0  #: images left out, as one of the two was trained on them
    same: bool = False  #: both have the very same weights
    distorted: Invariance | None = None  #: both, by their names, on distorted images

    @property
    def both(self) -> tuple[Results, Results]:
        return self.first, self.second

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def paired(self) -> Paired | Difference | None:
        """The paired test of A against B; None where the task has none."""
        return compare_results(self.first, self.second)

    @property
    def decides(self) -> bool:
        """Whether answers are right or wrong."""
        return isinstance(self.first, RightOrWrong)

    @cached_property
    def flipped(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows that A answers better than B, and the reverse; the largest difference first.

        Where answers are right or wrong: those that only A, and only B, has right.
        """
        first, second = self.first, self.second
        if not (isinstance(first, ByImage) and isinstance(second, ByImage)):
            return _NO_ROWS, _NO_ROWS
        gain = second.image_errors - first.image_errors
        better = gain > 0, gain < 0
        if isinstance(first, RightOrWrong) and isinstance(second, RightOrWrong):
            better = first.correct & ~second.correct, second.correct & ~first.correct
        order = np.argsort(-np.abs(gain), kind="stable")  # NaN comes last
        return order[better[0][order]], order[better[1][order]]

    def remarks(self) -> Iterator[Remark]:
        """Yield what to know before believing the figures."""
        if self.same:
            yield Remark("A and B are the same model: their weights are equal.", warning=True)
        figure = self.first.scores()[0].figure
        abouts = self.first.about, self.second.about
        yield from _of_both(*(about.warning(figure) for about in abouts), warning=True)
        yield from _of_both(*(about.note * (about.trained_on is None) for about in abouts))
        yield from _of_both(*(" ".join(about.leaks) for about in abouts), warning=True)
        for count, why in (
            (self.apart, "in the split of only one of the two"),
            (self.trained, "that A or B was trained on"),
        ):
            if count:
                yield Remark(f"Left out: {count_noun(count, 'image')} {why}.")
        yield from _of_both(*(about.opened for about in abouts))

    @property
    def verdict(self) -> str:
        """The paired test in words."""
        return self.paired.tell(*NAMES) if self.paired else "These images allow no paired test."

    def figures(self) -> list[tuple[Score, Score | None]]:
        """Return each figure of A with that of B, None where that is undefined."""
        others = {score.figure.name: score for score in self.second.scores()}
        return [(score, others.get(score.figure.name)) for score in self.first.scores()]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; paths of the flipped images, the largest difference first."""
        paths = self.first.about.paths
        only_first, only_second = ([paths[row] for row in rows] for rows in self.flipped)
        return {
            "images": len(self),
            "remarks": [remark.text for remark in self.remarks()],
            "left_out": {"apart": self.apart, "trained_on": self.trained},
            "paired": self.paired and self.paired.to_json(),
            "verdict": self.verdict,
            "better_by_first": only_first,
            "better_by_second": only_second,
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            **({"invariance": self.distorted.to_json()} if self.distorted else {}),
        }

    def rows(self) -> list[tuple[str, ...]]:
        """Return the figures of both as a table, its heads first."""
        return [("", *NAMES), *((one.figure.title, _tell(one), _tell(other))
                                for one, other in self.figures())]  # fmt: skip

    def __repr__(self) -> str:
        table = (f"  {line}".rstrip() for line in columns(self.rows(), left=(0, 1, 2)))
        more = [f"\n{self.distorted}"] if self.distorted else []
        return "\n".join([*self._head(), *table, *self._after(), *more])

    def _repr_html_(self) -> str:
        head, after = (
            "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)
            for lines in (self._head(), self._after())
        )
        more = f"<pre>{html.escape(repr(self.distorted))}</pre>" if self.distorted else ""
        return "\n".join([head, html_table(self.rows(), left=(0, 1, 2)), after, more])

    def _head(self) -> list[str]:
        models = zip(NAMES, self.both, self.networks, strict=True)
        return [
            *(remark.text for remark in self.remarks() if remark.warning),
            f"{count_noun(len(self), 'image')}, judged by two models",
            *(
                f"  {name}: {shorten(printable(results.about.model), _WIDTH)} ({network})"
                for name, results, network in models
            ),
        ]

    def _after(self) -> list[str]:
        return [self.verdict, *(remark.text for remark in self.remarks() if not remark.warning)]


def _of_both(first: str, second: str, *, warning: bool = False) -> Iterator[Remark]:
    """Yield what is said of A and of B, once where it is the same; nothing of what is empty."""
    told = (
        [("A and B", first)] if first == second else list(zip(NAMES, (first, second), strict=True))
    )
    yield from (Remark(f"{name}: {text}", warning) for name, text in told if text)


def _tell(score: Score | None) -> str:
    return MISSING if score is None else f"{score.shown} ({score.interval})"
