"""Does the memory of predict grow with the number of images?

    python benchmarks/predict_memory.py [--most 10_000_000] [--decoded 100_000] [--save]

Each line is a process of its own, and its peak memory that of the process without its children:

- names: that many names come on standard input, and an engine that looks at no pixel answers them:
  all of listing, hashing, rows and journal, without decoding;
- folder: the same, of that many names in one folder, whose listing is made up;
- decoded: one small image, named that many times, is decoded by the usual processes.

10 million names take some minutes. Prints one JSON line; --save appends it to
results/predict_memory.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from machines import keep, machine, say
from numpy.typing import NDArray
from PIL import Image

from striate.data.cache.read_files import File
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.target_spec import TargetSpec
from striate.prediction.paths import expand, read_names
from striate.prediction.predictor import Prediction, Predictor
from striate.prediction.unfinished import unfinished
from striate.prediction.writing import write_predictions
from striate.progress import drain
from striate.tasks import bind_task

KINDS = ("names", "folder", "decoded")
_BLOCK = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--most", type=int, default=10_000_000)
    parser.add_argument("--decoded", type=int, default=100_000)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one[0], int(asked.one[1]))))
        return
    found: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        most = asked.decoded if kind == "decoded" else asked.most
        for count in (most // 100, most // 10, most):
            command = [sys.executable, __file__, "--one", kind, str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found.setdefault(kind, {})[str(count)] = json.loads(done.stdout)
            say(f"{kind} {count:,}: {done.stdout.strip()}")
    line = json.dumps(
        {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": "predict",
            "machine": machine(),
            "threads": len(os.sched_getaffinity(0)),
            "kinds": found,
        }
    )
    print(line)
    if asked.save:
        keep("predict_memory", line)


class Engine:
    """Answers by the mean of the pixels."""

    task = bind_task(None, TargetSpec("label", ("day", "night")))
    preprocess = Preprocess(32, 3)
    views = (preprocess,)

    def decode_and_reject(
        self, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        days = pixels.mean(axis=(1, 2, 3)) / 255
        return np.stack([days, 1 - days], 1), np.zeros(len(days), np.bool_)


class Blind(Predictor):
    """Answers without looking."""

    def answer(self, given: Iterator[Any]) -> Iterator[Prediction]:
        same = self.model.task.answer(np.array([0.25, 0.75]), self.top)
        return (Prediction(image.shown, same) for image in given)


def measure(kind: str, count: int) -> dict[str, Any]:
    """Write the predictions of so many images."""
    with tempfile.TemporaryDirectory() as place:
        out, begun = Path(place, "found.csv"), time.monotonic()
        kept = Predictor if kind == "decoded" else Blind
        predictor = kept(Engine())
        if kind == "folder":
            images = iter(made_up(Path(place), count))
        else:
            file = Path(place, "small.jpg")
            Image.new("RGB", (32, 32)).save(file)
            images = iter(read_names(Names(str(file), count, same=kind == "decoded")))
        with unfinished(out, {}) as written:
            done = drain(write_predictions(predictor, images, written))
        assert (done.images, done.failed) == (count, 0), done
        seconds = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_mib": round(peak / 1024, 1), "seconds": round(seconds, 1)}


def made_up(place: Path, count: int) -> Iterator[File]:
    """Yield the files of a folder that seems to hold so many."""
    with mock.patch("os.scandir", return_value=Folder(count)):
        yield from expand(place)


class Names(io.BufferedIOBase):
    """Standard input with that many names, all the same or all different."""

    def __init__(self, name: str, count: int, *, same: bool) -> None:
        self._name, self._count, self._same, self._given = name, count, same, 0

    def read1(self, size: int = -1, /) -> bytes:  # noqa: ARG002 - a block is as large as it is
        numbers = range(self._given, min(self._count, self._given + _BLOCK))
        self._given += len(numbers)
        mark = "" if self._same else "/{}"
        return "".join(f"{self._name}{mark.format(number)}\n" for number in numbers).encode()


class Folder:
    """What os.scandir returns of a folder with that many files, in no order."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> Iterator[Entry]:
        step = 7_368_787  # a prime: all numbers come, mixed
        first = random.Random(3).randrange(self._count)
        return (Entry(f"{(first + step * at) % self._count:09}.jpg") for at in range(self._count))

    def __exit__(self, *_: object) -> None:
        pass


class Entry:
    """A file in a made-up folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def is_symlink(self) -> bool:
        return False

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        return False

    def is_file(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        return True


if __name__ == "__main__":
    main()
