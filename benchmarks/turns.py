"""A contender's process, measured from outside, and what several of them come to."""

from __future__ import annotations

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil
from machines import HERE, busy_seconds

SAMPLED_SECONDS = 0.25  #: between two looks at the memory


@dataclass(frozen=True)
class Turn:
    """One process, measured from outside, and the line it printed."""

    seconds: float
    cpu_seconds: float  #: user and system, of the process and its children
    peak_bytes: int  #: proportional set size, so that shared pages count once
    others: float  #: share of the machine's CPU time that went to other processes
    line: dict[str, Any]


def take_turn(name: str, arguments: Sequence[str], params: int | None = None) -> Turn:
    """Run a contender in an empty folder of its own.

    Exits with its last words if it fails, or if it did not train as many `params` as it should.
    """
    program = [sys.executable, str(HERE / "contenders" / name), *arguments]
    with tempfile.TemporaryDirectory(prefix="contender-") as place, contextlib.chdir(place):
        with Path("out").open("wb") as out, Path("err").open("wb") as err:
            began, before = time.monotonic(), busy_seconds()
            process = subprocess.Popen(program, stdout=out, stderr=err, env=environment(place))
            with Memory(process.pid) as memory:
                _, status, usage = os.wait4(process.pid, 0)
            seconds, busy = time.monotonic() - began, busy_seconds() - before
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{name} ended with {process.returncode}:\n{Path('err').read_text()[-2000:]}")
        line = json.loads(Path("out").read_text().splitlines()[-1])
    if params is not None and line["params"] != params:
        sys.exit(f"{name}: {line['params']:,} parameters, not {params:,}")
    own = usage.ru_utime + usage.ru_stime
    others = max(0.0, busy - own) / (seconds * (os.cpu_count() or 1))
    return Turn(seconds, own, memory.peak, others, line)


def environment(place: str) -> dict[str, str]:
    """Ours, with all caches in an empty place and bytecode written as on a user's machine."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    threads = str(len(os.sched_getaffinity(0)))
    return kept | {"STRIATE_CACHE": str(Path(place, "cache")), "OMP_NUM_THREADS": threads}


class Memory:
    """Looks at a process and its children while the block runs."""

    def __init__(self, process: int) -> None:
        self.peak = 0
        self._process = psutil.Process(process)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLED_SECONDS):
            total = 0
            with contextlib.suppress(psutil.Error):
                for process in [self._process, *self._process.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error):
                        total += process.memory_full_info().pss
            self.peak = max(self.peak, total)


def summary(turns: list[Turn], first: float) -> dict[str, Any]:
    """Medians with their range; `ratio` is seconds over those of the first contender."""
    lines = [turn.line for turn in turns]
    return {
        "versions": lines[0]["versions"],
        "recipe": lines[0]["recipe"],
        "seconds": spread([turn.seconds for turn in turns]),
        "ratio": round(statistics.median(turn.seconds for turn in turns) / first, 3),
        "cpu_seconds": spread([turn.cpu_seconds for turn in turns]),
        "peak_megabytes": spread([turn.peak_bytes / 1e6 for turn in turns]),
        "images_per_second": spread([line["images_per_second"] for line in lines]),
        "accuracy": wilson(statistics.mean(line["correct"] for line in lines), lines[0]["n"]),
        "phases": {
            phase: round(statistics.median(line["phases"][phase] for line in lines), 3)
            for phase in lines[0]["phases"]
        },
    }


def spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }


def wilson(right: float, n: int) -> dict[str, float]:
    """Share right with its 95% interval (Wilson 1927); seeds are averaged first."""
    z, share = 1.959964, right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = round(middle - half, 4), round(middle + half, 4)
    return {"value": round(share, 4), "low": low, "high": high, "n": n}
