"""Sequence logos: the height of a letter is the height of its ink."""

from __future__ import annotations

import numpy as np

from striate.plotting.logo import COLORS, draw_logo


def inked(logo: np.ndarray, letter: int) -> np.ndarray:
    """Rows and columns with the full color of a letter."""
    color = [int(COLORS[letter][at : at + 2], 16) for at in (1, 3, 5)]
    return np.argwhere((np.abs(logo.astype(int) - color) < 12).all(axis=2))


def test_a_letter_is_as_high_as_it_is_said() -> None:
    for share in (0.25, 0.5, 1.0):
        places = inked(draw_logo(np.array([[2.0 * share, 0, 0, 0]]), 2.0, high=82), 0)
        tall = places[:, 0].max() - places[:, 0].min() + 1
        assert abs(tall - 78 * share) <= 3


def test_the_highest_letter_stands_on_top() -> None:
    logo = draw_logo(np.array([[0.4, 1.2, 0, 0]]), 2.0)
    low, top = inked(logo, 0)[:, 0], inked(logo, 1)[:, 0]
    assert top.max() <= low.min() + 1


def test_each_column_has_its_own_letter() -> None:
    logo = draw_logo(np.eye(4) * 2, 2.0, column=20)
    for letter in range(4):
        across = inked(logo, letter)[:, 1]
        assert 20 * letter <= across.min()
        assert across.max() < 20 * (letter + 1)


def test_what_is_below_zero_hangs_under_the_line() -> None:
    logo = draw_logo(np.array([[1.0, 0, 0, -1.0]]), 1.0, high=80)
    assert inked(logo, 0)[:, 0].max() < 40 <= inked(logo, 3)[:, 0].min()


def test_nothing_is_drawn_of_nothing() -> None:
    assert (draw_logo(np.zeros((3, 4)), 2.0) == 255).all()
