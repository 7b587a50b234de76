"""How many images a second does a server answer, how late, and does its memory grow?

    python benchmarks/serving.py [--network resnet18] [--clients 1,16,64,256] [--seconds 15]
        [--rounds 3] [--peers PYTHON] [--save]
    python benchmarks/serving.py --requests 50000 [--save]    the memory of striate's
    python benchmarks/serving.py --doors [--save]             HTTP alone, nothing computed

`striate serve`, LitServe with batches of the same bounds, and FastAPI with torch answer the same
JPEG photographs of 640x480 pixels with the same network, of random weights, which do not change
the work; each decodes, resizes to 224x224 and normalizes. The servers run one at a time, in
turns, with what they choose by themselves. Clients are of this process, on loopback: each sends
the next request when the last is answered. Of every number of clients the first two seconds are
not counted. Memory is that of all processes of a server, pages they share counted once.
`--peers` names the Python that has LitServe and FastAPI. Prints one JSON line; --save appends it
to results/serving.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import datetime as dt
import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machines import HERE, keep, machine, say
from PIL import Image

import striate
from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.model import Model
from striate.model_file import save
from striate.tasks import bind_task
from striate.zoo.spec import NetworkSpec

SIDE, CLASSES, IMAGES = 224, 10, 32
WARM_SECONDS, START_SECONDS = 2.0, 120.0
STEPS = 10  #: at which memory is looked at
VERSIONS = ("litserve", "fastapi", "torch", "uvicorn", "starlette", "httptools")


@dataclass(frozen=True)
class Contender:
    """A server: its command, given a port, and the request for an image."""

    name: str
    command: Callable[[int], Sequence[str]]
    request: Callable[[bytes], bytes]


@dataclass
class Load:
    """What clients saw."""

    seconds: list[float] = field(default_factory=list)  #: of each request
    errors: int = 0
    answered: int = 0  #: with those while it was warmed and ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--clients", default="1,16,64,256")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names of contenders, comma between")
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--doors", action="store_true")
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = make_photos()
        if asked.doors:
            contenders = doors(asked.peers)
        else:
            contenders = make_contenders(asked.network, asked.peers, Path(folder))
        if asked.only:
            contenders = [each for each in contenders if each.name in asked.only.split(",")]
        if asked.requests:
            found = watch_memory(contenders[0], photos, asked.requests)
        else:
            clients = [int(count) for count in asked.clients.split(",")]
            found = race(contenders, photos, clients, asked.seconds, asked.rounds)
    line = json.dumps({**about(asked), **found})
    print(line, flush=True)
    if asked.save:
        keep("serving", line)


def about(asked: argparse.Namespace) -> dict[str, Any]:
    data = "HTTP alone" if asked.doors else f"{asked.network} at {SIDE}x{SIDE}"
    code = (
        "import importlib.metadata as m, json\n"
        "names = {d.name for d in m.distributions()}\n"
        f"print(json.dumps({{n: m.version(n) for n in {VERSIONS} if n in names}}))"
    )
    done = subprocess.run([asked.peers, "-c", code], capture_output=True, text=True, check=True)
    return {
        "data": f"{data}, memory" if asked.requests else data,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": machine(),
        "versions": {"striate": striate.__version__, **json.loads(done.stdout)},
    }


def make_photos() -> list[bytes]:
    """JPEG files of 640x480 pixels and about 70 KB, each another one."""
    random = np.random.default_rng(0)
    found = list[bytes]()
    for _ in range(IMAGES):
        small = Image.fromarray(random.integers(0, 256, (48, 64, 3), np.uint8))
        smooth = np.asarray(small.resize((640, 480), Image.Resampling.BICUBIC), np.float32)
        noisy = smooth + random.normal(0, 6, (480, 640, 1))
        file = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
        found.append(file.getvalue())
    say(f"photos of {statistics.mean(map(len, found)) / 1000:.0f} KB")
    return found


def make_contenders(network: str, peers: str, folder: Path) -> list[Contender]:
    torch.manual_seed(0)
    made = zoo.build(network, channels=3, classes=CLASSES).eval()
    view = Preprocess(SIDE, 3, "crop", (0.5,) * 3, (0.25,) * 3)
    names = tuple(f"class {number}" for number in range(CLASSES))
    task = bind_task(None, TargetSpec("label", names))
    model = folder / "model.safetensors"
    save(Model(made, NetworkSpec.of(network), task, view, SplitFractions(0.1, 0.1)), model)
    own = Contender(
        "striate serve",
        lambda port: (sys.executable, "-m", "striate", "serve", str(model), "--port", str(port)),
        lambda photo: http("/v1/predict", photo, "image/jpeg"),
    )
    if subprocess.run([peers, "-c", "import fastapi, litserve"], capture_output=True).returncode:
        say(f"{peers} has no LitServe and FastAPI: striate alone")
        return [own]
    return [
        own,
        peer("LitServe", peers, "serve_litserve.py", model, network, as_base64),
        peer("FastAPI and torch", peers, "serve_fastapi.py", model, network, as_it_is),
    ]


def peer(
    name: str, python: str, program: str, weights: Path, network: str, request: Any
) -> Contender:
    place = str(HERE / "contenders" / program)
    return Contender(
        name,
        lambda port: (python, place, str(weights), str(port), network, str(SIDE)),
        request,
    )


def doors(peers: str) -> list[Contender]:
    """Servers that take a body and answer at once: what HTTP itself costs."""

    def contender(name: str, program: str, python: str) -> Contender:
        place = str(HERE / "contenders" / program)
        return Contender(
            name,
            lambda port: (python, place, str(port)),
            lambda photo: http("/v1/predict", photo, "image/jpeg"),
        )

    return [
        contender("striate's connections", "serve_door.py", sys.executable),
        contender("Starlette on uvicorn", "serve_starlette.py", peers),
    ]


def as_it_is(photo: bytes) -> bytes:
    return http("/predict", photo, "image/jpeg")


def as_base64(photo: bytes) -> bytes:
    """LitServe reads JSON: a file is in base64 there."""
    body = json.dumps({"image": base64.b64encode(photo).decode()}).encode()
    return http("/predict", body, "application/json")


def http(path: str, body: bytes, content_type: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextlib.contextmanager
def serving(contender: Contender) -> Iterator[tuple[int, int]]:
    """Start a server; its port and process id once it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        list(contender.command(port)), stdout=subprocess.DEVNULL, stderr=sys.stderr,
        start_new_session=True,
    )  # fmt: skip
    try:
        ending = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None or time.monotonic() > ending:
                sys.exit(f"{contender.name} does not listen")
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what SIGTERM leaves


