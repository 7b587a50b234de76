"""What was found is drawn where it was found."""

from __future__ import annotations

import numpy as np
import pytest

from striate.errors import OptionError
from striate.plotting import draw_matches
from striate.vision import Matches

FOUND = Matches(np.array([[20, 10]]), np.array([0.876]), (8, 12))


def test_a_box_frames_the_pixels_of_a_match():
    shown = np.asarray(draw_matches(np.full((40, 50), 255, np.uint8), FOUND, color="#ff0000"))
    red = (shown == (255, 0, 0)).all(axis=2)
    assert red[[20, 27], 10:22].all()
    assert red[20:28, [10, 21]].all()
    assert not red[21:27, 11:21].any()
    assert not red[28:].any()
    assert (shown[:20] != 255).any(), "the score stands above"


def test_numbers_that_are_no_bytes_are_spread_from_black_to_white():
    nothing = Matches(np.empty((0, 2), np.int64), np.empty(0), (3, 3))
    shown = np.asarray(draw_matches(np.array([[-1.0, 0.0], [0.5, 1.0]]), nothing))[..., 0]
    assert shown.tolist() == [[0, 128], [191, 255]]
    assert np.asarray(draw_matches(np.array([[7, 9]], np.uint8), nothing))[0, :, 2].tolist() == [
        7,
        9,
    ]
    assert np.asarray(draw_matches(np.full((2, 2), 3.0), nothing)).max() == 0
    colors = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert (np.asarray(draw_matches(colors, nothing)) == colors).all()


def test_what_is_no_image_is_refused():
    with pytest.raises(OptionError) as caught:
        draw_matches(np.zeros((4, 5, 2)), FOUND)
    assert str(caught.value) == "the image must be (H, W) or (H, W, 3), but (4, 5, 2) came"
