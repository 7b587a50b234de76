"""What a measurement says of its machine, and where it is kept; the standard library alone."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent


def busy_seconds() -> float:
    """CPU seconds that all processors together have worked since the machine was started."""
    first, *_ = Path("/proc/stat").read_text().splitlines()
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, first.split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class Took(NamedTuple):
    """What a process took."""

    seconds: float
    cpu_seconds: float  #: user and system, of the process and its children
    others: float  #: share of the machine's CPU time that went to other processes


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Took:
    """Run a process to its end, its output beside our messages. Exits where it fails."""
    began, busy = time.monotonic(), busy_seconds()
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    seconds, busy = time.monotonic() - began, busy_seconds() - busy
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    own = usage.ru_utime + usage.ru_stime
    return Took(seconds, own, max(0.0, busy - own) / (seconds * (os.cpu_count() or 1)))


def machine() -> dict[str, Any]:
    """In general words: what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = {key.strip(): value for key, _, value in (line.partition(": ") for line in lines)}
    flags = fields.get("flags", "").split()
    kinds = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "amx_tile": "AMX"}
    return {
        "cpu": fields.get("model name", platform.machine()).replace("(R)", ""),
        "instructions": [name for flag, name in kinds.items() if flag in flags],
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def keep(question: str, line: str) -> None:
    """Append what was measured to the results of a question."""
    with (HERE / "results" / f"{question}.jsonl").open("a") as file:
        file.write(line + "\n")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
