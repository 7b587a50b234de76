"""A connection: heads and bodies come in, answers go out, and none of it may take for ever."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from enum import Enum
from typing import Protocol

from striate.serving.answers import RequestError, Response, busy
from striate.serving.body import Body
from striate.serving.head import Head, take_head
from striate.serving.limits import Limits

_AHEAD_BYTES = 65_536  #: of further requests that are taken while one is answered
_LINGER_BYTES = 64 * 10**6  #: that a refused client may still send before it is cut
_NEVER = float("inf")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Application(Protocol):
    """What answers requests."""

    limits: Limits
    connections: set[Connection]
    held: int  #: bytes of bodies that are being received and answered

    @property
    def draining(self) -> bool:
        """Whether the server is about to end."""
        ...

    def most_bytes(self, head: Head) -> int:
        """Return the limit of a body in bytes. Raises RequestError for what is not asked."""
        ...

    def answer_at_once(self, head: Head) -> Response | None:
        """Return what needs no work; None for what does."""
        ...

    async def answer(self, head: Head, content: bytes) -> Response:
        """Answer a request with its body. Raises RequestError."""
        ...

    def count(self, head: Head | None, status: int, seconds: float) -> None:
        """Count an answer."""
        ...


class _Phase(Enum):
    IDLE = "idle"  # nothing of a request has come
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    LINGER = "linger"  # answered for the last time; what still comes is thrown away


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, application: Application) -> None:
        self._app = application
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._phase = _Phase.IDLE
        self._head: Head | None = None
        self._body: Body | None = None
        self._task: asyncio.Task[None] | None = None
        self._held = self._thrown = 0
        self._paused = False  # whether the client takes no more of its answers
        self._started = 0.0
        self.deadline = _NEVER

    @property
    def working(self) -> bool:
        """Whether a request has come in part or whole, and is not answered."""
        return self._phase in (_Phase.HEAD, _Phase.BODY, _Phase.ANSWER)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._app.connections.add(self)
        self._expect(self._app.limits.head_seconds)
        if len(self._app.connections) > self._app.limits.connections:
            most = f"{self._app.limits.connections:,} connections are open"
            self._refuse(busy(503, f"the server is full: {most}; ask again"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._app.connections.discard(self)
        self._release()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._phase is _Phase.LINGER:
            self._thrown += len(data)
            if self._thrown > _LINGER_BYTES:
                self._transport.abort()
            return
        self._buffer += data
        if self._phase is _Phase.ANSWER:
            if len(self._buffer) > _AHEAD_BYTES:
                self._transport.pause_reading()
            return
        self._advance()

    def pause_writing(self) -> None:
        self._paused = True
        self._expect(self._app.limits.write_seconds)

    def resume_writing(self) -> None:
        self._paused = False
        if self._phase is _Phase.IDLE:
            self._await_next()

    def check(self, now: float) -> None:
        """End what has taken too long."""
        if now < self.deadline:
            return
        if self._paused or self._phase in (_Phase.LINGER, _Phase.IDLE, _Phase.ANSWER):
            self._transport.abort() if self._paused else self._transport.close()
            return
        what = "head" if self._phase is _Phase.HEAD else "body"
        message = f"the {what} of the request did not come in time"
        self._refuse(RequestError(408, "timeout", message))

    def end(self) -> None:
        """Close the connection, unless its client is still to take an answer."""
        if self._phase is _Phase.IDLE:
            self._transport.close()

    def _expect(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def _advance(self) -> None:
        """Read as much of requests as has come."""
        try:
            while self._phase is not _Phase.ANSWER and self._phase is not _Phase.LINGER:
                if self._paused or not self._step():
                    return
        except RequestError as refusal:
            self._refuse(refusal)

    def _step(self) -> bool:
        """Take a head or a body; return whether it was complete."""
        if self._phase is _Phase.BODY:
            return self._receive()
        if self._phase is _Phase.IDLE and self._buffer:
            self._phase, self._started = _Phase.HEAD, time.monotonic()
            self._expect(self._app.limits.head_seconds)
        self._head = head = take_head(self._buffer)
        if head is None:
            return False
        most = self._app.most_bytes(head)
        if response := self._app.answer_at_once(head):
            self._send(response, close=head.close or head.length != 0)
            return True
        self._body = Body(head.length, most)
        self._phase = _Phase.BODY
        self._expect(self._app.limits.body_seconds)
        if head.expects and not self._buffer:
            self._transport.write(_CONTINUE)
        return self._receive()

    def _receive(self) -> bool:
        body = self._body
        assert body is not None
        body.feed(self._buffer)
        self._app.held += len(body.content) - self._held
        self._held = len(body.content)
        if self._app.held > self._app.limits.held:
            raise busy(503, "the server is full: too many bytes wait; ask again")
        if body.complete:
            self._phase, self.deadline = _Phase.ANSWER, _NEVER
            self._task = asyncio.get_running_loop().create_task(self._answer(bytes(body.content)))
            self._body = None
        return body.complete

    async def _answer(self, content: bytes) -> None:
        head = self._head
        assert head is not None
        try:
            response = await self._app.answer(head, content)
        except RequestError as refusal:
            response = refusal.response
        except Exception:  # noqa: BLE001 - a bug of ours must end neither server nor silence
            sys.stderr.write(traceback.format_exc())
            response = RequestError(
                500, "internal", "an internal error: see the server's log"
            ).response
        self._task = None
        self._release()
        self._send(response, close=head.close)
        self._advance()

    def _send(self, response: Response, *, close: bool) -> None:
        close = close or self._app.draining
        head = self._head
        bodyless = head is not None and head.method == "HEAD"
        self._transport.write(response.encode(close=close, head_only=bodyless))
        self._app.count(head, response.status, time.monotonic() - self._started)
        if close:
            self._linger()
        else:
            self._await_next()

    def _await_next(self) -> None:
        self._phase = _Phase.IDLE
        self._transport.resume_reading()
        if not self._paused:
            self._expect(self._app.limits.idle_seconds)

    def _refuse(self, refusal: RequestError) -> None:
        self._release()
        self._send(refusal.response, close=True)

    def _linger(self) -> None:
        """End our side, and read on for a while: closing at once would discard the answer.

        A client that is still sending would be reset, and might never see why.
        """
        self._phase = _Phase.LINGER
        self._buffer.clear()
        self._body = None
        self._expect(self._app.limits.linger_seconds)
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _release(self) -> None:
        self._app.held -= self._held
        self._held = 0
