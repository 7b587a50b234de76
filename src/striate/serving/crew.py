"""Decoders of the server: as many processes as it may have, each replaced when it dies or hangs."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from striate.serving.answers import busy
from striate.serving.channel import Message
from striate.serving.child import Child
from striate.serving.decoder import Job
from striate.serving.items import Item
from striate.serving.limits import Limits
from striate.serving.metrics import Metrics

_COMMAND = ("-m", "striate.serving.decoder")
_AHEAD = 2  #: images given to a decoder, of which it decodes the first
_RESTART_SECONDS = 0.5  #: after a process that did not come up


class _Decoder:
    """A process, and the images that it was given, in order."""

    def __init__(self) -> None:
        self.child: Child | None = None
        self.items = deque[Item]()
        self.ready = False
        self.late = False
        self.heard = 0.0


class Crew:
    """Decodes images in the order in which they came, as long as a slot is free for each."""

    def __init__(
        self, job: Job, slots: int, limits: Limits, metrics: Metrics, done: Callable[[Item], None]
    ) -> None:
        self._command = (*_COMMAND, json.dumps(asdict(job)))
        self._job, self._limits, self._metrics, self._done = job, limits, metrics, done
        self._free = list(range(slots))
        self._waiting = deque[Item]()
        self._decoders = [_Decoder() for _ in range(limits.decoders)]
        self._ending = False
        self._up = asyncio.Event()
        self._tasks = set[asyncio.Task[None]]()

    async def start(self) -> None:
        """Start all processes, and wait for the first. Raises OSError, TimeoutError."""
        for decoder in self._decoders:
            await self._start(decoder)
        await asyncio.wait_for(self._up.wait(), self._limits.start_seconds)

    @property
    def ready(self) -> bool:
        """Whether an image could be decoded now."""
        return any(decoder.ready for decoder in self._decoders)

    @property
    def busy(self) -> bool:
        """Whether further images are being decoded, or could be."""
        return bool(self._waiting) or any(decoder.items for decoder in self._decoders)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [decoder.child.pid for decoder in self._decoders if decoder.child]

    def add(self, item: Item) -> None:
        """Decode an image when its turn comes."""
        self._waiting.append(item)
        self._fill()

    def free(self, item: Item) -> None:
        """Take back the slot of an image."""
        if item.slot >= 0:
            self._free.append(item.slot)
            item.slot = -1
            self._fill()

    def check(self, now: float) -> None:
        """Kill decoders that take too long."""
        for decoder in self._decoders:
            late = decoder.items and now > decoder.heard + self._limits.decode_seconds
            if late and decoder.ready and decoder.child:
                decoder.late = True
                decoder.child.kill()

    def end(self) -> None:
        """End all processes."""
        self._ending = True
        for decoder in self._decoders:
            if decoder.child:
                decoder.child.end()

    async def _start(self, decoder: _Decoder) -> None:
        received, lost = partial(self._received, decoder), partial(self._lost, decoder)
        decoder.child = await Child.start(self._command, [self._job.memory], received, lost)

    def _fill(self) -> None:
        while self._waiting and self._free:
            if self._waiting[0].given_up:
                self._waiting.popleft()
                continue
            able = [each for each in self._decoders if each.ready and len(each.items) < _AHEAD]
            if not able:
                return
            decoder = min(able, key=lambda each: len(each.items))
            item = self._waiting.popleft()
            item.slot = self._free.pop()
            if not decoder.items:
                decoder.heard = time.monotonic()
            decoder.items.append(item)
            assert decoder.child is not None
            decoder.child.send((item.slot, item.name), item.content)

    def _received(self, decoder: _Decoder, message: Message) -> None:
        decoder.heard = time.monotonic()
        if not decoder.ready:
            decoder.ready = True
            self._up.set()
            self._fill()
            return
        item = decoder.items.popleft()
        if len(message.said) == 2:
            item.unreadable(*message.said)
        else:
            notes, width, height, shape, item.decode_ms = message.said
            item.notes, item.size, item.shape = tuple(notes), (width, height), tuple(shape)
            item.decoded = decoder.heard
        if item.given_up:
            self.free(item)
        self._fill()
        self._done(item)

    def _lost(self, decoder: _Decoder) -> None:
        assert decoder.child is not None
        how = decoder.child.end()
        quick, decoder.child = not decoder.ready, None
        decoder.ready = False
        if self._ending:
            return
        self._metrics.restarts.labels("decoder").inc()
        if decoder.items:
            self._refuse_first(decoder, how)
        decoder.late = False
        restarting = asyncio.get_running_loop().create_task(self._restart(decoder, late=quick))
        self._tasks.add(restarting)
        restarting.add_done_callback(self._tasks.discard)
        self._fill()

    def _refuse_first(self, decoder: _Decoder, how: str) -> None:
        """Refuse the image during which a process ended; others that it was given wait again."""
        first, *others = decoder.items
        decoder.items.clear()
        seconds = f"{self._limits.decode_seconds:g} seconds"
        told = f"decoding it takes longer than {seconds}" if decoder.late else (
            f"the decoder crashed on it ({how})"
        )  # fmt: skip
        kind = "too slow" if decoder.late else "unreadable"
        first.settle(refusal=busy(503, f"{kind}: {told}"))
        for item in (first, *others):
            self._free.append(item.slot)
            item.slot = -1
        self._waiting.extendleft(reversed(others))
        self._done(first)

    async def _restart(self, decoder: _Decoder, *, late: bool) -> None:
        while not self._ending:
            if late:
                await asyncio.sleep(_RESTART_SECONDS)
            try:
                await self._start(decoder)
            except OSError:  # the system allows no further process now
                late = True
                continue
            return
