"""A decoding process in which images do harm by their names: the survey's worker in tests."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from PIL import Image

from striate.data.cache import worker
from striate.data.decoding.decode import decode
from striate.data.listing.samples import Record


def harmful(path: str, shown: str, **options: Any) -> tuple[Image.Image | None, Record]:
    """Crash, hang, leave, fail or take memory where the file's name says so, and then decode."""
    name = Path(path).stem
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("hang"):
        Path(path).with_suffix(".pid").write_text(str(os.getpid()))
        time.sleep(100)
    if name.startswith("leave"):
        os._exit(7)
    if name.startswith("bug"):
        raise KeyError(name)
    if name.startswith("slow"):
        (Path(path).parent.parent / f"{os.getpid()}.pid").touch()
        time.sleep(0.02)
    if name.startswith("greedy"):
        with contextlib.suppress(MemoryError):
            bytearray(6 * 10**9)
            os._exit(9)
    return decode(path, shown, **options)


if __name__ == "__main__":
    worker.decode = harmful  # type: ignore[assignment]
    worker.main()
