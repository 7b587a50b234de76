"""Decoding processes that are forks of the suite's: a new interpreter costs 0.2 s, each time.

A training starts two or more, and the suite trains hundreds of times. What a fork does not show,
the start of the interpreter and its memory limit, is held by the tests that ask for
`new_interpreters`, and by all that run striate as a command.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import traceback
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import IO, Any, NoReturn

import pytest

from striate.data.cache import decode_all, worker, workers

USUAL, USABLE_CORES = workers.COMMAND, decode_all.usable_cores


class Forked:
    """What `workers` uses of a Popen."""

    def __init__(self, log: IO[bytes]) -> None:
        (tasks, stdin), (stdout, answers) = os.pipe(), os.pipe()
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            self.pid = os.fork()  # the child runs no code of torch, whose threads are not there
        if self.pid == 0:
            _work(tasks, answers, log.fileno())
        os.close(tasks)
        os.close(answers)
        self.stdin, self.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")
        self.returncode: int | None = None

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, _seconds: float) -> None:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _work(tasks: int, answers: int, log: int) -> NoReturn:
    """The life of a child."""
    code = 1
    try:
        gc.disable()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        for place, descriptor in enumerate((tasks, answers, log)):
            os.dup2(descriptor, place)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        warnings.resetwarnings()
        worker.limit_memory = lambda _: None  # torch is in this address space
        worker.main()
        code = 0
    except BaseException:  # noqa: BLE001
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def start(command: list[str], **options: Any) -> Forked | subprocess.Popen[bytes]:
    if tuple(command[1:]) != USUAL:
        return subprocess.Popen(command, **options)
    return Forked(options["stderr"])


@contextlib.contextmanager
def forked_decoders() -> Iterator[None]:
    """Start decoders as forks, and one at a time: the other cores are the suite's as well."""
    popen = SimpleNamespace(**{**vars(subprocess), "Popen": start})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "subprocess", popen)
        patch.setattr(decode_all, "usable_cores", lambda: 1)
        yield
