"""How fast a detector is trained and asked from files, against torchvision's Faster R-CNN.

    python benchmarks/detection.py FOLDER [--rounds N] [--epochs N] [--threads N] [--save]

FOLDER is one of Pascal VOC: task_data.py makes it of BCCD. Needs torchvision beside a torch that
its operations load in, for all contenders alike. Both see images of 640x480 as 320x240 pixels in
batches of 8: torchvision as 320x256 with its own resizing, striate in the middle of 320x320.
Behind both stands a ResNet-18 that begins at random. torchvision's has a feature pyramid of 256
channels, 2,000 proposals and 512 regions that are learned from, as published; striate trains
`regions:resnet18` by its defaults. Both train for as many epochs and validate after each, then find
the boxes of all images and write them to a table; each is a process of its own, in turns, with an
empty cache. striate also checks the data, scores the validation images and writes its report.
Prints one JSON line; --save appends it to results/detection.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from machines import HERE, keep, machine, run, say

TORCHVISION = HERE / "contenders" / "torchvision_detection.py"
SIDE, BATCH = 320, 8
PACKAGES = ("torch", "torchvision", "striate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not (asked.folder / "ImageSets" / "Main" / "train.txt").is_file():
        parser.error(f"no folder of Pascal VOC with lists of splits: {asked.folder}")
    line = json.dumps(measure(asked.folder.resolve(), asked.rounds, asked.epochs, asked.threads))
    print(line, flush=True)
    if asked.save:
        keep("detection", line)


def measure(folder: Path, rounds: int, epochs: int, threads: int) -> dict[str, Any]:
    """Run both in turns, the first of a round last in the next."""
    took: dict[str, dict[str, list[dict[str, float]]]] = {"train": {}, "predict": {}}
    with tempfile.TemporaryDirectory(prefix="detection-") as temporary:
        for number in range(rounds):
            place = Path(temporary, str(number))
            place.mkdir()
            contenders = commands(folder, place, epochs, threads)
            for name in list(contenders)[:: -1 if number % 2 else 1]:
                for what, command in contenders[name].items():
                    took[what].setdefault(name, []).append(
                        measured(command, place / f"{name}-cache")
                    )
                    say(f"round {number}, {what} of {name}: {took[what][name][-1]}")
    lists = folder / "ImageSets" / "Main"
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "blood-boxes",
        "images": {
            "train": epochs * len((lists / "train.txt").read_text().split()),
            "predict": len(list((folder / "JPEGImages").glob("*.jpg"))),
        },
        "validation": len((lists / "val.txt").read_text().split()),
        "side": SIDE,
        "batch": BATCH,
        "epochs": epochs,
        "threads": threads,
        "machine": machine(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "took": took,
    }


def commands(folder: Path, place: Path, epochs: int, threads: int) -> dict[str, dict[str, Any]]:
    """What each contender runs to train, then to predict."""
    images, weights = str(folder / "JPEGImages"), str(place / "weights.pt")
    ours, theirs = [sys.executable, "-m", "striate"], [sys.executable, str(TORCHVISION)]
    settings = ["--size", str(SIDE), "--batch", str(BATCH), "--epochs", str(epochs)]
    settings += ["--threads", str(threads), "--network", "regions:resnet18"]
    run, table = str(place / "run"), str(place / "found.csv")
    return {
        "striate": {
            "train": [*ours, "train", str(folder), *settings, "--out", run],
            "predict": [*ours, "predict", run, images, "--out", table],
        },
        "torchvision": {
            "train": [*theirs, "train", str(folder), weights, str(epochs), str(threads)],
            "predict": [*theirs, "predict", str(folder), weights, table, str(threads)],
        },
    }


def measured(command: list[str], cache: Path) -> dict[str, float]:
    """Run a contender with a cache of its own, and return what it took."""
    threads = str(len(os.sched_getaffinity(0)))
    took = run(command, os.environ | {"STRIATE_CACHE": str(cache), "OMP_NUM_THREADS": threads})
    return {
        "seconds": round(took.seconds, 1),
        "cpu_seconds": round(took.cpu_seconds, 1),
        "others": round(took.others, 3),
    }


if __name__ == "__main__":
    main()
