"""Heads and bodies of requests, read strictly, in whatever pieces they come."""

from __future__ import annotations

import pytest

from striate.serving.answers import RequestError
from striate.serving.body import Body
from striate.serving.head import Head, take_head
from striate.serving.multipart import File, read_boundary, split_parts

HOST = b"Host: x\r\n"
LINE = "the first line is none of HTTP/1.1, as in: POST /v1/predict HTTP/1.1"
BARE = "a line ends without a carriage return and line feed, or holds a zero byte"
FIELD = "a header field is not of the form Name: value"
BESIDE = "Transfer-Encoding came beside Content-Length, or in HTTP/1.0"
LENGTH = "Content-Length is no whole number of bytes"
#: what could be read in two ways, or not at all, and what is wrong with it
AMBIGUOUS: dict[bytes, str] = {
    b"GET /\r\n": LINE,
    b"GET / HTTP/0.9\r\n\r\n": LINE,
    b"GET / HTTP/2.0\r\n\r\n": LINE,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": LINE,
    b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n": LINE,
    b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n": LINE,
    b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n": LINE,
    b"GET //x/y HTTP/1.1\r\nHost x\r\n\r\n": FIELD,
    b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n": LINE,
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n": LINE,
    b"GET /\xc0\xaf HTTP/1.1\r\nHost: x\r\n\r\n": LINE,
    b"G\tT / HTTP/1.1\r\nHost: x\r\n\r\n": LINE,
    b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n": LINE,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": LINE,
    b"\x00": LINE,
    b"HELO there\r\n": LINE,
    b"GET / HTTP/1.1\nHost: x\n\n": BARE,
    b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n": FIELD,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n": FIELD,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\n\r\n": FIELD,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0": BARE,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n": FIELD,
    b"GET / HTTP/1.1\r\nHost: x\r\n : b\r\n\r\n": FIELD,
    b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n": FIELD,
    b"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n": FIELD,
    b"GET / HTTP/1.1\r\nHost: x\r\n\xff: b\r\n\r\n": FIELD,
    b"GET / HTTP/1.1\r\n\r\n": "the header field Host is missing",
    b"GET / HTTP/1.1\r\nHost:\r\n\r\n": "the header field Host is missing",
    b"GET / HTTP/1.1\r\nHost: x\r\nHOST: y\r\n\r\n": "the header field host came twice",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n": (
        "the header field content-length came twice"
    ),
    b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n": BESIDE,
    b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n": BESIDE,
    **{
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %b\r\n\r\n" % encoding: (
            "the only transfer encoding that is read is chunked"
        )
        for encoding in (b"gzip, chunked", b"chunked, chunked", b"xchunked", b"identity", b"")
    },
    **{
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %b\r\n\r\n" % length: LENGTH
        for length in (b"-1", b"+5", b"5, 5", b"0x10", b"1_0", b"5.0", b"", b"9" * 19, b"\xb2")
    },
}


def taken(content: bytes) -> tuple[Head | None, bytes]:
    buffer = bytearray(content)
    return take_head(buffer), bytes(buffer)


@pytest.mark.parametrize("content", AMBIGUOUS)
def test_what_could_be_read_in_two_ways_is_refused(content: bytes):
    with pytest.raises(RequestError) as error:
        taken(content)
    told = f"the request cannot be read: {AMBIGUOUS[content]}"
    assert (error.value.status, error.value.message) == (400, told)


def test_a_head_is_taken_from_what_comes_before_the_rest():
    content = (
        b"POST /a/%2e?b=c HTTP/1.1\r\nHoST:x\r\nX-Y: \t a b \t\r\nContent-Length: 4\r\n\r\nrest"
    )
    head, rest = taken(content)
    fields = {b"host": b"x", b"x-y": b"a b", b"content-length": b"4"}
    assert head == Head("POST", "/a/%2e", "b=c", fields, 4, close=False)
    assert rest == b"rest"


def test_a_head_may_come_byte_by_byte():
    content = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert [taken(content[:end])[0] for end in range(len(content))] == [None] * len(content)


def test_who_ends_the_connection():
    closes = {
        b"HTTP/1.1\r\nHost: x": False,
        b"HTTP/1.1\r\nHost: x\r\nConnection: keep-alive": False,
        b"HTTP/1.1\r\nHost: x\r\nConnection: x, Close": True,
        b"HTTP/1.0": True,
    }
    for text, close in closes.items():
        head, _ = taken(b"GET / " + text + b"\r\n\r\n")
        assert head is not None
        assert head.close is close


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 17_000,
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 17_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 120 + b"\r\n",
        b"GET /" + b"a" * 16_500,
    ],
)
def test_a_head_that_is_too_large_is_refused(content: bytes):
    with pytest.raises(RequestError) as error:
        taken(content)
    told = "the head of a request has at most 16,384 bytes and 100 fields"
    assert (error.value.status, error.value.message) == (431, told)


