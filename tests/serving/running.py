"""Servers in processes of their own, and clients that say exactly what they are told to say."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[2]
JPEG = {"Content-Type": "image/jpeg"}
_PORT = re.compile(r"http://.*:(\d+)$", re.MULTILINE)


@dataclass
class Running:
    """A server that listens."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def ask(
        self, method: str = "GET", path: str = "/", body: Any = None, headers: Any = None
    ) -> Reply:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(client):
            client.request(method, path, body, headers or {})
            response = client.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())

    def predict(self, content: bytes, query: str = "", **headers: str) -> Reply:
        return self.ask("POST", f"/v1/predict{query}", content, {**JPEG, **headers})

    def say(self, *pieces: bytes, seconds: float = 10.0, pause: float = 0.0) -> bytes:
        """Send bytes as they are; return all that comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as client:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for piece in pieces:
                    client.sendall(piece)
                    time.sleep(pause)
            return receive_all(client)

    def children(self) -> dict[str, list[int]]:
        """The processes that the server has started, by their module."""
        found: dict[str, list[int]] = {}
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}")
        for pid in (task / "children").read_text().split():
            with contextlib.suppress(OSError, IndexError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                found.setdefault(words[3].decode().rpartition(".")[2], []).append(int(pid))
        return found

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(40)

    def said(self) -> str:
        return self.log.read_text()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        return self.status, self.json["error"]["code"], self.json["error"]["message"]


def receive_all(client: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while block := client.recv(1 << 16):
            received += block
    return received


def status_of(received: bytes) -> int:
    """The status of the only response."""
    assert received.count(b"HTTP/1.1 ") == 1, received
    return int(received[9:12])


@contextlib.contextmanager
def running(
    command: Sequence[str], folder: Path, environment: Any = None, python: str = sys.executable
) -> Iterator[Running]:
    """Start a server that says where it listens."""
    log = folder / "log"
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    known = {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    known = {**os.environ, **known} | (environment or {})
    with log.open("w") as said:
        process = subprocess.Popen([python, *command], stderr=said, env=known, text=True)
    try:
        ending = time.monotonic() + 60
        while not (found := _PORT.search(log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ending, log.read_text()
            time.sleep(0.02)
        yield Running(process, int(found[1]), log)
    finally:
        process.kill()
        process.wait()


def fake(folder: Path, engine: Any = None, limits: Any = None, **settings: Any) -> Any:
    """Start a server whose answers are mean colors."""
    told = (json.dumps(each or {}) for each in (engine, limits, settings))
    return running(["-m", "tests.serving.fake_server", *told], folder)


def serve(folder: Path, *words: str, environment: Any = None) -> Any:
    """Start `striate serve`."""
    return running(["-m", "striate", "serve", *words, "--port", "0"], folder, environment)


def colored(*color: int, side: int = 16, form: str = "PNG") -> bytes:
    """An image of one color."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), color).save(file, form)
    return file.getvalue()


def form_of(*contents: bytes, names: Sequence[str] = ()) -> tuple[bytes, dict[str, str]]:
    """Files as a form, and the header that says so."""
    names = names or [f"{at}.png" for at in range(len(contents))]
    parts = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="image"; filename="%b"\r\n'
        b"Content-Type: image/png\r\n\r\n%b\r\n" % (name.encode(), content)
        for name, content in zip(names, contents, strict=True)
    )
    return parts + b"--edge--\r\n", {"Content-Type": "multipart/form-data; boundary=edge"}


def post(content: bytes, *fields: bytes) -> bytes:
    """A whole request, as bytes."""
    lines = [b"POST /v1/predict HTTP/1.1", b"Host: x", b"Content-Type: image/png", *fields]
    lines.append(b"Content-Length: %d" % len(content))
    return b"\r\n".join(lines) + b"\r\n\r\n" + content
