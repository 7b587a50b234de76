"""Progress of long operations: generators that yield it, and return their result at the end."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a long operation."""

    done: int
    total: int
    what: str  #: noun of the counted items: "images"


@dataclass(frozen=True, slots=True)
class Pace:
    """Progress of an operation whose end may not be known."""

    done: int
    total: int | None  #: None while it is not known
    what: str
    per_second: float

    @property
    def remaining(self) -> float | None:
        """Return the seconds that are left."""
        if self.total is None or not self.per_second:
            return None
        return max(0, self.total - self.done) / self.per_second


def drain(
    work: Generator[Item, None, Result], show: Callable[[Item], object] | None = None
) -> Result:
    """Run a generator to its end and return its value; `show` is called with every item.

    The generator is closed, also where `show` raises.
    """
    with contextlib.closing(work):
        while True:
            try:
                item = next(work)
            except StopIteration as end:
                return end.value
            if show is not None:
                show(item)


def throttle(
    work: Generator[Item, None, Result], seconds: float = 0.25
) -> Generator[Item, None, Result]:
    """Run a generator, but yield at most an item every `seconds`, and its first and last."""
    last, waiting = -math.inf, list[Item]()
    with contextlib.closing(work):
        while True:
            try:
                waiting = [next(work)]
            except StopIteration as end:
                yield from waiting
                return end.value
            if (now := time.monotonic()) > last + seconds:
                yield from waiting
                last, waiting = now, []
