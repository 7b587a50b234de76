"""Batches made ahead by a thread are the same ones, and no more than are wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from striate.data.prefetch import prefetch


def test_batches_made_ahead_are_the_same_in_the_same_order() -> None:
    assert list(prefetch(iter(range(7)))) == list(range(7))
    assert list(prefetch(iter(()))) == []


def test_an_error_in_the_thread_reaches_who_waits_for_the_batch() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    batches = prefetch(failing())
    assert next(batches) == 1
    with pytest.raises(ZeroDivisionError):
        next(batches)


def test_nobody_makes_batches_that_nobody_wants() -> None:
    before, made = threading.active_count(), list[int]()
    batches = prefetch(number for number in range(9) if made.append(number) is None)
    assert next(batches) == 0
    assert threading.active_count() == before + 1
    batches.close()
    assert threading.active_count() == before
    assert made == [0, 1]
