"""Stop signals: SIGINT, SIGTERM and SIGHUP end a training after the current step."""

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
    """A request to stop the training."""

    received: int = 0  #: signal received by this process; 0: none
    signal: int = 0  #: signal acted on, by all ranks at the same step


@contextlib.contextmanager
def handle_stop_signals() -> Generator[Request]:
    """Record the first signal in the request while the block runs; a second has its usual effect.

    Ignored signals stay ignored. Outside the main thread no signal is caught.
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
