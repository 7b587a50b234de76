"""A decoder in which images do harm by the names that clients give them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

from PIL import Image

from striate.data.decoding.decode import decode
from striate.data.listing.samples import Record
from striate.serving import decoder


def harmful(content: bytes, shown: str, **options: Any) -> tuple[Image.Image | None, Record]:
    """Crash, hang or take memory where the name says so, and then decode."""
    match shown:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(100)
        case "greedy":
            with contextlib.suppress(MemoryError):
                bytearray(6 * 10**9)
                os._exit(9)
        case _:
            pass
    return decode(content, shown, **options)


if __name__ == "__main__":
    decoder.decode = harmful  # type: ignore[assignment]
    decoder.main()
