"""Files in a body of multipart/form-data, after RFC 7578; forms in forms are not read."""

from __future__ import annotations

import re
from typing import NamedTuple

from striate.errors import printable
from striate.serving.answers import RequestError
from striate.serving.limits import NAME_CHARACTERS, PARTS

_BOUNDARY = re.compile(
    r"""multipart/form-data\s*;\s*(?:charset=[\w-]+\s*;\s*)?"""
    r"""boundary="?([\w'()+,./:=? -]{1,70})"?\s*""",
    re.ASCII | re.IGNORECASE,
)
_NAME = re.compile(rb'; *(name|filename)="((?:[^"\\\r\n]|\\.){0,2000})"')
_HEAD_BYTES = 4096


class File(NamedTuple):
    """An image as it was sent."""

    name: str  #: as the client calls it, made printable
    content: bytes


def read_boundary(content_type: str) -> bytes:
    """Return the boundary that a content type of several parts names. Raises RequestError."""
    found = _BOUNDARY.fullmatch(content_type)
    if not found:
        raise RequestError(
            400, "bad_request", "multipart/form-data came without a boundary that can be read"
        )
    return found[1].rstrip(" ").encode()


def split_parts(content: bytes, boundary: bytes) -> list[File]:
    """Return the files of a body, in order. Raises RequestError."""
    between = b"\r\n--" + boundary
    start = b"--" + boundary
    if not content.startswith(start):
        raise _bad("it does not begin with its boundary")
    if content.count(between) > PARTS:
        raise RequestError(
            413, "too_many_images", f"a request has at most {PARTS} images; send several requests"
        )
    *pieces, end = content[len(start) :].split(between)
    if not re.fullmatch(rb"--[ \t]*(?:\r\n.*)?", end, re.DOTALL):
        raise _bad("its last boundary is missing")
    files = [_read(piece) for piece in pieces]
    if not files:
        raise _bad("it holds no part")
    return files


def _read(piece: bytes) -> File:
    head, found, content = piece.partition(b"\r\n\r\n")
    if not found or len(head) > _HEAD_BYTES or not head.startswith(b"\r\n"):
        raise _bad("a part has no head, or one that is too long")
    fields = dict[bytes, bytes]()
    for line in head[2:].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            raise _bad("a field in the head of a part is not of the form Name: value")
        fields[name.strip().lower()] = value.strip()
    disposition = fields.get(b"content-disposition", b"")
    if not disposition.lower().startswith(b"form-data"):
        raise _bad("a part is no form-data")
    if fields.get(b"content-type", b"").lower().startswith(b"multipart/"):
        raise _bad("a part holds parts of its own")
    names = dict[bytes, bytes](_NAME.findall(disposition))
    if b"name" not in names:
        raise _bad("a part has no name")
    if b"filename" not in names:
        raise _bad("a part is no file; with curl: -F image=@photo.jpg")
    name = names[b"filename"].decode("utf-8", "replace")
    return File(printable(name, NAME_CHARACTERS) or "image", content)


def _bad(reason: str) -> RequestError:
    return RequestError(400, "bad_request", f"the form cannot be read: {reason}")
