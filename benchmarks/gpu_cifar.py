"""How long until 94 % of CIFAR-10's test images are right, on one GPU, beside airbench94?

    python benchmarks/gpu_cifar.py --cifar PATH/cifar10-jpg.tar.gz [--airbench PATH/airbench94.py]
                                   [--runs 20] [--smoke] [--save]

Both learn from the same images, in one run: striate's engine with quick_network.py, then your own
copy of KellerJordan's airbench94.py, in a folder where it finds these images as its data set. A
first run of each is not counted: it compiles. Seconds are those from the images on the GPU to
the trained network and its accuracy, as airbench94 counts them. --smoke is a tiny run on the CPU.
Prints one JSON line; --save appends it to results/gpu_cifar.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import folders
import torch
from machines import keep, machine, say
from quick_network import Quick, accuracy, trained
from torch import Tensor
from turns import spread

import striate
from striate.data.cache.decoded import decode_images
from striate.data.decoding.preprocess import Preprocess
from striate.data.readers.scan import scan

GOAL = 0.94
SMOKE = Quick(widths=(8, 8, 8), epochs=1, batch=50, compiled=False)
SPLITS = {"train": "train", "validation": "test"}  #: ours -> airbench94's
Data = dict[str, tuple[Tensor, Tensor]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cifar", type=Path, required=True, help="cifar10-jpg.tar.gz")
    parser.add_argument("--airbench", type=Path, help="your copy of airbench94.py")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--smoke", action="store_true", help="tiny, on the CPU")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.smoke and not torch.cuda.is_available():
        sys.exit("gpu_cifar: needs a GPU, and torch sees none here; --smoke runs on the CPU")
    if asked.save and (asked.smoke or not asked.airbench):
        parser.error("--save takes a whole measurement: --airbench and no --smoke")
    for name in ("cifar", "airbench"):
        path = getattr(asked, name)
        if path and not path.is_file():
            parser.error(f"--{name}: no file {path}")
    line = json.dumps(measured(asked))
    print(line, flush=True)
    if asked.save:
        keep("gpu_cifar", line)


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    device = torch.device("cpu" if asked.smoke else "cuda")
    with tempfile.TemporaryDirectory(prefix="gpu-cifar-") as temporary:
        place = Path(temporary)
        data = read(place, asked.cifar, smoke=asked.smoke)
        quick, runs = (SMOKE, 1) if asked.smoke else (Quick(), asked.runs)
        contenders = {"striate": ours(quick, data, device, runs)}
        if asked.airbench:
            contenders["airbench94"] = theirs(asked.airbench.resolve(), place, data)
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "cifar10",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else machine()["cpu"],
        "images": {part: len(labels) for part, (_, labels) in data.items()},
        "goal": GOAL,
        "recipe": asdict(quick),
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
        "contenders": contenders,
    }


def read(place: Path, archive: Path, *, smoke: bool) -> Data:
    """The parts' images (N, 32, 32, 3) uint8 and labels, as striate decodes them."""
    train, validation = (20, 5) if smoke else (5000, 1000)
    folders.cifar(place / "photos", archive, train=train, validation=validation)
    decoded = decode_images(
        scan(place / "photos"), Preprocess(32, 3, "stretch"), cache=place / "cache"
    )
    found: Data = {}
    for part in SPLITS:
        rows = [row for row, sample in enumerate(decoded.samples) if sample.split == part]
        labels = torch.tensor([decoded.samples[row].label for row in rows])
        found[part] = torch.from_numpy(decoded.pixels[rows]), labels
    return found


def ours(quick: Quick, data: Data, device: torch.device, runs: int) -> dict[str, Any]:
    train, test = ([each.to(device) for each in data[part]] for part in SPLITS)
    seconds, shares = list[float](), list[float]()
    for run in range(runs + 1):
        torch.manual_seed(run)
        wait(device)
        began = time.perf_counter()
        share = accuracy(trained(quick, *train), *test)
        wait(device)
        if run:
            seconds.append(time.perf_counter() - began)
            shares.append(share)
            say(f"striate {run}/{runs}: {seconds[-1]:.2f} s, {share:.2%}")
    return summary(seconds, shares)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def theirs(program: Path, place: Path, data: Data) -> dict[str, Any]:
    """Run it where its data set is ours; read the table that it prints."""
    (place / "cifar10").mkdir()
    for part, name in SPLITS.items():
        images, labels = data[part]
        content = {"images": images, "labels": labels, "classes": list(map(str, range(10)))}
        torch.save(content, place / "cifar10" / f"{name}.pt")
    done = subprocess.run([sys.executable, program], cwd=place, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in done.stdout.splitlines()
        if line.startswith("|")
    ]
    if not rows or not {"epoch", "tta_val_acc"} <= set(rows[0]):
        sys.exit(f"{program}: expected a table with tta_val_acc, as airbench94.py prints it")
    heads, finals = rows[0], [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    clock = next(head for head in heads if head.endswith("time_seconds"))
    counted = [row for row in finals if row["epoch"] == "eval"][1:]
    seconds = [float(row[clock]) for row in counted]
    return summary(seconds, [float(row["tta_val_acc"]) for row in counted])


def summary(seconds: list[float], shares: list[float]) -> dict[str, Any]:
    mean = {"mean": round(statistics.mean(shares), 5)}
    return {"n": len(seconds), "seconds": spread(seconds), "accuracy": mean | spread(shares)}


if __name__ == "__main__":
    main()
