"""Names of points that are near each other can be read, and are joined to their points."""

from __future__ import annotations

from itertools import combinations

import pytest

from striate.plotting.names import place_names
from striate.plotting.shapes import Circle, Stroke, Text, text_width

AREA = (0.0, 0.0, 400.0, 300.0)
NEAR = [((200.0 + 3 * at, 150.0 - 2 * at), f"network number {at}") for at in range(5)]


def place(names, drawn=()):
    dots = [Circle(x, y, 4) for (x, y), _ in names]
    shapes = list(place_names(names, [*dots, *drawn], AREA))
    texts = [shape for shape in shapes if isinstance(shape, Text)]
    return texts, [shape for shape in shapes if isinstance(shape, Stroke)]


def box(text: Text):
    wide = text_width(text.text, text.size)
    left = text.x if text.anchor == "start" else text.x - wide
    return left, text.y - 12, left + wide, text.y + 2


def meet(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_names_of_near_points_do_not_overlap_and_stay_within_the_chart():
    texts, _ = place(NEAR)
    assert {text.text for text in texts} == {name for _, name in NEAR}
    boxes = [box(text) for text in texts]
    assert not any(meet(*pair) for pair in combinations(boxes, 2))
    assert all(left >= 0 and right <= 400 for left, _, right, _ in boxes)


def test_no_name_lies_on_a_point():
    texts, _ = place(NEAR)
    dots = [(x - 4, y - 4, x + 4, y + 4) for (x, y), _ in NEAR]
    assert not any(meet(box(text), dot) for text in texts for dot in dots)


def test_a_name_that_had_to_move_is_joined_to_its_point():
    _, lines = place(NEAR)
    points = {point for point, _ in NEAR}
    assert lines
    assert {line.parts[0][0] for line in lines} < points


def test_a_name_with_room_stands_beside_its_point_without_a_line():
    (text,), lines = place([((50.0, 100.0), "alone")])
    assert (text.x, text.y, text.anchor, lines) == (58.0, 92.0, "start", [])


def test_a_name_goes_off_a_line():
    steep = Stroke((((70.0, 0.0), (70.0, 300.0)),))
    (text,), _ = place([((50.0, 100.0), "net")], [steep])
    left, _, right, _ = box(text)
    assert not left <= 70 <= right


@pytest.mark.parametrize("point", [(50.0, 100.0), (350.0, 100.0), (200.0, 4.0), (200.0, 298.0)])
def test_a_name_stays_within_the_chart_though_lines_are_in_its_way(point):
    x, y = point
    lines = [Stroke((((x + aside, y - 300), (x + aside, y + 300)),)) for aside in (-20, 20)]
    (text,), _ = place([(point, "a long name")], lines)
    left, top, right, bottom = box(text)
    assert 0 <= left < right <= 400
    assert 0 <= top < bottom <= 300
