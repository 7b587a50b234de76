"""Batches prepared ahead by a thread.

At most one is waiting, so that memory holds two.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def prefetch(batches: Iterator[T]) -> Generator[T]:
    """Yield the same batches, each prepared by a thread while the previous one is used.

    Uses two queues: a thread pool's futures take longer than a step of a small network may wait.
    """
    wanted: SimpleQueue[bool] = SimpleQueue()
    made: SimpleQueue[T | Exception | None] = SimpleQueue()

    def make() -> None:
        while wanted.get():
            try:
                made.put(next(batches, None))
            except Exception as error:  # noqa: BLE001 - whatever it is, for who waits for the batch
                made.put(error)

    thread = Thread(target=make, name="batches")
    thread.start()
    try:
        wanted.put(True)
        while (batch := made.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            wanted.put(True)
            yield batch
    finally:
        wanted.put(False)
        thread.join()
