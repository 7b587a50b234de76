"""Does memory grow with the number of images? A million are listed, checked and started on.

    python benchmarks/million.py [--images 100000 1000000] [--save]

The set is made under a temporary folder, about 3 GB for a million: shards of gray JPEGs of 28x28
pixels in 100 classes. Each is one of 1,000 blots with a comment of its own, so that no two files
are the same. Each question is a process of its own, which tells its peak of anonymous memory (what
it took itself, torch included) and of all resident memory (pages of mapped files too, which the
system takes back when it needs them). Children that decode are not counted: their memory does not
depend on the number. The cache may have 1 MB, so the training streams; it ends at its first report.
Prints one JSON line; --save appends it to results/million.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machines import keep, machine, say
from PIL import Image

QUESTIONS = ("list", "check", "train")
CLASSES, BLOTS, A_SHARD = 100, 1000, 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--measure", nargs=2, help="question and folder of a process")
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measured(*asked.measure)))
        return
    sets = {}
    for count in asked.images:
        with tempfile.TemporaryDirectory() as folder:
            sets[count] = answers(count, Path(folder))
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": "shards",
            "machine": machine(),
            "sets": sets,
        }
    )
    print(line)
    if asked.save:
        keep("million", line)


def answers(count: int, folder: Path) -> dict[str, Any]:
    """What each question takes of a set of so many images."""
    began = time.monotonic()
    shards = made(count, folder / "shards")
    found: dict[str, Any] = {"made": time.monotonic() - began}
    found["bytes"] = sum(file.stat().st_size for file in shards.iterdir())
    say(f"{count:,} images in {found['bytes'] / 1e9:.2f} GB made in {found['made']:.0f} s")
    environment = {**os.environ, "STRIATE_CACHE": f"{folder}/cache", "STRIATE_CACHE_GB": "0.001"}
    for question in QUESTIONS:
        command = [sys.executable, __file__, "--measure", question, str(shards)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        found[question] = json.loads(done.stdout.splitlines()[-1])
        say(f"{question}: {found[question]}")
    return found


def made(count: int, folder: Path) -> Path:
    """A folder of shards of so many images."""
    from striate.data.listing.columns import Records, Samples
    from striate.data.listing.samples import Sample
    from striate.data.shard_writer import seal
    from striate.data.shards.format import ENTRY, shard_name
    from striate.data.shards.tar import HashedTar
    from striate.data.targets.classes import ClassTargets

    folder.mkdir()
    blots = [_blot(seed) for seed in range(BLOTS)]
    records, table, shards = Records.empty(count), np.zeros(count, ENTRY), []
    records.table["width"], records.table["height"], records.table["channels"] = 28, 28, 1
    for first in range(0, count, A_SHARD):
        with HashedTar(folder / shard_name(len(shards))) as shard:
            for row in range(first, min(count, first + A_SHARD)):
                blot = blots[row % BLOTS]
                data = blot[:2] + b"\xff\xfe\x00\x0a" + row.to_bytes(8, "big") + blot[2:]
                table["offset"][row] = shard.member(f"{row:010}.jpg", data)
                shard.member(f"{row:010}.cls", str(row % CLASSES).encode())
                table["length"][row], table["shard"][row] = len(data), len(shards)
                records.digests[row] = np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
            shard.end()
        shards.append(shard.summary())
    names = [f"class {label:02}" for label in range(CLASSES)]
    images = Samples.of(
        Sample(f"{names[row % CLASSES]}/{row:07}.jpg", row % CLASSES) for row in range(count)
    )
    seal(folder, images, records, table, shards, ClassTargets.of(names, images))
    return folder


def _blot(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (4, 4), dtype=np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(small).resize((28, 28), Image.Resampling.BICUBIC).save(file, "JPEG")
        return file.getvalue()


def measured(question: str, folder: str) -> dict[str, float]:
    """Seconds and peaks of memory of this process, which answers one question."""
    jobs: dict[str, Callable[[str], dict[str, float]]] = dict(
        zip(QUESTIONS, (listed, checked, trained), strict=True)
    )
    peak, over = [0], threading.Event()
    watch = threading.Thread(target=_watch, args=(peak, over))
    watch.start()
    began = time.monotonic()
    told = jobs[question](folder)
    seconds = time.monotonic() - began
    over.set()
    watch.join()
    return {"seconds": seconds, **told, "own": peak[0], "resident": _kilobytes("VmHWM") * 1024}


def listed(folder: str) -> dict[str, float]:
    from striate.data.readers.scan import scan

    return {"images": len(scan(folder).samples)}


def checked(folder: str) -> dict[str, float]:
    from striate.data.check import inspect

    inspection = inspect(folder)
    assert inspection.trainable
    return {"images": inspection.images}


def trained(folder: str) -> dict[str, float]:
    import striate
    from striate.training.events import Started, Step

    began, started = time.monotonic(), 0.0
    out = Path(folder).parent / "run"
    for event in striate.stream(folder, epochs=1, batch=128, threads=1, out=out):
        if isinstance(event, Started):
            started = time.monotonic() - began
        if isinstance(event, Step):
            rate, waiting = event.images_per_second, event.waiting
            return {"started": started, "images_per_second": rate, "waiting": waiting}
    raise AssertionError("a training of a million images has steps")


def _watch(peak: list[int], over: threading.Event) -> None:
    while not over.wait(0.02):
        peak[0] = max(peak[0], _kilobytes("RssAnon") * 1024)


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


if __name__ == "__main__":
    main()
