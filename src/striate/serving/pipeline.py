"""From bytes to answers: images wait, are decoded, and are computed in batches."""

from __future__ import annotations

import asyncio
import math
import os
from collections import deque
from collections.abc import Sequence
from typing import Any

from striate.serving.answers import busy
from striate.serving.crew import Crew
from striate.serving.decoder import Job
from striate.serving.engine import Engine
from striate.serving.items import Answered, Item
from striate.serving.limits import Limits
from striate.serving.metrics import Metrics

_LONGEST_RETRY = 60


class Pipeline:
    """Holds images of requests until they are answered, and never more than its queue.

    A batch is sent when the engine is idle and the batch is full, or no other image is on its way,
    or its oldest has waited `Limits.wait`. Images that come while one is computed are in the next.
    """

    def __init__(self, command: Sequence[str], limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._memory = os.memfd_create("striate")
        os.set_inheritable(self._memory, False)  # children are given it by name
        words = (*command, str(self._memory))
        self.engine = Engine(words, self._memory, limits, metrics, self._dispatch, self._free)
        self._ready = deque[Item]()
        self._timer: asyncio.TimerHandle | None = None
        self._crew: Crew
        self.count = 0  #: images that are not answered yet

    async def start(self) -> None:
        """Load the model and start the decoders. Raises StriateError, OSError."""
        await self.engine.start()
        about = self.engine.about
        limit = self._limits.largest_megabytes
        job = Job(about["inputs"], about["views"], limit, self._memory, about["stride"])
        slots = self._limits.slots if about["views"] else 2 + 2 * self._limits.decoders
        self._batch = self._limits.batch if about["views"] else 1
        os.ftruncate(self._memory, slots * about["stride"])
        self._crew = Crew(job, slots, self._limits, self._metrics, self._decoded)
        await self._crew.start()

    @property
    def ready(self) -> bool:
        """Whether an image would be answered without waiting for a process to start."""
        return self.engine.ready and self._crew.ready

    @property
    def pids(self) -> dict[str, Any]:
        """The processes that run."""
        return {"model": self.engine.pid, "decoders": self._crew.pids}

    async def answer(self, items: Sequence[Item]) -> list[Answered]:
        """Answer images, in order. Raises RequestError where too many wait."""
        if self.count + len(items) > self._limits.queue:
            waits = math.ceil(self.count / max(self.engine.rate, 1e-3))
            raise busy(
                429,
                f"{self.count:,} images wait, and at most {self._limits.queue:,} may; ask again",
                min(max(1, waits), _LONGEST_RETRY),
            )
        self.count += len(items)
        try:
            for item in items:
                self._crew.add(item)
            return [await item.answered for item in items]
        finally:
            self.count -= len(items)
            for item in items:
                item.answered.cancel()

    def check(self, now: float) -> None:
        """End what takes too long."""
        self._crew.check(now)
        self.engine.check(now)

    def end(self) -> None:
        """End all processes."""
        if hasattr(self, "_crew"):
            self._crew.end()
        self.engine.end()
        os.close(self._memory)

    def _free(self, item: Item) -> None:
        self._crew.free(item)

    def _decoded(self, item: Item) -> None:
        """Take an image that was decoded, or could not be."""
        if not item.given_up:
            self._ready.append(item)
        self._dispatch()

    def _dispatch(self) -> None:
        """Send a batch if it is time."""
        if not self.engine.able:
            return
        while self._ready and self._ready[0].given_up:
            self._crew.free(self._ready.popleft())
        if not self._ready:
            return
        loop = asyncio.get_running_loop()
        left = self._ready[0].decoded + self._limits.wait - loop.time()
        if len(self._ready) < self._batch and self._crew.busy and left > 0:
            if self._timer is None:
                self._timer = loop.call_later(left, self._due)
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        most = min(self._batch, len(self._ready))
        self.engine.compute([self._ready.popleft() for _ in range(most)])

    def _due(self) -> None:
        self._timer = None
        self._dispatch()
