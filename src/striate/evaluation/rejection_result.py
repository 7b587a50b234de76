"""What a model rejects as "none of these": as values, as text, as a section of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from striate.errors import printable
from striate.metrics.estimates import Estimate
from striate.tasks.sections import Bar, Cell, Head, Part, Section, Span, Table, Text, Tile, Tiles
from striate.text import (
    columns,
    count_noun,
    format_interval,
    format_percent,
    percent_digits,
    shorten,
)

_NAME = 40  #: most columns of a name in a terminal
_FEW = 100  #: validation images below which a limit is rough
_LISTED = 3  #: classes of each end that a terminal lists


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Images of a class, shown to heads that learned all others."""

    name: str
    rejected: Estimate  #: share of its images
    known: Estimate  #: share of the others' images that the same limit rejects
    area: Estimate  #: under the ROC curve, of telling its images from the others

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        shares = {name: getattr(self, name).to_json() for name in ("rejected", "known", "area")}
        return {"class": self.name, **shares}


@dataclass(frozen=True, slots=True)
class Foreign:
    """Images that are none of the classes."""

    name: str
    what: str  #: they show
    rejected: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"name": self.name, "what": self.what, "rejected": self.rejected.to_json()}


@dataclass(frozen=True)
class RejectionResult:
    """What a model rejects of the evaluated images, and of what it should reject."""

    share: float  #: of the known images that was to be rejected
    rejected: Estimate  #: of the evaluated images
    correct: tuple[Estimate, Estimate] | None  #: of all images, and of those not rejected
    validation: int | None = None  #: images that the limit was fitted to now; None: it was stored
    left_out: tuple[LeftOut, ...] = ()
    classes: int = 0  #: in all
    foreign: tuple[Foreign, ...] = ()

    @property
    def mean_left_out(self) -> float:
        """The mean share of a left-out class that is rejected; NaN without any."""
        shares = [each.rejected.value for each in self.left_out]
        return float(np.mean(shares)) if shares else float("nan")

    def sentences(self) -> Iterator[str]:
        """Yield what was found, in words."""
        images = count_noun(self.rejected.n, "image")
        yield (
            f"{_share(self.rejected)} of the {images} evaluated are rejected (95 % interval "
            f"{_interval(self.rejected)}); {format_percent(self.share, 1)} was asked for."
        )
        if self.correct:
            every, rest = self.correct
            yield f"Correct: {_share(every)} of all, {_share(rest)} of those that are not rejected."
        yield from self._cautions()

    def _cautions(self) -> Iterator[str]:
        if self.validation is not None and self.validation < _FEW:
            fitted = count_noun(self.validation, "validation image")
            yield f"The limit rests on {fitted} only, so the share is rough."
        if self.left_out:
            drawn = len(self.left_out)
            which = f"{drawn} classes" if drawn == self.classes else f"{drawn} of {self.classes}"
            area = float(np.mean([each.area.value for each in self.left_out]))
            yield (
                f"Of a class left out, {format_percent(self.mean_left_out, 0)} is rejected (mean "
                f"of {which}, each in turn; area under the ROC curve {area:.2f}, chance 0.5), and "
                "the rest is taken for a known class. Only heads were fitted anew: where the "
                "features were trained on the class, this is more than of a class never seen."
            )
        elif self.classes and self.validation is not None:
            yield "No class was left out: with fewer than three none can be."

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table of a terminal, with its heads; of many classes those at both ends."""
        heads = ("unknown images", "images", "rejected", "95 % interval")
        ordered = sorted(self.left_out, key=lambda each: -each.rejected.value)
        ends = ordered if len(ordered) <= 2 * _LISTED else ordered[:_LISTED] + ordered[-_LISTED:]
        classes = [(f"{each.name}, left out", each.rejected) for each in ends]
        other = [(each.name, each.rejected) for each in self.foreign]
        return [heads, *(_row(name, found) for name, found in (*classes, *other))]

    def __str__(self) -> str:
        """Return what a terminal shows."""
        told = "\n".join(("None of these", *self.sentences()))
        rows = self.rows()
        return f"{told}\n\n" + "\n".join(columns(rows, left=(0,))) if len(rows) > 1 else told

    def section(self) -> Section:
        """Return the section of the report."""
        asked = f"{format_percent(self.share, 1)} was asked for"
        images = count_noun(self.rejected.n, "image")
        told = f"of {images} rejected, 95 % interval {_interval(self.rejected)}; {asked}"
        tiles = [Tile(_share(self.rejected), told)]
        if self.correct:
            every, rest = self.correct
            tiles.append(Tile(_share(rest), f"of the others correct; {_share(every)} of all"))
        if self.left_out:
            shown = format_percent(self.mean_left_out, 0)
            tiles.append(Tile(shown, "of a class left out is rejected, on average"))
        parts: list[Part] = [Tiles(tuple(tiles)), *map(Text, self._cautions())]
        if self.left_out:
            classes = map(_class_row, self.left_out)
            parts.append(_table("Classes left out in turn", classes, area=True))
        if self.foreign:
            parts.append(_table("Foreign images", map(_foreign_row, self.foreign)))
        return Section(
            "None of these",
            "An image is rejected where its features are far from those of every class and the "
            "outputs speak for none, together more than a limit that was set on validation images. "
            "predict answers such an image with “none of these”.",
            tuple(parts),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "share": self.share,
            "rejected": self.rejected.to_json(),
            "correct": [each.to_json() for each in self.correct] if self.correct else None,
            "left_out": [each.to_json() for each in self.left_out],
            "foreign": [each.to_json() for each in self.foreign],
        }


def _share(found: Estimate) -> str:
    return format_percent(found.value, percent_digits(found.n))


def _interval(found: Estimate) -> str:
    low, high = found.bounds
    return format_interval(low, high, percent_digits(found.n))


def _row(name: str, found: Estimate) -> tuple[str, ...]:
    return printable(shorten(name, _NAME)), f"{found.n:,}", _share(found), _interval(found)


def _table(name: str, rows: Iterator[tuple[Cell, ...]], *, area: bool = False) -> Table:
    heads = [Head("images of", left=True), Head("images"), Head("rejected", barred=True)]
    last = [Head("area under ROC")] if area else []
    return Table(name, (*heads, *last), tuple(rows), titled=True)


def _class_row(each: LeftOut) -> tuple[Cell, ...]:
    cells = Cell((Span(each.name, "strong"),)), *_cells(each.rejected)
    return *cells, Cell(f"{each.area.value:.2f}")


def _foreign_row(each: Foreign) -> tuple[Cell, ...]:
    told = (Span(each.name, "strong"), " ", Span(each.what, "soft"))
    return Cell(told), *_cells(each.rejected)


def _cells(found: Estimate) -> tuple[Cell, Cell]:
    bar = Bar(found.value, *found.bounds, f"95 % interval {_interval(found)}")
    return Cell(f"{found.n:,}"), Cell(_share(found), bar)
