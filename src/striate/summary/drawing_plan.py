"""Layout of a network drawing: positions of volumes and routes of the arrows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from striate.plotting.shapes import Point, text_width
from striate.summary.drawing_volumes import Volume
from striate.text import format_shape, format_si

HIGH, DENSE = 132, 104  #: pixels of the largest side and of the longest vector
DEEP = 0.24  #: foreshortening of the width, drawn backwards
THICKEST = 46  #: pixels
GAP, LINE, MARGIN, RADIUS = 22, 14, 16, 8
TEXT = 12  #: pixels


@dataclass(frozen=True, slots=True)
class Scale:
    """The largest side, channel count and vector length, which set the scale."""

    side: int
    channels: int
    vector: int


@dataclass
class Plan:
    """Columns, rows and sizes of volumes, and the arrows between them."""

    every: list[Volume]
    scale: Scale
    columns: list[int] = field(default_factory=list[int])
    main: set[int] = field(default_factory=set[int])
    ys: dict[int, float] = field(default_factory=dict[int, float])
    lefts: list[float] = field(default_factory=list[float])  # of the columns
    widths: list[float] = field(default_factory=list[float])
    tops: list[float] = field(default_factory=list[float])  # of each column, so far
    bottoms: list[float] = field(default_factory=list[float])

    def __post_init__(self) -> None:
        """Compute sizes, columns and rows."""
        self.sizes = [_size(each.output, self.scale) for each in self.every]
        self.users = [
            [at for at, other in enumerate(self.every) if number in other.sources]
            for number in range(len(self.every))
        ]
        self._put_in_columns()
        self._put_in_rows()

    def _put_in_columns(self) -> None:
        """Assign columns along the longest path; branches are placed as far right as possible."""
        for each in self.every:
            before = (self.columns[source] for source in each.sources)
            self.columns.append(1 + max(before, default=-1))
        at = max(range(len(self.every)), key=lambda n: (self.columns[n], n))
        while True:
            self.main.add(at)
            if not (sources := self.every[at].sources):
                break
            at = max(sources, key=lambda source: self.columns[source])
        for at in reversed(range(len(self.every))):
            if at not in self.main and self.users[at]:
                self.columns[at] = min(self.columns[user] for user in self.users[at]) - 1
        count = max(self.columns) + 1
        self.widths = [
            max(self.wide(at) for at, column in enumerate(self.columns) if column == number)
            for number in range(count)
        ]
        self._widen()
        x = float(MARGIN)
        for width in self.widths:
            self.lefts.append(x)
            x += width + GAP

    def move(self, down: float) -> None:
        """Move the whole plan down."""
        self.ys = {at: y + down for at, y in self.ys.items()}
        self.tops, self.bottoms = ([y + down for y in ys] for ys in (self.tops, self.bottoms))

    def wide(self, at: int) -> float:
        if self.every[at].sign:
            return 2 * RADIUS
        thick, _, deep = self.sizes[at]
        return max(thick + deep, *(text_width(line, 12) for line in describe(self.every[at])))

    def stages(self) -> list[tuple[str, int, int]]:
        """Return name, first and last column of each stage on the longest path."""
        row = sorted(self.main, key=lambda at: self.columns[at])
        found = list[tuple[str, int, int]]()
        for name, group in groupby(row, key=lambda at: self.every[at].stage):
            columns = [self.columns[at] for at in group]
            found.append((name, columns[0], columns[-1]))
        return found

    def _widen(self) -> None:
        """Widen columns so that stage names fit."""
        for name, first, last in self.stages():
            wide = sum(self.widths[first : last + 1]) + GAP * (last - first)
            lacking = text_width(name, 12) + 4 - wide
            if lacking > 0:
                for column in range(first, last + 1):
                    self.widths[column] += lacking / (last - first + 1)

    def _put_in_rows(self) -> None:
        self.tops, self.bottoms = ([0.0] * len(self.widths) for _ in range(2))
        for at in self.main:
            self._put(at, 0)
        for at in range(len(self.every)):
            if at in self.ys:
                continue
            chain, end = [at], at
            while len(self.users[end]) == 1 and (user := self.users[end][0]) not in self.main:
                if user in self.ys or max(self.every[user].sources) != end:
                    break
                chain.append(end := user)
            source = max((self.columns[s] for s in self.every[at].sources), default=0)
            inside = range(min(source + 1, self.columns[at]), self.columns[end] + 1)
            bottom = max(self.bottoms[column] for column in inside)
            y = bottom + 10 + max(self.up(each) for each in chain)
            for each in chain:
                self._put(each, y)
            for column in inside:
                self.bottoms[column] = max(self.bottoms[column], y + 4)

    def _put(self, at: int, y: float) -> None:
        self.ys[at] = y
        column, up = self.columns[at], self.up(at)
        down = up if self.every[at].sign else up + LINE * len(describe(self.every[at])) + 4
        self.tops[column] = min(self.tops[column], y - up)
        self.bottoms[column] = max(self.bottoms[column], y + down)

    def up(self, at: int) -> float:
        return RADIUS if self.every[at].sign else (self.sizes[at][1] + self.sizes[at][2]) / 2

    def middle(self, at: int) -> float:
        column = self.columns[at]
        return self.lefts[column] + self.widths[column] / 2

    def left(self, at: int) -> float:
        return self.middle(at) - self._half(at) - 2

    def right(self, at: int) -> float:
        return self.middle(at) + self._half(at) + 2

    def _half(self, at: int) -> float:
        return RADIUS if self.every[at].sign else (self.sizes[at][0] + self.sizes[at][2]) / 2

    def arrows(self) -> list[tuple[Point, ...]]:
        """Route an arrow from each source; short ones first, so that long arcs pass above them."""
        pairs = [(source, at) for at, each in enumerate(self.every) for source in each.sources]
        pairs.sort(key=lambda pair: self.columns[pair[1]] - self.columns[pair[0]])
        return [self._arrow(source, at) for source, at in pairs]

    def _arrow(self, source: int, at: int) -> tuple[Point, ...]:
        y0, y1 = self.ys[source], self.ys[at]
        start, end = (self.right(source), y0), (self.left(at), y1)
        first, last = self.columns[source], self.columns[at]
        fork = self.lefts[first] + self.widths[first] + GAP / 2
        join = self.lefts[last] - GAP / 2
        if y0 == y1:
            between = range(first + 1, last)
            if not any(y == y1 and self.columns[n] in between for n, y in self.ys.items()):
                return start, end
            over = min(self.tops[column] for column in between) - 12
            for column in between:
                self.tops[column] = over
            up = start, (fork, y0), (fork, over)
            if self.every[at].sign:
                return *up, (self.middle(at), over), (self.middle(at), y1 - RADIUS - 2)
            return *up, (join, over), (join, y1), end
        if self.every[at].sign and y0 > y1:
            return start, (self.middle(at), y0), (self.middle(at), y1 + RADIUS + 2)
        turn = fork if y1 > y0 else join
        return start, (turn, y0), (turn, y1), end


def describe(each: Volume) -> tuple[str, ...]:
    """Return the label lines of a volume: channels, sides, kernel, parameters."""
    channels, *sides = each.output
    shape = (f"{channels:,}",) if not sides else (f"{channels:,} x", format_shape(sides))
    kernel = (f"k {each.window}",) if each.window else ()
    params = (f"p {format_si(each.params)}",) if each.params else ()
    return (*shape, *kernel, *params)


def make_scale(every: Sequence[Volume]) -> Scale:
    maps = [each.output for each in every if len(each.output) > 1]
    return Scale(
        side=max((side for shape in maps for side in shape[1:]), default=1),
        channels=max((shape[0] for shape in maps), default=1),
        vector=max((each.output[0] for each in every if len(each.output) == 1), default=1),
    )


def _size(output: tuple[int, ...], scale: Scale) -> tuple[float, float, float]:
    """Return the drawn thickness, height and depth of a volume."""
    count, *sides = output
    if not sides:
        return 8.0, max(3.0, DENSE * math.sqrt(count / scale.vector)), 3.0
    high, wide = sides[0], sides[-1] if len(sides) > 1 else 1
    most = math.sqrt(scale.channels)
    thickest = min(max(2.2 * most, 4 * min(most, 4)), THICKEST)
    return (
        max(2.0, thickest * math.sqrt(count / scale.channels)),
        max(3.0, HIGH * math.sqrt(high / scale.side)),
        max(2.0, HIGH * DEEP * math.sqrt(wide / scale.side)),
    )
