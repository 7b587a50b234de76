"""Child processes that answer tasks line by line, and are replaced when one dies or takes too long.

Plain processes and pipes: a fork after the threads of torch may hang, and the spawn of
multiprocessing runs the user's own script again.
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

#: a number, and a path or [file, first byte, length, shown]
Task = tuple[int, Any]
COMMAND = ("-P", "-m", "striate.data.cache.worker")
_LARGEST_BLOCK, _BLOCK_SECONDS = 32, 0.05
_START_SECONDS, _END_SECONDS = 60.0, 5.0


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """Why a task has no answer."""

    kind: str  #: a kind of finding: "too slow" or "unreadable"
    detail: str


class _TaskQueue:
    """The tasks that are not given out yet; they are made as they are wanted."""

    def __init__(self, tasks: Iterable[Task | None]) -> None:
        self._tasks = iter(tasks)
        self.ended = False

    def take(self, most: int) -> list[Task]:
        """Up to so many; fewer where there are no more, or None says that there are none yet."""
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
    """Every task's number with the child's answer to it, or with the Death that it has caused.

    Tasks are taken as they are wanted; None among them means "no more before an answer is taken".
    The tasks of a child that dies are given out again one by one, so that only the cause is lost.
    Leaving the generator ends the children.
    """
    todo, suspects = _TaskQueue(tasks), deque[Task]()
    crew: list[_Worker] = []
    with _log() as log:
        try:
            while not todo.ended or suspects or any(child.tasks for child in crew):
                if not todo.ended or suspects:
                    workers = _spawn(crew, workers, job, log)
                for child in crew:
                    child.fill(todo, suspects)
                if not any(child.tasks for child in crew):
                    continue  # the last answer was taken before it was known to be the last
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


def _spawn(crew: list[_Worker], workers: int, job: str, log: IO[bytes]) -> int:
    """Start children until there are so many; how many the system allows."""
    while len(crew) < workers:
        try:
            crew.append(_Worker(job, log))
        except OSError as error:
            return _settle_for(len(crew), error)
    return workers


def _settle_for(workers: int, error: OSError) -> int:
    """The number of children that there are must do, where the system allows no more."""
    if workers == 0:
        raise StorageError(
            f"no process can be started to decode images: {os_reason(error)}; "
            "end other programs, or raise the limits that `ulimit -a` shows"
        ) from error
    return workers


def _wait(crew: list[_Worker], seconds: float) -> list[_Worker]:
    """The children that have answered, died, or worked too long on a task; the last are ended."""
    now = time.monotonic()
    patience = min(child.deadline(seconds) for child in crew) - now
    with selectors.DefaultSelector() as selector:
        for child in crew:
            selector.register(child.answers, selectors.EVENT_READ, child)
        ready = [key.data for key, _ in selector.select(max(0.0, patience))]
    # Taken before anything is yielded: whoever reads us may pause for as long as it likes.
    now = time.monotonic()
    late = [child for child in crew if child not in ready and child.deadline(seconds) <= now]
    for child in late:
        child.late = True
        child.process.kill()
    return ready + late


class _Worker:
    """One process: the tasks that it holds, in the order in which it will answer them."""

    def __init__(self, job: str, log: IO[bytes]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *COMMAND, job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(),
            process_group=0,  # Ctrl-C in a terminal is for the parent, which ends them
        )
        self.answers = _pipe(self.process.stdout)
        self.tasks = deque[Task]()
        self.late = False
        self._log = log
        self._rest = b""
        self._alone = False
        self._greeted = self._ended = False
        self._given = self._heard = time.monotonic()
        self._block = 2

    def fill(self, todo: _TaskQueue, suspects: deque[Task]) -> None:
        """Give it a block of tasks, or one suspect, when it has too few.

        It holds up to two blocks, so that it never waits; a block is what takes it about 50 ms.
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
        # To a child that is dead by now: its end is read from the other pipe.
        with contextlib.suppress(BrokenPipeError):
            pipe = _pipe(self.process.stdin)
            pipe.write("".join(json.dumps(task) + "\n" for task in block).encode())
            pipe.flush()

    def read(self) -> Generator[tuple[int, Any]]:
        """The answers that have come since the last time."""
        block = b"" if self.late else os.read(self.answers.fileno(), 1 << 16)
        self._heard = time.monotonic()
        self._ended = not block
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            if self._greeted:
                yield self.tasks.popleft()[0], json.loads(line)
            self._greeted = True

    def deadline(self, seconds: float) -> float:
        """When it will have been silent for too long; never while it has nothing to do."""
        if not self.tasks:
            return float("inf")
        return self._heard + (seconds if self._greeted else max(seconds, _START_SECONDS))

    def failure(self, seconds: float) -> WorkerFailure | None:
        """How it died; None while it lives. Raises StriateError when the fault is ours."""
        if not self._ended:
            return None
        self.end()
        if self.late:
            return WorkerFailure("too slow", f"decoding it takes longer than {seconds:g} seconds")
        code = self.process.returncode
        if not self._greeted or code == 1:
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip()[-2000:]
            raise StriateError(f"the process that decodes images failed (exit {code}): {said}")
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return WorkerFailure("unreadable", f"the decoder died of it ({how})")

    def end(self) -> None:
        """Kill it, whatever it is doing, and close its pipes."""
        self.process.kill()
        with contextlib.suppress(OSError):
            _pipe(self.process.stdin).close()
        self.answers.close()
        # A process that waits for a lost network disk cannot even be killed.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_SECONDS)


def _log() -> IO[bytes]:
    """Where children complain; in memory where that can be, as there may be no disk to write to."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("striate"), "w+b")
    return tempfile.TemporaryFile()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _environment() -> dict[str, str]:
    """Ours, with the paths on which this process found striate; the child has one thread."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109
        "PYTHONUTF8": str(sys.flags.utf8_mode),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
