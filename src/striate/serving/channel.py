"""Messages between the server and its processes: JSON and bytes, over a socket of two ends."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

_LENGTHS = struct.Struct("<II")
_BUFFER_BYTES = 1 << 16


class Message(NamedTuple):
    """What was said, and bytes that belong to it."""

    said: Any  #: JSON
    content: bytes


def pack(said: Any, content: bytes = b"") -> bytes:
    """Return a message as bytes."""
    text = json.dumps(said, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(text), len(content)) + text + content


class Line:
    """The end of a process that waits for each message: standard input, which is a socket."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=0)
        self._stream = self._socket.makefile("rb", _BUFFER_BYTES)

    def receive(self) -> Message | None:
        """Wait for a message; None when the server has ended."""
        lengths = self._stream.read(_LENGTHS.size)
        if len(lengths) < _LENGTHS.size:
            return None
        text, content = _LENGTHS.unpack(lengths)
        return Message(json.loads(self._stream.read(text)), self._stream.read(content))

    def send(self, said: Any, content: bytes = b"") -> None:
        """Send a message."""
        self._socket.sendall(pack(said, content))


class Frames(asyncio.Protocol):
    """The end of the server, which never waits."""

    def __init__(self, received: Callable[[Message], None], lost: Callable[[], None]) -> None:
        self._received, self._lost = received, lost
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        buffer = self._buffer
        while len(buffer) >= _LENGTHS.size:
            text, content = _LENGTHS.unpack_from(buffer)
            middle = _LENGTHS.size + text
            if len(buffer) < middle + content:
                return
            said = json.loads(buffer[_LENGTHS.size : middle])
            message = Message(said, bytes(buffer[middle : middle + content]))
            del buffer[: middle + content]
            self._received(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._lost()
