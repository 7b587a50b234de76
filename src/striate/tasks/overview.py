"""What a terminal and a notebook show of results, whatever the task."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from striate.errors import printable
from striate.tasks.results import KIND, About
from striate.text import columns, count_noun, html_table, shorten

_WIDTH = 80


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
