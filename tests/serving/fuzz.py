"""Mutated requests, which must never harm the server.

    python -m tests.serving.fuzz [--seed 1] [--requests 20000]

Each is a valid request of which bytes are changed, doubled, cut or swapped, or in which a field is
replaced by one that has done harm elsewhere. Prints how often each status came; exits 1 where one
is of the server's own fault.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import socket
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.serving.running import colored, fake, form_of, post

METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"TRACE", b"BREW")
ROUTES = (b"/", b"/v1/predict", b"/healthz", b"/readyz", b"/metrics", b"/openapi.json")
TARGETS = (b"/v1/../etc/passwd", b"/v1/predict?top=-1", b"/v1/predict?" + b"a=b&" * 50, b"//", b"*")
FIELDS = (
    *(b"Content-Length: -1", b"Content-Length: 99999999999", b"Content-Length: 0"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Expect: 100-continue"),
    *(b"Content-Type: application/json", b"Content-Type: multipart/form-data; boundary=edge"),
    *(b"Content-Encoding: gzip", b"Connection: close", b"Host: y", b"X: \0", b" folded", b"X"),
    *(b"Authorization: Bearer x", b"Range: bytes=0-", b"X: " + b"a" * 20_000, b"Upgrade: h2c"),
)
#: statuses that say that the client is at fault, or that the server is full
FINE = {200, 400, 404, 405, 408, 411, 413, 415, 417, 422, 429, 431, 503}


def valid_requests() -> list[bytes]:
    image = colored(1, 2, 3)
    form, header = form_of(image, image)
    kind = header["Content-Type"].encode()
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(image), image)
    return [
        post(image),
        post(colored(9, 8, 7, side=64, form="JPEG")),
        post(form).replace(b"image/png", kind, 1),
        post(chunks).replace(b"Content-Length: %d" % len(chunks), b"Transfer-Encoding: chunked"),
        *(b"GET " + route + b" HTTP/1.1\r\nHost: x\r\n\r\n" for route in ROUTES),
    ]


def mutate(request: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 4)):
        change = rng.choice((change_bytes, change_lines, change_body))
        request = change(request, rng)
    return request


def change_bytes(request: bytes, rng: random.Random) -> bytes:
    """Some bytes are others, are missing or come twice, or all after them are missing."""
    at = rng.randrange(max(1, len(request)))
    return request[:at] + rng.choice(
        (
            rng.randbytes(rng.randint(1, 4)) + request[at + 1 :],
            request[at + rng.randint(1, 40) :],
            request[max(0, at - rng.randint(1, 300)) :],
            b"",
        )
    )


def change_lines(request: bytes, rng: random.Random) -> bytes:
    """The first line is another, a field is added, lines change places or end otherwise."""
    head, found, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    match rng.randrange(4):
        case 0:
            target = rng.choice(ROUTES + TARGETS)
            lines[0] = b" ".join((rng.choice(METHODS), target, b"HTTP/1.1"))
        case 1:
            lines.insert(rng.randint(1, len(lines)), rng.choice(FIELDS))
        case 2:
            rng.shuffle(lines)
        case _:
            return request.replace(b"\r\n", rng.choice((b"\n", b"\r", b"\r\n\r\n")), 1)
    return b"\r\n".join(lines) + found + body


def change_body(request: bytes, rng: random.Random) -> bytes:
    """Bytes of the body are others, or more comes after it."""
    head, found, body = request.partition(b"\r\n\r\n")
    changed = bytearray(body)
    for _ in range(rng.randint(1, 20) if body else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    more = rng.choice((b"", b"", request, b"\r\n", b"\0", rng.randbytes(100)))
    return head + found + bytes(changed) + more


def fuzz(port: int, count: int, seed: int) -> Counter[int]:
    """Send so many; return how often each status came, 0 for none."""
    rng, requests, found = random.Random(seed), valid_requests(), Counter[int]()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            with contextlib.suppress(OSError):
                client.sendall(mutate(rng.choice(requests), rng))
                client.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while block := client.recv(1 << 16):
                    received += block
        assert b"Traceback" not in received, received
        found[int(received[9:12]) if received.startswith(b"HTTP/1.1 ") else 0] += 1
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=20_000)
    asked = parser.parse_args()
    limits = {"head_seconds": 0.5, "body_seconds": 0.5, "decoders": 1}
    with tempfile.TemporaryDirectory() as folder, fake(Path(folder), {}, limits) as server:
        found = fuzz(server.port, asked.requests, asked.seed)
        said = server.said()
    print(f"seed {asked.seed}: {dict(sorted(found.items()))}")
    return int(bool(found.keys() - FINE - {0}) or "Traceback" in said)


if __name__ == "__main__":
    sys.exit(main())
