"""How fast super-resolution is trained from files, against the plain loop of PyTorch's tutorials.

    python benchmarks/enlarging.py FOLDER [--rounds N] [--epochs N] [--threads N] [--save]

FOLDER holds train/ and validation/ with photographs. Both train EDSR (32 channels, 4 blocks) to
enlarge windows of 64 pixels of photographs of 128 pixels twice, batch 16, with AdamW, and validate
after every epoch; both are processes of their own, one after the other, striate with an empty
cache. The plain loop decodes, shrinks and cuts in a DataLoader with two workers, or in the process
itself with one thread. Prints a JSON line a round with seconds and CPU seconds of both, then the
medians of their quotients; --save appends the lines to results/enlarging.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machines import HERE, keep, machine

PLAIN = HERE / "contenders" / "plain_enlarging.py"
SETTINGS = "edsr(width=32,blocks=4), windows of 64 in 128 pixels, batch 16"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        parser.error(f"no folder {asked.folder}")
    shared = {"epochs": asked.epochs, "threads": asked.threads, "settings": SETTINGS}
    quotients: dict[str, list[float]] = {"seconds": [], "cpu_seconds": []}
    for number in range(asked.rounds):
        commands = ours(asked), plain(asked)
        order = (0, 1) if number % 2 == 0 else (1, 0)
        took = {at: run(commands[at]) for at in order}
        for name, values in quotients.items():
            values.append(took[1][name] / took[0][name])
        today = dt.datetime.now(dt.UTC).date().isoformat()
        line = json.dumps(
            {"date": today, "striate": took[0], "plain": took[1], **shared, "machine": machine()}
        )
        print(line, flush=True)
        if asked.save:
            keep("enlarging", line)
    for name, values in quotients.items():
        print(
            f"{name}: {statistics.median(values):.2f} times, {min(values):.2f} to {max(values):.2f}"
        )


def ours(asked: argparse.Namespace) -> list[str]:
    return [
        *(sys.executable, "-m", "striate", "train", str(asked.folder)),
        *("--task", "super_resolution", "--network", "edsr(width=32,blocks=4)", "--size", "128"),
        *("--task-params", "crop_size=64", "--batch", "16", "--epochs", str(asked.epochs)),
        *("--optimizer", "adamw", "--learning-rate", "0.001", "--autotune", "no"),
        *("--threads", str(asked.threads), "--out", "OUT"),
    ]


def plain(asked: argparse.Namespace) -> list[str]:
    numbers = str(asked.folder), str(asked.epochs), str(asked.threads)
    return [sys.executable, str(PLAIN), *numbers]


def run(command: list[str]) -> dict[str, Any]:
    """Run a process to its end; return seconds, and CPU seconds with those of its children."""
    with tempfile.TemporaryDirectory(prefix="enlarging-") as place:
        command = [f"{place}/run" if word == "OUT" else word for word in command]
        environment = os.environ | {"STRIATE_CACHE": f"{place}/cache"}
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=sys.stderr)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        used = usage.ru_utime + usage.ru_stime
        return {"seconds": round(time.monotonic() - began, 2), "cpu_seconds": round(used, 2)}


if __name__ == "__main__":
    main()