def body_of(content: bytes, length: int | None, most: int = 100, step: int = 1000) -> bytes | None:
    """What is read of pieces of `step` bytes; None while it is incomplete."""
    body, buffer = Body(length, most), bytearray()
    for start in range(0, len(content), step):
        buffer += content[start : start + step]
        if not body.complete:
            body.feed(buffer)
    return bytes(body.content) if body.complete else None


CHUNKS = b"4\r\nwide\r\n0005;a=b\r\n open\r\n0\r\n\r\n"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_a_body_comes_in_any_pieces(step: int):
    assert body_of(b"wide open, and more", 9, step=step) == b"wide open"
    assert body_of(CHUNKS, None, step=step) == b"wide open"
    assert body_of(CHUNKS[:-2], None, step=step) is None
    assert body_of(b"wide", 9, step=step) is None


@pytest.mark.parametrize(
    "content",
    [
        *(b"x\r\n", b"\r\n", b"-1\r\n", b"+1\r\na\r\n", b"0x1\r\na\r\n", b"1\na\n", b" 1\r\na\r\n"),
        *(b"1\r\nab\r\n0\r\n\r\n", b"1\r\na0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"1" * 300),
        *(b"123456789\r\n", b"1\r\na\r\n\r\n"),
    ],
)
def test_malformed_chunks_are_refused(content: bytes):
    with pytest.raises(RequestError) as error:
        body_of(content, None)
    assert error.value.message == "the request cannot be read: its chunks are malformed"


@pytest.mark.parametrize(
    ("content", "length"),
    [(b"", 101), (b"", 10**13), (b"65\r\n", None), (b"32\r\n" + b"a" * 50 + b"\r\n33\r\n", None)],
)
def test_a_body_beyond_its_limit_is_refused_before_it_comes(content: bytes, length: int | None):
    with pytest.raises(RequestError) as error:
        body_of(content, length)
    assert error.value.status == 413
    assert error.value.message == "huge: a request has at most 0.0001 MB; send a smaller file"
    assert body_of(b"a" * 100, 100) == b"a" * 100


def part(content: bytes, disposition: bytes = b'form-data; name="i"; filename="a.png"') -> bytes:
    return b"--edge\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + content + b"\r\n"


END = b"--edge--\r\n"


def test_files_of_a_form_are_split_at_its_boundary():
    for value in ("boundary=edge", 'boundary="edge"', "charset=utf-8; boundary=edge"):
        assert read_boundary(f"multipart/form-data; {value}") == b"edge"
    name = 'form-data; name="x"; filename="ä\x07.png"'.encode()
    content = part(b"\r\n--edg\r\n\r\n") + part(b"", name) + END + b"epilogue"
    assert split_parts(content, b"edge") == [
        File("a.png", b"\r\n--edg\r\n\r\n"), File("ä\\x07.png", b""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it does not begin with its boundary"),
        (b"preamble\r\n" + part(b"x") + END, "it does not begin with its boundary"),
        (part(b"x"), "its last boundary is missing"),
        (part(b"x") + b"--edge-", "its last boundary is missing"),
        (END, "it holds no part"),
        (b"--edge\r\n" + END, "a part has no head, or one that is too long"),
        (b"--edge\r\nA: b\r\n" + END, "a part has no head, or one that is too long"),
        (part(b"x", b"a" * 5000) + END, "a part has no head, or one that is too long"),
        (part(b"x", b"form-data") + END, "a part has no name"),
        (part(b"x", b'attachment; name="i"') + END, "a part is no form-data"),
        (
            part(b"x", b'form-data; name="i"') + END,
            "a part is no file; with curl: -F image=@photo.jpg",
        ),
        (
            part(b"x", b'form-data; name="i"; filename="a"\r\nContent-Type: multipart/mixed') + END,
            "a part holds parts of its own",
        ),
        (
            part(b"x", b'form-data; name="i"\r\nnothing') + END,
            "a field in the head of a part is not of the form Name: value",
        ),
    ],
)
def test_a_malformed_form_is_refused(content: bytes, reason: str):
    with pytest.raises(RequestError) as error:
        split_parts(content, b"edge")
    told = f"the form cannot be read: {reason}"
    assert (error.value.status, error.value.message) == (400, told)


def test_a_form_of_too_many_parts_is_refused():
    with pytest.raises(RequestError) as error:
        split_parts(part(b"") * 65 + END, b"edge")
    told = "a request has at most 64 images; send several requests"
    assert (error.value.status, error.value.message) == (413, told)


@pytest.mark.parametrize(
    "value", ["", "; boundary=", "; boundary=" + "a" * 71, "; boundary=a\r\nb", "; boundary=ä", "x"]
)
def test_a_boundary_that_cannot_be_read_is_refused(value: str):
    with pytest.raises(RequestError) as error:
        read_boundary(f"multipart/form-data{value}")
    assert error.value.message == "multipart/form-data came without a boundary that can be read"
