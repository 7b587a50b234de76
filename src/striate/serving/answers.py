"""What the server sends: responses, and refusals with the status, code and sentence of each."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_ALWAYS = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Response:
    """A status, a body, and what is said of it."""

    status: int
    body: bytes
    content_type: str = JSON
    fields: Mapping[str, str] = field(default_factory=dict[str, str])

    def encode(self, *, close: bool, head_only: bool = False) -> bytes:
        """Return what is sent; `close` says that the connection ends with it."""
        more = "".join(f"{name}: {value}\r\n" for name, value in self.fields.items())
        ending = "Connection: close\r\n" if close else ""
        head = (
            f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\nDate: {_date()}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n"
            f"{_ALWAYS}{more}{ending}\r\n"
        )
        return head.encode("latin-1") + (b"" if head_only else self.body)


class RequestError(Exception):
    """Why a request, or one of its images, is not answered: status, code and a sentence."""

    def __init__(self, status: int, code: str, message: str, **fields: str) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message
        self.fields = {name.replace("_", "-"): value for name, value in fields.items()}

    def to_json(self) -> dict[str, str]:
        """Return code and message, JSON-ready."""
        return {"code": self.code, "message": self.message}

    @property
    def response(self) -> Response:
        """The refusal as it is sent."""
        return as_json({"error": self.to_json()}, self.status, self.fields)


def as_json(
    document: Mapping[str, Any], status: int = 200, fields: Mapping[str, str] | None = None
) -> Response:
    """Return a response with a JSON document."""
    body = json.dumps(document, allow_nan=False).encode() + b"\n"
    return Response(status, body, JSON, fields or {})


def busy(status: int, message: str, seconds: int = 1) -> RequestError:
    """Return the refusal of what may be asked again after so many seconds."""
    code = "too_many_requests" if status == 429 else "unavailable"
    return RequestError(status, code, message, Retry_After=str(seconds))


_told = (0, "")


def _date() -> str:
    """Return the time as HTTP writes it, made anew each second."""
    global _told
    now = int(time.time())
    if _told[0] != now:
        _told = now, formatdate(now, usegmt=True)
    return _told[1]
