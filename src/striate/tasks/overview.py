"""What a terminal and a notebook show of results, whatever the task."""

from __future__ import annotations

import html
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from striate.errors import printable
from striate.tasks.figures import Score
from striate.tasks.results import KIND, About
from striate.text import columns, count_noun, html_table, shorten

_WIDTH = 80
_MOST, _MOST_IN_NOTEBOOK = 12, 40  #: names with a row


@dataclass(frozen=True)
class Overview:
    """Figures of an evaluation, a table with a row for each name, and notes."""

    about: About
    asked: str  #: "3 classes"
    numbers: Sequence[tuple[str, str, str]]  #: name, value and note of each figure
    rows: Sequence[tuple[str, ...]]  #: heads, then a row for each name
    notes: Sequence[str]
    left: Sequence[int] = (0,)  #: columns of `rows` that are aligned left

    @property
    def title(self) -> str:
        images = count_noun(len(self.about.paths), f"{KIND[self.about.split]}image")
        return f"{images}, {self.asked}: {self.about.model}"

    @property
    def _said(self) -> tuple[str, ...]:
        return (*self.notes, *filter(None, [self.about.opened]))

    def text(self) -> str:
        """Return the lines of a terminal."""
        warning = [line for leak in self.about.leaks for line in textwrap.wrap(leak, _WIDTH - 2)]
        numbers = columns(self.numbers, left=(0, 1, 2))
        lines = [*warning, *numbers, "", *columns(self.rows, left=self.left), *self._said]
        return "\n".join([shorten(self.title, _WIDTH), *(f"  {line}".rstrip() for line in lines)])

    def html(self) -> str:
        """Return what a notebook shows."""
        blocks = [f"<p><b>{html.escape(printable(self.title))}</b></p>"]
        blocks += [f"<p>{leak}</p>" for leak in self.about.leaks]
        blocks.append(html_table([("number", "value", ""), *self.numbers], left=(0, 1, 2)))
        blocks.append(html_table(self.rows, left=self.left))
        blocks += [f"<p>{html.escape(line)}</p>" for line in self._said]
        return "\n".join(blocks)


class Printed(ABC):
    """Results that a terminal and a notebook show by their overview."""

    @abstractmethod
    def _overview(self, most: int) -> Overview:
        """Return the figures, and a table with up to so many names."""

    def __repr__(self) -> str:
        return self._overview(_MOST).text()

    def _repr_html_(self) -> str:
        return self._overview(_MOST_IN_NOTEBOOK).html()


def score_rows(scores: Sequence[Score], beside: str = "") -> list[tuple[str, str, str]]:
    """Return name, value and interval of each score; `beside` stands beside the first."""
    first, *others = (f"95 % interval {each.interval}" for each in scores)
    notes = "; ".join(filter(None, (first, beside))), *others
    rows = zip(scores, notes, strict=True)
    return [(each.figure.title, each.shown, f"({note})") for each, note in rows]


def tell_more(which: str, noun: str, count: int, most: int) -> list[str]:
    """Say where the names are that a table of up to `most` leaves out."""
    if count <= most:
        return []
    return [f"The {which} {count_noun(most, noun)}; per_{noun} has the other {count - most:,}."]
