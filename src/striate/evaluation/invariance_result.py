"""The result of distorting images: curves, the sentences on the worst kinds, a table."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import printable
from striate.metrics.estimates import Estimate
from striate.tasks.figures import Figure, Score
from striate.tasks.results import KIND, Results
from striate.text import columns, count_noun, format_percent, html_table, shorten

_NAME = 40  #: most columns of a model's name
_WORST = 3  #: kinds that a sentence names


@dataclass(frozen=True, slots=True)
class Point:
    """What a model answers at one level of one kind of distortion."""

    model: str
    kind: str
    level: float
    shown: str  #: the level with its unit
    score: Score  #: the leading one
    changed: Estimate | None  #: how far answers are from those of the images themselves

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, None for undefined values."""
        changed, score = self.changed, self.score
        return {
            "model": self.model,
            "kind": self.kind,
            "level": self.level,
            "value": _defined(score.value),
            "low": _defined(score.low),
            "high": _defined(score.high),
            "changed": None if changed is None else changed.to_json(),
        }


@dataclass(frozen=True, repr=False)
class Invariance:
    """Score and share of changed answers of models on the same images, distorted in levels."""

    plain: tuple[Results, ...]  #: of each model, on the images themselves
    of: int  #: images of which those that were distorted were drawn
    points: tuple[Point, ...] = field(repr=False)  #: by model, kind and level
    left_out: Mapping[str, str]  #: kinds that were not tried, and why
    #: kind -> one image at each level, (L, size, size, channels) uint8
    strips: Mapping[str, NDArray[np.uint8]] = field(repr=False)
    change: Figure | None = None  #: what is told by `Point.changed`; None: the task compares none
    apart: int = 0  #: images of the split that not every model can use

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models."""
        return tuple(results.about.model for results in self.plain)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of distortion that were tried."""
        return tuple(self.strips)

    def curve(self, model: str, kind: str) -> tuple[Point, ...]:
        """Return the points of a model and a kind, the image itself first."""
        return tuple(each for each in self.points if (each.model, each.kind) == (model, kind))

    def worst(self, model: str) -> tuple[Point, ...]:
        """Return the point of each kind that changes most, the worst kind first."""
        strongest = (max(self.curve(model, kind)[1:], key=_harm) for kind in self.kinds)
        return tuple(sorted(strongest, key=_harm, reverse=True))

    def remarks(self) -> tuple[str, ...]:
        """Return a sentence for each model on its worst kinds, and what was left out."""
        told = [f"{printable(model)}: {self._sentence(model)}" for model in self.models]
        left = [f"{kind} is left out: {reason}" for kind, reason in self.left_out.items()]
        if self.apart:
            left.append(f"{count_noun(self.apart, 'image')} that not every model can use: left out")
        return (*told, *(f"{line}." for line in left))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict of every point."""
        about = self.plain[0].about
        return {
            "models": list(self.models),
            "split": about.split,
            "images": len(self.plain[0]),
            "of": self.of,
            "apart": self.apart,
            "figure": self.points[0].score.figure.name,
            "change": self.change and self.change.name,
            "left_out": dict(self.left_out),
            "points": [point.to_json() for point in self.points],
        }

    def __repr__(self) -> str:
        lines = [self._title]
        for model in self.models:
            lines += ["", self._head(model)]
            lines += [f"  {line}".rstrip() for line in columns(self._rows(model), left=(0,))]
        return "\n".join([*lines, "", *self.remarks()])

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self._title)}</p>"]
        for model in self.models:
            head = html.escape(self._head(model))
            parts += [f"<p>{head}</p>", html_table(self._rows(model), left=(0,))]
        return "\n".join([*parts, *(f"<p>{html.escape(line)}</p>" for line in self.remarks())])

    @property
    def _title(self) -> str:
        images = count_noun(len(self.plain[0]), f"{KIND[self.plain[0].about.split]}image")
        drawn = f" drawn from {self.of:,}" if len(self.plain[0]) < self.of else ""
        return f"{images}{drawn}, distorted in {count_noun(len(self.kinds), 'way')}"

    def _head(self, model: str) -> str:
        score = self.points[self.models.index(model) * len(self.points) // len(self.models)].score
        what = (self.change or score.figure).title
        before = f"{score.figure.title} {score.shown} undistorted"
        return f"{shorten(model, _NAME)}, {before}; {what} at each level:"

    def show(self, point: Point) -> str:
        """Return how far the answers of a point are changed; its score where nothing compares."""
        if point.changed is None or self.change is None:
            return point.score.shown
        if self.change.form == "number":
            return self.change.show(point.changed.value)
        return format_percent(point.changed.value, 0)

    def _rows(self, model: str) -> list[tuple[str, ...]]:
        """Return a row a kind, its levels with what becomes of the answers at them."""
        most = max(len(self.curve(model, kind)) for kind in self.kinds)
        rows = [("", *(str(level) for level in range(1, most)))]
        for kind in self.kinds:
            cells = [self.show(point) for point in self.curve(model, kind)[1:]]
            rows.append((kind, *cells, *[""] * (most - 1 - len(cells))))
        return rows

    def _sentence(self, model: str) -> str:
        worst = [point for point in self.worst(model) if not point.changed or point.changed.value]
        if not worst:
            return "no distortion changes an answer."
        told = [f"{point.kind} ({point.shown}) {self.show(point)}" for point in worst[:_WORST]]
        return f"worst by {(self.change or worst[0].score.figure).title}: {'; '.join(told)}."


def _harm(point: Point) -> float:
    """How far answers change, else how bad the score is."""
    if point.changed is not None:
        return point.changed.value
    return -point.score.value if point.score.figure.higher_is_better else point.score.value


def _defined(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
