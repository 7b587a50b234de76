"""The body of a request, of a told length or in chunks, never more than its limit."""

from __future__ import annotations

import re

from striate.serving.answers import RequestError

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\x20-\x7e\t]*)?")
_LONGEST_LINE = 256


class Body:
    """Takes a body from what comes, as `feed` is told of it."""

    def __init__(self, length: int | None, most: int) -> None:
        """`length` in bytes; None: in chunks. Raises RequestError where it is beyond `most`."""
        self._left = 0 if length is None else length
        self._chunked, self._most = length is None, most
        self._ending = self._last = False  # a line end, or the end of all chunks, is next
        self.content = bytearray()
        self.complete = length == 0
        self._check(self._left)

    def feed(self, buffer: bytearray) -> None:
        """Take all of `buffer` that belongs to the body. Raises RequestError."""
        if not self._chunked:
            self._take(buffer)
            self.complete = self._left == 0
            return
        while buffer and not self.complete:
            if self._left:
                self._take(buffer)
                self._ending = self._left == 0
                continue
            line = self._line(buffer)
            if line is None:
                return
            self._read(line)

    def _take(self, buffer: bytearray) -> None:
        taken = min(self._left, len(buffer))
        if taken == len(buffer) and not self.content:
            self.content = bytearray(buffer)
        else:
            self.content += memoryview(buffer)[:taken]
        del buffer[:taken]
        self._left -= taken

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\r\n", 0, _LONGEST_LINE)
        if end < 0:
            if len(buffer) >= _LONGEST_LINE or b"\n" in buffer:
                raise _bad()
            return None
        line = bytes(buffer[:end])
        del buffer[: end + 2]
        return line

    def _read(self, line: bytes) -> None:
        """Read a line between chunks: the end of one, the size of the next, or the last."""
        if self._ending or self._last:
            if line:  # fields after the last chunk are of no use here
                raise _bad()
            self.complete, self._ending = self._last, False
            return
        size = _SIZE.fullmatch(line)
        if not size:
            raise _bad()
        self._left = int(size[1], 16)
        self._last = self._left == 0
        self._check(len(self.content) + self._left)

    def _check(self, size: int) -> None:
        if size > self._most:
            raise too_large(self._most)


def too_large(most: int) -> RequestError:
    """Return the refusal of a body of more than `most` bytes."""
    message = f"huge: a request has at most {most / 10**6:,g} MB; send a smaller file"
    return RequestError(413, "too_large", message)


def _bad() -> RequestError:
    return RequestError(400, "bad_request", "the request cannot be read: its chunks are malformed")