class Client(asyncio.Protocol):
    """Asks again when it is answered, until it is told to end."""

    def __init__(self, requests: Sequence[bytes], load: Load, ended: asyncio.Event) -> None:
        self.requests, self.load, self.ended = requests, load, ended
        self.asked, self.began, self.received = 0, 0.0, b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.requests[self.asked % len(self.requests)])
        self.asked += 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.received = b""
        self.load.seconds.append(time.perf_counter() - self.began)
        self.load.errors += not head.startswith(b"HTTP/1.1 200")
        if self.ended.is_set():
            self.transport.close()
        else:
            self.ask()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.is_set():
            self.load.errors += 1  # and this client is gone
        if not self.done.done():
            self.done.set_result(None)


async def load_up(
    port: int, photos: Sequence[bytes], clients: int, seconds: float, requests: int = 0
) -> Load:
    """Ask for so many seconds, or until so many requests are answered."""
    loop, ended, load = asyncio.get_running_loop(), asyncio.Event(), Load()
    made = list[Client]()
    for number in range(clients):
        own = [*photos[number % len(photos) :], *photos[: number % len(photos)]]
        _, client = await loop.create_connection(
            lambda own=own: Client(own, load, ended), "127.0.0.1", port
        )
        made.append(client)
    if requests:
        while len(load.seconds) < requests:
            await asyncio.sleep(0.05)
    else:
        await asyncio.sleep(WARM_SECONDS)
        load.seconds.clear()
        load.errors = 0
        await asyncio.sleep(seconds)
    counted = Load(list(load.seconds), load.errors)
    ended.set()
    await asyncio.wait_for(asyncio.gather(*(client.done for client in made)), 120)
    counted.answered = sum(client.asked for client in made)
    return counted


