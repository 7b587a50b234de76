"""What a long operation says of itself, and what it returns."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from striate.progress import drain, throttle


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
