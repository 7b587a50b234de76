"""Ctrl-C and SIGTERM end a training after its step instead of in the middle of it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from dataclasses import dataclass
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Request:
    """Whether someone asked the training to stop."""

    received: int = 0  #: to this process; 0: nothing did
    signal: int = 0  #: what the training acts on, all of its processes at the same step


@contextlib.contextmanager
def handle_stop_signals() -> Generator[Request]:
    """While the block runs, the first signal is noted in the request; a second one acts as usual.

    A signal that was ignored stays ignored. Outside the main thread none can be caught.
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    usual = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = [number for number, handler in usual.items() if handler is not signal.SIG_IGN]

    def note(number: int, _frame: FrameType | None) -> None:
        request.received = number
        restore()

    def restore() -> None:
        for number in caught:
            signal.signal(number, usual[number])

    for number in caught:
        signal.signal(number, note)
    try:
        yield request
    finally:
        restore()
