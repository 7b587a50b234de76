"""An image on its way through the server: waiting, decoded, computed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from striate.serving.answers import RequestError

#: kinds of findings that are said with another status than 422
_STATUS = {"huge": (413, "too_large")}


class Answered(NamedTuple):
    """What came of an image."""

    content: bytes  #: a JSON object; empty if it was refused
    refusal: RequestError | None = None


@dataclass(slots=True, eq=False)
class Item:
    """An image, or signal, of a request."""

    name: str  #: as the client calls it
    content: bytes
    top: int
    picture: bool  #: whether a drawn answer is sent too
    answered: asyncio.Future[Answered]
    arrived: float = field(default_factory=time.monotonic)
    slot: int = -1  #: where its decoded pixels are; -1: nowhere
    shape: tuple[int, ...] = ()  #: of its pixels, where they are whole
    size: tuple[int, int] = (0, 0)  #: width and height of the image
    notes: tuple[str, ...] = ()
    decoded: float = 0.0  #: when it was
    decode_ms: float = 0.0
    queue_ms: float = 0.0
    compute_ms: float = 0.0

    @property
    def given_up(self) -> bool:
        """Whether nobody waits for its answer any more."""
        return self.answered.done()

    def settle(self, content: bytes = b"", refusal: RequestError | None = None) -> None:
        """Say what came of it, unless nobody waits."""
        if not self.answered.done():
            self.answered.set_result(Answered(content, refusal))

    def unreadable(self, kind: str, detail: str) -> None:
        """Refuse it for what `predict` would say of it."""
        status, code = _STATUS.get(kind, (422, "unreadable"))
        self.settle(refusal=RequestError(status, code, f"{kind}: {detail}" if detail else kind))

    @property
    def timing(self) -> dict[str, Any]:
        """Milliseconds of each stage."""
        return {
            "queue_ms": round(self.queue_ms, 3),
            "decode_ms": round(self.decode_ms, 3),
            "compute_ms": round(self.compute_ms, 3),
        }