def race(
    contenders: Sequence[Contender],
    photos: Sequence[bytes],
    clients: Sequence[int],
    seconds: float,
    rounds: int,
) -> dict[str, Any]:
    """Run every server in turns, each with every number of clients."""
    rows: dict[str, dict[int, list[dict[str, float]]]] = {
        each.name: {count: [] for count in clients} for each in contenders
    }
    for number in range(rounds):
        first = number % len(contenders)
        for contender in [*contenders[first:], *contenders[:first]]:
            requests = list(map(contender.request, photos))
            with serving(contender) as (port, pid):
                for count in clients:
                    before = processor_seconds(pid)
                    load = asyncio.run(load_up(port, requests, count, seconds))
                    row = summarize(load, seconds, pid)
                    worked = processor_seconds(pid) - before
                    row["cpu_ms"] = worked * 1000 / max(1, load.answered)
                    rows[contender.name][count].append(row)
                    say(f"{contender.name}, {count} clients: {row}")
    return {
        "rounds": rounds,
        "seconds": seconds,
        "contenders": {
            name: {str(count): medians(found) for count, found in by_count.items()}
            for name, by_count in rows.items()
        },
    }


def summarize(load: Load, seconds: float, pid: int) -> dict[str, float]:
    ordered = sorted(load.seconds)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]  # noqa: E731
    return {
        "per_second": (len(ordered) - load.errors) / seconds,
        "p50_ms": at(0.5) * 1000 if ordered else 0.0,
        "p99_ms": at(0.99) * 1000 if ordered else 0.0,
        "errors": load.errors,
        "megabytes": memory_of(pid) / 1e6,
    }


def medians(rows: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Median, least and most of each figure."""
    return {
        name: {
            "median": statistics.median(row[name] for row in rows),
            "min": min(row[name] for row in rows),
            "max": max(row[name] for row in rows),
        }
        for name in rows[0]
    }


def watch_memory(contender: Contender, photos: Sequence[bytes], requests: int) -> dict[str, Any]:
    """The memory of a server after each tenth of so many requests."""
    found = list[float]()
    errors = 0
    asked = list(map(contender.request, photos))
    with serving(contender) as (port, pid):
        for _ in range(STEPS):
            load = asyncio.run(load_up(port, asked, 16, 0, requests // STEPS))
            errors += load.errors
            found.append(memory_of(pid) / 1e6)
            say(f"{len(found) * requests // STEPS:,} requests: {found[-1]:.1f} MB")
    return {"requests": requests, "errors": errors, "megabytes": found}


def processes(pid: int) -> Iterator[Path]:
    """A process and all it has started, as folders of /proc."""
    todo = [pid]
    while todo:
        place = Path(f"/proc/{todo.pop()}")
        with contextlib.suppress(OSError):
            for task in (place / "task").iterdir():
                todo += map(int, (task / "children").read_text().split())
            yield place


def memory_of(pid: int) -> int:
    """Bytes of a server's processes, what they share counted once."""
    total = 0
    for place in processes(pid):
        with contextlib.suppress(OSError):
            lines = (place / "smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return total


def processor_seconds(pid: int) -> float:
    """What the processes of a server have worked, on all cores."""
    ticks = 0
    for place in processes(pid):
        with contextlib.suppress(OSError):
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
