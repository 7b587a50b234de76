"""Boxes are drawn where they are, and are seen on white and on black."""

from __future__ import annotations

import numpy as np
import pytest

from striate.plotting.labeled_boxes import LabeledBox, draw_labeled_boxes

RED = (255, 0, 0)


@pytest.mark.parametrize("gray", [0, 255])
def test_a_line_runs_along_the_inside_of_a_box(gray: int) -> None:
    image = np.full((40, 50, 1), gray, np.uint8)
    drawn = draw_labeled_boxes(image, [LabeledBox((10, 20, 30, 35), "", RED)])
    red = (drawn == RED).all(axis=2)
    rows, columns = red.nonzero()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 34, 10, 29)
    assert red[20, 10:30].all()
    assert red[20:35, 29].all()
    assert (drawn[19, 9:31] == 0).all()  # the rim is black
    assert (drawn[:18] == gray).all()
    assert (drawn[22:33, 12:28] == gray).all()
    assert (image == gray).all()


def test_a_label_stays_inside_the_image() -> None:
    image = np.full((60, 80, 3), 255, np.uint8)
    boxes = [LabeledBox((0, 0, 80, 60), "whole", RED), LabeledBox((70, 40, 80, 60), "edge", RED)]
    drawn = draw_labeled_boxes(image, boxes)
    assert (drawn == RED).all(axis=2)[2:10, 2:8].any()
    filled = (drawn == RED).all(axis=2)[26:38].sum(axis=0)
    assert filled[75:79].min() >= 5


def test_words_are_black_on_bright_colors_and_white_on_dark_ones() -> None:
    image = np.full((60, 80, 3), 120, np.uint8)
    for color, ink in (((255, 255, 0), 0), ((0, 0, 90), 255)):
        drawn = draw_labeled_boxes(image, [LabeledBox((10, 30, 60, 50), "I", color)])
        assert np.abs(drawn[17:28, 12:18].astype(int) - ink).max(axis=2).min() < 90


def test_a_dashed_line_has_gaps_and_boxes_beyond_the_image_are_held_inside() -> None:
    image = np.full((60, 80, 3), 120, np.uint8)
    drawn = draw_labeled_boxes(image, [LabeledBox((-5, 10, 200, 50), "", RED, dashed=True)])
    red = (drawn == RED).all(axis=2)
    assert red[10].any()
    assert not red[10].all()
    assert red[:, 0].any()
    assert red[:, 79].any()
    assert draw_labeled_boxes(image, []).tolist() == image.tolist()


def test_the_first_box_is_on_top() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    corners = (5, 5, 30, 30)
    drawn = draw_labeled_boxes(
        image, [LabeledBox(corners, "", RED), LabeledBox(corners, "", (0, 255, 0))]
    )
    assert drawn[5, 10].tolist() == list(RED)
