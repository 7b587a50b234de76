"""Faster imports of many modules."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator


@contextlib.contextmanager
def without_collection() -> Generator[None]:
    """Collect no garbage meanwhile, nor at exit what was imported: both take much of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
