"""What a long operation says of itself, and what it returns."""

from __future__ import annotations

import io
from collections.abc import Generator

import pytest
from rich.console import Console

from striate.progress import Pace, drain, throttle
from striate.verbs.bar import show_pace, tell_pace


def counting(last: int, ended: list[bool] | None = None) -> Generator[int, None, str]:
    """Yield 0 to `last`, return "done"; tell when it ends or is closed."""
    try:
        yield from range(last + 1)
        return "done"
    finally:
        (ended if ended is not None else []).append(True)


def test_a_drained_generator_gives_its_value_and_shows_every_item():
    seen: list[int] = []
    assert drain(counting(3), seen.append) == "done"
    assert seen == [0, 1, 2, 3]
    assert drain(counting(3)) == "done"


def test_a_drained_generator_is_closed_where_showing_fails():
    ended: list[bool] = []
    work = counting(3, ended)
    with pytest.raises(ZeroDivisionError):
        drain(work, lambda item: 1 // item)
    assert ended == [True]


@pytest.mark.parametrize(("last", "seen"), [(-1, []), (0, [0]), (1, [0, 1]), (9, [0, 9])])
def test_a_throttled_generator_yields_first_and_last_and_returns_the_value(
    last: int, seen: list[int]
):
    told: list[int] = []
    assert drain(throttle(counting(last), 100), told.append) == "done"
    assert told == seen


def test_a_generator_throttled_to_no_time_yields_everything_once():
    told: list[int] = []
    drain(throttle(counting(9), -1), told.append)
    assert told == list(range(10))


def test_closing_a_throttled_generator_closes_the_work():
    ended: list[bool] = []
    work = counting(3, ended)
    throttled = throttle(work, 100)
    assert next(throttled) == 0
    throttled.close()
    assert ended == [True]


@pytest.mark.parametrize(
    ("pace", "told"),
    [
        (Pace(1200, 5000, "images", 310.4), "1,200 of 5,000 images  310 images/s  0:12 left"),
        (Pace(1200, None, "images", 310.4), "1,200 images  310 images/s"),
        (Pace(0, 9, "signals", 0.0), "0 of 9 signals"),
        (Pace(9, 9, "images", 0.4), "9 of 9 images  0 images/s  0:00 left"),
        (Pace(12, 9, "images", 3), "12 of 9 images  3 images/s  0:00 left"),
        (Pace(1, 10**7, "images", 1000), "1 of 10,000,000 images  1,000 images/s  2:46:40 left"),
    ],
)
def test_a_pace_tells_what_is_known(pace: Pace, told: str):
    assert tell_pace(pace) == told


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_shown_on_a_terminal_alone(terminal: bool):
    shown = io.StringIO()
    work = (Pace(done, 3, "images", 2.0) for done in range(4))
    console = Console(file=shown, force_terminal=terminal, width=80)
    assert show_pace(work, console) is None
    assert ("3 of 3 images  2 images/s  0:00 left" in shown.getvalue()) == terminal
    assert terminal or shown.getvalue() == ""
