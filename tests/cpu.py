"""What the processor has that makes it compute otherwise than those that files were made on."""

from __future__ import annotations

import contextlib
from pathlib import Path


def _flags() -> set[str]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("flags"):
                return set(line.split())
    return set()


AMX = "amx_tile" in _flags()  #: matrix units; kernels for them round otherwise
