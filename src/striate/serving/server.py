"""The life of a server: it takes its port, loads the model, listens, drains, and ends."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import resource
import signal
import socket
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from striate.errors import OptionError, StorageError, printable
from striate.serving.app import App
from striate.serving.connection import Connection
from striate.serving.limits import Limits
from striate.serving.metrics import Metrics
from striate.serving.pipeline import Pipeline

_SWEEP_SECONDS = 0.1
_LAST_SECONDS = 1.0  #: in which the last answers are taken
_BACKLOG = 2048
_M_MMAP_THRESHOLD = -3  # glibc malloc.h
_MAPPED_BYTES = 16_384  #: from which a piece of memory is one of its own
_DESCRIPTORS_BESIDE = 128  #: that are no connections


@dataclass(frozen=True)
class Settings:
    """What a server is told."""

    command: Sequence[str]  #: of Python, which starts the process that holds the model
    host: str = "127.0.0.1"
    port: int = 8000  #: 0: one that is free
    token: str | None = field(default=None, repr=False)
    top: int = 3  #: classes listed unless a request says how many
    limits: Limits = field(default_factory=Limits)


def run_server(settings: Settings, tell: Callable[[str], None]) -> int:
    """Serve until a signal, and return the exit code: 0, and after Ctrl-C 130.

    `tell` is given a line when it listens. Raises OptionError for an address that cannot be
    listened to, and the StriateError of a model that cannot be loaded.
    """
    _return_memory()
    host, port = settings.host, settings.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise OptionError(f"--host {printable(host, 100)}: no address of this machine") from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with _explained(host, port):
            listener.bind(address)
        return asyncio.run(_Server(settings, listener, tell).run())


@contextlib.contextmanager
def _explained(host: str, port: int) -> Generator[None]:
    """Raise OptionError for an address that cannot be listened to."""
    shown = printable(host, 100)
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} of {shown} is in use; end what uses it, or give another --port"
        elif error.errno == errno.EACCES:
            message = f"port {port} is for the system's own services; give a --port from 1024 on"
        else:
            reason = (error.strerror or str(error)).lower()
            message = f"--host {shown}: {reason}; give an address of this machine"
        raise OptionError(message) from error


class _Server:
    def __init__(
        self, settings: Settings, listener: socket.socket, tell: Callable[[str], None]
    ) -> None:
        self._settings, self._listener, self._tell = settings, listener, tell
        self._limits = settings.limits
        self._signal = 0
        self._asked = asyncio.Event()
        self._app: App

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        _allow_connections(self._limits.connections)
        metrics = Metrics()
        pipeline = Pipeline(self._settings.command, self._limits, metrics)
        try:
            if await self._loaded(pipeline):
                await self._serve(pipeline, metrics)
        finally:
            pipeline.end()
        return 130 if self._signal == signal.SIGINT else 0

    def _stop(self, number: int) -> None:
        self._signal = self._signal or number
        self._asked.set()

    async def _loaded(self, pipeline: Pipeline) -> bool:
        """Load the model; return False if a signal came before."""
        loading = asyncio.ensure_future(pipeline.start())
        asked = asyncio.ensure_future(self._asked.wait())
        await asyncio.wait((loading, asked), return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if loading.done():
            try:
                loading.result()
            except OSError as error:
                if isinstance(error, StorageError):
                    raise
                reason = (error.strerror or str(error)).lower()
                raise StorageError(f"the server's processes cannot be started: {reason}") from error
            return True
        loading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loading
        return False

    async def _serve(self, pipeline: Pipeline, metrics: Metrics) -> None:
        settings, loop = self._settings, asyncio.get_running_loop()
        self._app = app = App(
            pipeline, self._limits, metrics, top=settings.top, token=settings.token
        )
        sweeper = loop.create_task(self._sweep(pipeline))
        with _explained(settings.host, settings.port):  # two may have bound it, one listens
            self._listener.listen(_BACKLOG)
        server = await loop.create_server(
            lambda: Connection(app), sock=self._listener, backlog=_BACKLOG
        )
        about, port = pipeline.engine.about, self._listener.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self._tell(f"serving {about['network']} ({about['task']}) at http://{host}:{port}")
        await self._asked.wait()
        app.draining = True
        await _wait_while(
            lambda: any(each.working for each in app.connections), self._limits.drain_seconds
        )
        server.close()
        for connection in list(app.connections):
            connection.end()
        await _wait_while(lambda: bool(app.connections), _LAST_SECONDS)
        sweeper.cancel()

    async def _sweep(self, pipeline: Pipeline) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = time.monotonic()
            for connection in list(self._app.connections):
                connection.check(now)
            pipeline.check(now)


async def _wait_while(condition: Callable[[], bool], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    ending = loop.time() + seconds
    while loop.time() < ending and condition():
        await asyncio.sleep(_SWEEP_SECONDS / 5)


def _return_memory() -> None:
    """Have glibc give bodies back to the system: kept for others, they scatter over its memory.

    It would keep larger ones the more come, and grew by 100 bytes a request.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def _allow_connections(count: int) -> None:
    """Raise the limit of open files to what so many connections need, as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * count + _DESCRIPTORS_BESIDE
    most = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
