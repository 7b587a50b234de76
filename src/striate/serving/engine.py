"""The engine of the server: the process that holds the model, replaced when it dies or hangs."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from striate.errors import ModelError, StriateError, printable
from striate.serving.answers import RequestError, busy
from striate.serving.channel import Message
from striate.serving.child import Child
from striate.serving.items import Item
from striate.serving.limits import Limits
from striate.serving.metrics import Metrics

_RESTART_SECONDS = 5.0  #: after a process that did not come up
_SMOOTH = 0.1  #: of the mean of images a second


class Engine:
    """Computes one batch at a time; `idle` is called whenever it could compute the next."""

    def __init__(
        self,
        command: Sequence[str],
        memory: int,
        limits: Limits,
        metrics: Metrics,
        idle: Callable[[], None],
        free: Callable[[Item], None],
    ) -> None:
        self._command, self._memory = command, memory
        self._limits, self._metrics, self._idle, self._free = limits, metrics, idle, free
        self._child: Child | None = None
        self._hello: asyncio.Future[dict[str, Any]] | None = None
        self._items: Sequence[Item] = ()
        self._sent = 0.0
        self._ending = False
        self._restarting: asyncio.Task[None] | None = None
        self.about: dict[str, Any] = {}  #: what the process says of its model
        self.ready = False
        self.rate = 0.0  #: images a second while it computes

    @property
    def able(self) -> bool:
        """Whether a batch could be sent now."""
        return self.ready and not self._items

    @property
    def busy(self) -> bool:
        """Whether a batch is computed now."""
        return bool(self._items)

    @property
    def pid(self) -> int:
        """Its process id; 0: there is none."""
        return self._child.pid if self._child else 0

    async def start(self) -> None:
        """Load the model. Raises the StriateError that the process met."""
        self._hello = asyncio.get_running_loop().create_future()
        self._child = await Child.start(self._command, [self._memory], self._received, self._lost)
        try:
            said = await asyncio.wait_for(self._hello, self._limits.start_seconds)
        except TimeoutError:
            self._child.kill()
            seconds = f"{self._limits.start_seconds:g} seconds"
            raise StriateError(f"loading the model takes longer than {seconds}") from None
        if "error" in said:
            raise _error(said)
        if self.about and said["sha256"] != self.about["sha256"]:
            self._child.kill()
            raise ModelError("the model file has changed; start the server anew to serve it")
        self.about, self.ready = said, True

    def compute(self, items: Sequence[Item]) -> None:
        """Compute a batch of decoded images."""
        assert self._child is not None
        self._items, self._sent = items, time.monotonic()
        self._metrics.batches.observe(len(items))
        rows = [
            (item.slot, item.shape, item.size, item.name, item.notes, item.top, item.picture)
            for item in items
        ]
        self._child.send(rows)

    def check(self, now: float) -> None:
        """Kill a process that takes too long."""
        if self._items and now > self._sent + self._limits.compute_seconds and self._child:
            self._child.kill()

    def end(self) -> None:
        """End the process."""
        self._ending = True
        if self._child:
            self._child.end()

    def _received(self, message: Message) -> None:
        if self._hello is not None and not self._hello.done():
            self._hello.set_result(message.said)
            return
        items, self._items = self._items, ()
        place = 0
        seconds = time.monotonic() - self._sent
        rate = len(items) / max(seconds, 1e-4)
        self.rate = rate if not self.rate else (1 - _SMOOTH) * self.rate + _SMOOTH * rate
        for item, (length, wrong) in zip(items, message.said["rows"], strict=True):
            item.compute_ms = message.said["ms"]
            item.queue_ms = (self._sent - item.arrived) * 1000 - item.decode_ms
            refusal = RequestError(422, "no_answer", wrong) if wrong else None
            item.settle(message.content[place : place + length], refusal)
            place += length
            self._free(item)
        self._idle()

    def _lost(self) -> None:
        assert self._child is not None
        how, self._child = self._child.end(), None
        was_ready, self.ready = self.ready, False
        if self._hello is not None and not self._hello.done():
            self._hello.set_result({"error": f"the process of the model ended ({how})", "code": 70})
        items, self._items = self._items, ()
        told = f"the model stopped while it computed ({how}); ask again"
        for item in items:
            item.settle(refusal=busy(503, told))
            self._free(item)
        if was_ready and not self._ending:
            self._metrics.restarts.labels("model").inc()
            self._restarting = asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        while not self._ending:
            try:
                await self.start()
            except (StriateError, OSError) as error:
                sys.stderr.write(f"striate: {printable(str(error), 500)}\n")
                await asyncio.sleep(_RESTART_SECONDS)
                continue
            self._idle()
            return


def _error(said: dict[str, Any]) -> StriateError:
    """Return the error that a process sent, of the class with its exit code."""
    kinds = {kind.exit_code: kind for kind in StriateError.__subclasses__()}
    return kinds.get(said["code"], StriateError)(said["error"])
