"""Sections of a report: plain values that the page knows how to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from striate.tasks.figures import Score
from striate.text import count_noun

if TYPE_CHECKING:
    from striate.plotting.chart import Chart

#: most classes whose confusion matrix is shown as a table; above, it is an image
MOST_IN_TABLE = 40
#: most classes with one column of confusions beside their matrix
MOST_BESIDE = 16
#: width of an interval above which a figure from 0 to 1 is only a rough estimate
WIDE = 0.10


@dataclass(frozen=True, slots=True)
class Remark:
    text: str
    warning: bool = False  #: the result is less reliable than it looks


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a phrase that looks different; a name from the data unless soft."""

    text: str
    look: Literal["name", "strong", "wrong", "soft"] = "name"
    color: str = ""  #: of a square before a name, "#rrggbb"


#: text, or text with names in it
Phrase = str | tuple[str | Span, ...]


def plain(phrase: Phrase) -> str:
    """Return a phrase as text alone."""
    if isinstance(phrase, str):
        return phrase
    return "".join(span if isinstance(span, str) else span.text for span in phrase)


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure in large type."""

    value: str
    text: str  #: below it: name, interval, what to compare it with


@dataclass(frozen=True, slots=True)
class Tiles:
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    phrase: Phrase


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts side by side."""

    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A share from 0 to 1, drawn beside its number; a mark on a band if it has an interval."""

    value: float
    low: float | None = None
    high: float | None = None
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    phrase: Phrase
    bar: Bar | None = None
    badge: str = ""  #: before the text: "few"
    tooltip: str = ""  #: of the badge


@dataclass(frozen=True, slots=True)
class Head:
    """Head of a column."""

    text: str
    left: bool = False  #: cells are aligned to the left
    barred: bool = False  #: cells have bars


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row is its head."""

    name: str  #: for a screen reader
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    titled: bool = False  #: whether its name stands above it


@dataclass(frozen=True, slots=True, eq=False)
class CellImages:
    """The images that are counted in a cell of a confusion matrix."""

    true: int
    predicted: int
    rows: NDArray[np.int64]  #: (N,) in the evaluation, the highest loss first
    confidence: NDArray[np.float32]  #: (N,) probability of the predicted class


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A confusion matrix, beside it a ranking of its cells or another matrix."""

    names: tuple[str, ...]  #: K
    counts: NDArray[np.int64]  #: (K, K): rows are true, columns predicted
    noun: str = "image"  #: what is counted
    percent: bool = False  #: cells of a table are percentages of their row, not counts
    images: tuple[CellImages, ...] = ()  #: of the cells that are not 0; none if pixels are counted
    title: str = ""  #: above it, where there are several


@dataclass(frozen=True, slots=True)
class Rank:
    """A line of a ranking."""

    phrase: Phrase
    value: str
    share: float  #: length of its bar, 0 to 1; in brackets behind the value
    cell: tuple[int, int] | None = None  #: true and predicted class, of a matrix before it


@dataclass(frozen=True, slots=True)
class Ranking:
    """Lines with bars, the longest first."""

    title: str
    ranks: tuple[Rank, ...]
    text: str  #: below them
    wide: bool = False  #: in several columns


@dataclass(frozen=True, slots=True)
class Picture:
    """An evaluated image with what is said of it."""

    row: int  #: in the evaluation
    caption: Phrase
    alt: str  #: for a screen reader
    #: the network's input (H, W, 1 or 3) uint8 -> what is shown in place of the image
    overlay: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None
    neighbors: bool = True  #: with the nearest training images, where they were looked for
    named: bool = True  #: with the name of its file


@dataclass(frozen=True, slots=True)
class Gallery:
    pictures: tuple[Picture, ...]
    text: str = ""  #: below them
    pairs: bool = False  #: two and two belong together
    fours: bool = False  #: four and four belong together


Part = Tiles | Text | Charts | Table | Matrix | Ranking | Gallery


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    explanation: str  #: how to read it; "" if there is nothing to read
    parts: tuple[Part, ...]


def make_tile(score: Score) -> Tile:
    """Return the tile of a score: its value, title and interval."""
    return Tile(score.shown, f"{score.figure.title}, 95 % interval {score.interval}")


def same_answer(images: int) -> str:
    """Say that a model tells none of the images apart."""
    return (
        f"The network gives the same answer for all {images:,} images: it has learned nothing yet."
    )


def remark_interval(title: str, images: int, low: float, high: float) -> Remark:
    """Return what the width of the interval of a figure from 0 to 1 allows to say."""
    width = high - low
    points = f"{100 * width:.{0 if width > WIDE else 1}f} points"
    return remark_width(title, images, points, rough=width > WIDE)


def remark_width(title: str, images: int, width: str, *, rough: bool) -> Remark:
    """Return what the width of a figure's interval allows to say; too wide if `rough`."""
    start = f"With {count_noun(images, 'image')} the 95 % interval is {width} wide"
    if rough:
        return Remark(
            f"{start}: take the {title} as a rough estimate, and evaluate on more images before "
            "relying on it.",
            warning=True,
        )
    return Remark(f"{start}: a smaller difference between two networks may be chance.")
