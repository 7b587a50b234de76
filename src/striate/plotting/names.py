"""Names beside their points, moved away from each other and joined to their points by a line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from striate.plotting.shapes import SOFT, Circle, Point, Shape, Stroke, Text, text_width

Box = tuple[float, float, float, float]  #: left, top, right, bottom

_SIZE, _HEIGHT, _APART = 12, 15, 8  #: of the letters; of a name; between a point and its name
_AWAY = (0, 16, 40, 72, 112)  #: further to the side
_ROWS = tuple(_HEIGHT * row for row in range(-8, 9))  #: further down
_OVERLAP, _CROSSED = 1000, 40  #: pixels that a name goes to avoid another one or a dot; a line
_JOINED = 20  #: pixels from which a line joins a name to its point
_STEP = 3  #: pixels between the points of a line that are looked at


def place_names(
    names: Sequence[tuple[Point, str]], drawn: Sequence[Shape], area: Box
) -> Iterator[Shape]:
    """Yield texts for names and their points, in pixels, within the area.

    Each goes where it costs the least: near its point, off other names, and off what is drawn.
    """
    dots = [_around(shape) for shape in drawn if isinstance(shape, Circle)]
    lines = [list(_sample(part)) for s in drawn if isinstance(s, Stroke) for part in s.parts]
    taken = list[Box]()
    for point, text in sorted(names, key=lambda name: name[0][1]):
        boxes = _candidates(point, text_width(text, _SIZE), area)
        costs = [
            _distance(box, point)
            + _OVERLAP * sum(_meet(box, other) for other in (*dots, *taken))
            + _CROSSED * sum(any(_holds(box, at) for at in line) for line in lines)
            for box in boxes
        ]
        box = boxes[costs.index(min(costs))]
        taken.append(box)
        right = box[0] > point[0]
        if _distance(box, point) > _JOINED:
            end = (box[0] - 2 if right else box[2] + 2, min(max(point[1], box[1] + 2), box[3] - 2))
            yield Stroke(((point, end),), opacity=SOFT, width=0.75)
        x, anchor = (box[0], "start") if right else (box[2], "end")
        yield Text(x, box[3] - 2, text, _SIZE, anchor=anchor)


def _candidates(point: Point, width: float, area: Box) -> list[Box]:
    """Return the places of a name within the area, first where there is more room."""
    x, y = point
    left, top, right, bottom = area
    sides = (1, -1) if x < (left + right) / 2 else (-1, 1)
    found = list[Box]()
    for away, side, down in product(_AWAY, sides, _ROWS):
        begin = x + _APART + away if side > 0 else x - _APART - away - width
        low = y - _APART + 2 + down
        found.append((begin, low - _HEIGHT, begin + width, low))
    inside = [b for b in found if left <= b[0] and b[2] <= right and top <= b[1] and b[3] <= bottom]
    return inside or [found[len(_ROWS) // 2]]


def _distance(box: Box, point: Point) -> float:
    """Return how far a name is from its usual place, right above its point."""
    beside = max(box[0] - point[0], point[0] - box[2]) - _APART
    return math.hypot(beside, box[3] - (point[1] - _APART + 2))


def _around(dot: Circle) -> Box:
    return dot.x - dot.radius, dot.y - dot.radius, dot.x + dot.radius, dot.y + dot.radius


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _holds(box: Box, point: Point) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _sample(line: Sequence[Point]) -> Iterator[Point]:
    """Yield points along a line."""
    for (x, y), (to_x, to_y) in pairwise(line):
        steps = max(1, math.ceil(math.hypot(to_x - x, to_y - y) / _STEP))
        for step in range(steps + 1):
            yield x + (to_x - x) * step / steps, y + (to_y - y) * step / steps
