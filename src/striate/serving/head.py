"""The head of an HTTP/1.1 request, read strictly: what could be read in two ways is refused.

That keeps a proxy in front and this server of one mind about where a request ends. After RFC 9112,
with less tolerance: no folded fields, no bare line feeds, no absolute targets, and never a length
beside a transfer encoding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from striate.serving.answers import RequestError
from striate.serving.limits import HEAD_BYTES, HEAD_FIELDS

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_LINE = re.compile(rb"(%b{1,24}) (/[\x21-\x7e]{0,8000}) HTTP/1\.([01])" % _TOKEN)
_FIELD = re.compile(rb"(%b+):[ \t]*([\x20-\x7e\x80-\xff\t]*)" % _TOKEN)
_FIRST = re.compile(_TOKEN)
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\0")
_END = b"\r\n\r\n"
#: fields that must not come twice: two readers could choose different ones
_ONCE = (
    *(b"host", b"content-length", b"transfer-encoding", b"content-type"),
    *(b"authorization", b"expect", b"content-encoding"),
)


@dataclass(frozen=True, slots=True)
class Head:
    """Request line and fields; names of fields are in lower case."""

    method: str
    path: str  #: as it came: nothing in it is decoded
    query: str
    fields: dict[bytes, bytes]
    length: int | None  #: of the body in bytes; None: it comes in chunks
    close: bool  #: whether the connection ends with the answer

    def text(self, name: bytes) -> str:
        """Return the value of a field; "" if it did not come."""
        return self.fields.get(name, b"").decode("latin-1")

    @property
    def expects(self) -> bool:
        """Whether the client waits to be told that it may send the body."""
        return b"expect" in self.fields


def take_head(buffer: bytearray) -> Head | None:
    """Take a head from the start of what came; None while it is incomplete. Raises RequestError."""
    end = buffer.find(_END, 0, HEAD_BYTES)
    if end < 0:
        _check_start(buffer)
        return None
    lines = bytes(buffer[:end]).split(b"\r\n")
    head = _parse(lines)
    del buffer[: end + len(_END)]
    return head


def _check_start(buffer: bytearray) -> None:
    """Raise RequestError for what cannot become a head, before its end has come."""
    if not buffer:
        return
    first, found, _ = buffer.partition(b"\r\n")
    if not _FIRST.match(buffer) or (found and not _LINE.fullmatch(first)):
        raise _bad("the first line is none of HTTP/1.1, as in: POST /v1/predict HTTP/1.1")
    if _BARE.search(buffer):
        raise _bad("a line ends without a carriage return and line feed, or holds a zero byte")
    if len(buffer) >= HEAD_BYTES:
        raise _too_large()


def _parse(lines: list[bytes]) -> Head:
    line = _LINE.fullmatch(lines[0])
    if not line:
        raise _bad("the first line is none of HTTP/1.1, as in: POST /v1/predict HTTP/1.1")
    if len(lines) > HEAD_FIELDS + 1:
        raise _too_large()
    fields = dict[bytes, bytes]()
    for text in lines[1:]:
        field = _FIELD.fullmatch(text)
        if not field:
            raise _bad("a header field is not of the form Name: value")
        name = field[1].lower()
        if name in fields and name in _ONCE:
            raise _bad(f"the header field {name.decode()} came twice")
        fields[name] = field[2].rstrip(b" \t")
    method, target, minor = line[1].decode(), line[2].decode(), line[3]
    if minor == b"1" and not fields.get(b"host"):
        raise _bad("the header field Host is missing")
    if fields.get(b"expect", b"100-continue").lower() != b"100-continue":
        raise RequestError(417, "expectation_failed", "only 100-continue can be expected")
    path, _, query = target.partition("?")
    asked = {word.strip() for word in fields.get(b"connection", b"").lower().split(b",")}
    close = b"close" in asked or minor == b"0"
    return Head(method, path, query, fields, _length(fields, minor), close)


def _length(fields: dict[bytes, bytes], minor: bytes) -> int | None:
    """Return the length of the body in bytes; None if it comes in chunks. Raises RequestError."""
    encoding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
    if encoding is not None:
        if length is not None or minor == b"0":
            raise _bad("Transfer-Encoding came beside Content-Length, or in HTTP/1.0")
        if encoding.lower() != b"chunked":
            raise _bad("the only transfer encoding that is read is chunked")
        return None
    if length is None:
        return 0
    if not re.fullmatch(rb"[0-9]{1,18}", length):
        raise _bad("Content-Length is no whole number of bytes")
    return int(length)


def _bad(reason: str) -> RequestError:
    return RequestError(400, "bad_request", f"the request cannot be read: {reason}")


def _too_large() -> RequestError:
    most = f"{HEAD_BYTES:,} bytes and {HEAD_FIELDS} fields"
    return RequestError(431, "head_too_large", f"the head of a request has at most {most}")
