"""Pool of worker processes that answer tasks line by line; crashed or hung workers are replaced.

Uses plain processes and pipes: forking after torch has started threads may deadlock, and
multiprocessing's spawn re-imports the user's script.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import IO, Any

from striate.data.listing.samples import os_reason
from striate.errors import StorageError, StriateError

#: index, and a path or [file, first byte, length, display name]
Task = tuple[int, Any]
COMMAND = ("-P", "-m", "striate.data.cache.worker")
_LARGEST_BLOCK, _BLOCK_SECONDS = 32, 0.05
_START_SECONDS, _END_SECONDS = 60.0, 5.0
_begun = list["_Worker"]()


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """Reason why a task has no result."""

    kind: str  #: finding kind: "too slow" or "unreadable"
    detail: str


class _TaskQueue:
    """Queue of pending tasks, generated lazily."""

    def __init__(self, tasks: Iterable[Task | None]) -> None:
        self._tasks = iter(tasks)
        self.ended = False

    def take(self, most: int) -> list[Task]:
        """Return up to `most` tasks; fewer at the end, or at a None (no task available yet)."""
        block: list[Task] = []
        while len(block) < most and not self.ended:
            try:
                task = next(self._tasks)
            except StopIteration:
                self.ended = True
                break
            if task is None:
                break
            block.append(task)
        return block


def run_tasks(
    job: str, tasks: Iterable[Task | None], workers: int, seconds: float
) -> Generator[tuple[int, Any]]:
    """Yield each task's index and the worker's result, or the WorkerFailure that it caused.

    Tasks are consumed lazily; None among them means that none is available until a result is read.
    Tasks of a crashed worker are retried one by one, so that only the culprit fails. Closing the
    generator stops the workers.
    """
    todo, suspects = _TaskQueue(tasks), deque[Task]()
    crew: list[_Worker] = []
    try:
        while not todo.ended or suspects or any(child.tasks for child in crew):
            if not todo.ended or suspects:
                workers = _spawn(crew, workers, job)
            for child in crew:
                child.fill(todo, suspects)
            if not any(child.tasks for child in crew):
                continue  # the input ended after the last result was read
            for child in _wait(crew, seconds):
                yield from child.read()
                if (death := child.failure(seconds)) is not None:
                    crew.remove(child)
                    if len(child.tasks) == 1:
                        yield child.tasks[0][0], death
                    else:
                        suspects.extend(child.tasks)
    finally:
        for child in crew:
            child.end()


@contextlib.contextmanager
def begin_worker() -> Generator[None]:
    """Start a worker before its job is known; the first `run_tasks` takes it."""
    with contextlib.suppress(OSError):  # of which `run_tasks` tells, if it can start none
        _begun.append(_Worker())
    try:
        yield
    finally:
        while _begun:
            _begun.pop().end()


def _spawn(crew: list[_Worker], workers: int, job: str) -> int:
    """Start workers up to `workers`; return how many the system allows."""
    while len(crew) < workers:
        try:
            child = _begun.pop() if _begun else _Worker()
        except OSError as error:
            return _settle_for(len(crew), error)
        crew.append(child)
        child.send(job)
    return workers


def _settle_for(workers: int, error: OSError) -> int:
    """Continue with the running workers if the system allows no more; raise if there are none."""
    if workers == 0:
        raise StorageError(
            f"no process can be started to decode images: {os_reason(error)}; "
            "end other programs, or raise the limits that `ulimit -a` shows"
        ) from error
    return workers


def _wait(crew: list[_Worker], seconds: float) -> list[_Worker]:
    """Return the workers that have output, exited or timed out; the latter are killed."""
    now = time.monotonic()
    patience = min(child.deadline(seconds) for child in crew) - now
    with selectors.DefaultSelector() as selector:
        for child in crew:
            selector.register(child.answers, selectors.EVENT_READ, child)
        ready = [key.data for key, _ in selector.select(max(0.0, patience))]
    # Compute before yielding: the consumer may pause for any time.
    now = time.monotonic()
    late = [child for child in crew if child not in ready and child.deadline(seconds) <= now]
    for child in late:
        child.late = True
        child.process.kill()
    return ready + late


class _Worker:
    """A worker process, with its pending tasks in the order of their results; `send` it its job."""

    def __init__(self) -> None:
        self._log = _log()
        try:
            self.process = subprocess.Popen(
                [sys.executable, *COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=_environment(),
                process_group=0,  # Ctrl-C in a terminal goes to the parent, which stops the workers
            )
        except OSError:
            self._log.close()
            raise
        self.answers = _pipe(self.process.stdout)
        self.tasks = deque[Task]()
        self.late = False
        self._rest = b""
        self._alone = False
        self._greeted = self._ended = False
        self._given = self._heard = time.monotonic()
        self._block = 2

    def fill(self, todo: _TaskQueue, suspects: deque[Task]) -> None:
        """Send the worker a block of tasks, or one suspect, when its queue is short.

        It holds up to two blocks, so that it never idles; a block takes about 50 ms.
        """
        if self.tasks and (self._alone or suspects or len(self.tasks) > self._block):
            return
        now = time.monotonic()
        quick = now < self._given + _BLOCK_SECONDS
        self._block = min(2 * self._block, _LARGEST_BLOCK) if quick else -(-self._block // 2)
        self._given = now
        self._alone = bool(suspects)
        block = [suspects.popleft()] if suspects else todo.take(self._block)
        if not block:
            return
        if not self.tasks:
            self._heard = now
        self.tasks.extend(block)
        self.send(*map(json.dumps, block))

    def send(self, *lines: str) -> None:
        """Send lines: the job first, then tasks."""
        # The worker may have exited: this is detected on the other pipe.
        with contextlib.suppress(BrokenPipeError):
            pipe = _pipe(self.process.stdin)
            pipe.write("".join(f"{line}\n" for line in lines).encode())
            pipe.flush()

    def read(self) -> Generator[tuple[int, Any]]:
        """Yield the results received since the last call."""
        block = b"" if self.late else os.read(self.answers.fileno(), 1 << 16)
        self._heard = time.monotonic()
        self._ended = not block
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            if self._greeted:
                yield self.tasks.popleft()[0], json.loads(line)
            self._greeted = True

    def deadline(self, seconds: float) -> float:
        """Return the time at which the worker counts as hung; infinity while it is idle."""
        if not self.tasks:
            return float("inf")
        return self._heard + (seconds if self._greeted else max(seconds, _START_SECONDS))

    def failure(self, seconds: float) -> WorkerFailure | None:
        """Return why it exited; None while it runs. Raises StriateError for an internal error."""
        if not self._ended:
            return None
        self.end()
        if self.late:
            return WorkerFailure("too slow", f"decoding it takes longer than {seconds:g} seconds")
        code = self.process.returncode
        if not self._greeted or code == 1:
            raise StriateError(
                f"the process that decodes images failed (exit {code}): {self._said}"
            )
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return WorkerFailure("unreadable", f"the decoder crashed on it ({how})")

    def end(self) -> None:
        """Kill the process, close its pipes, and keep what it said last; once."""
        if self._log.closed:
            return
        self.process.kill()
        with contextlib.suppress(OSError):
            _pipe(self.process.stdin).close()
        self.answers.close()
        # A process blocked on an unreachable network disk cannot be killed.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_SECONDS)
        with self._log as log:
            log.seek(0)
            self._said = log.read().decode(errors="replace").strip()[-2000:]


def _log() -> IO[bytes]:
    """Return a file for a worker's stderr; in memory if possible, as disks may be full."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("striate"), "w+b")
    return tempfile.TemporaryFile()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _environment() -> dict[str, str]:
    """Return our environment with this process's sys.path; one thread per worker."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109
        "PYTHONUTF8": str(sys.flags.utf8_mode),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
