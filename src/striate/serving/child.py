"""A process of the server, and the socket through which they talk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from striate.serving.channel import Frames, Message, pack

_BUFFER_BYTES = 1 << 20
_END_SECONDS = 5.0


class Child:
    """A process; `lost` is called once when it has ended, `received` for each message."""

    def __init__(self, process: subprocess.Popen[bytes], transport: asyncio.Transport) -> None:
        self._process, self._transport = process, transport

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        descriptors: Sequence[int],
        received: Callable[[Message], None],
        lost: Callable[[], None],
    ) -> Child:
        """Start Python with a command, which inherits some descriptors. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            process = subprocess.Popen(
                [sys.executable, "-P", *command],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=tuple(descriptors),
                process_group=0,  # Ctrl-C in a terminal goes to the server, which ends them
            )
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_unix_connection(lambda: Frames(received, lost), sock=ours)
        return cls(process, transport)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, said: Any, content: bytes = b"") -> None:
        """Send a message."""
        self._transport.write(pack(said, content))

    def kill(self) -> None:
        """Kill it; `lost` is called soon."""
        self._process.kill()

    def end(self) -> str:
        """Kill it if it still runs, and return how it ended."""
        self._process.kill()
        self._transport.abort()
        # a process blocked on an unreachable network disk cannot be killed
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        code = self._process.returncode
        if code is None:
            return "it cannot be killed"
        return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _environment() -> dict[str, str]:
    """Return our environment with this process's sys.path.

    Threads of torch that wait for each other release their core after some 0.03 ms: decoders and
    server need it. Where it was kept ten times as long, an image took twice the processor time.
    """
    paths = (path or os.getcwd() for path in sys.path)  # noqa: PTH109
    told = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1", "GOMP_SPINCOUNT": "3000"}
    return {**os.environ, **told}
