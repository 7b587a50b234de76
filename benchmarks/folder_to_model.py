"""How long from a folder of images to a validated model, at the same network, epochs and batch?

    python benchmarks/folder_to_model.py [--cifar PATH/cifar10-jpg.tar.gz] [--repeats 3] [--save]

And how long until striate, with a recipe of its own, is as often right? Each contender is a process
of its own; they take turns, and each turn has another seed. Seconds are those of the whole process,
imports included; memory is that of the process and its children. Prints one JSON line for each set
of images; --save appends it to results/folder_to_model.jsonl.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import folders
import psutil
from machines import HERE, busy_seconds, keep, machine, say

CONTENDERS = {
    "striate": "striate_train.py",
    "striate, own recipe": "striate_own.py",
    "striate, float32": "striate_float32.py",
    "Keras": "keras3.py",
    "fastai": "fast_ai.py",
    "Lightning": "lightning_fit.py",
    "timm": "timm_train.py",
    "PyTorch": "plain_torch.py",
}
SETS = ("digits", "cifar10", "large")
SAMPLED_SECONDS = 0.25  #: between two looks at the memory
PARAMS = {"lenet5": 61_706, "resnet20": 269_722, "resnet18": 11_181_642}


@dataclass(frozen=True)
class Setting:
    """What all contenders are given."""

    data: str
    make: Callable[[Path], None]
    network: str
    epochs: int
    batch: int
    left_out: tuple[str, ...] = ()  #: contenders


@dataclass(frozen=True)
class Turn:
    """One process, measured from outside, and the line it printed."""

    seconds: float
    cpu_seconds: float  #: user and system, of the process and its children
    peak_bytes: int  #: proportional set size, so that shared pages count once
    others: float  #: share of the machine's CPU time that went to other processes
    line: dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cifar", type=Path, help="cifar10-jpg.tar.gz; without it: digits only")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--epochs", type=int, help="for a quick look; not to be saved")
    parser.add_argument("--on", nargs="+", choices=SETS, default=SETS, help="sets of images")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if asked.save and (asked.epochs or len(asked.only) < len(CONTENDERS) or asked.repeats < 3):
        parser.error("--save takes a whole measurement: no --epochs, no --only, 3 repeats or more")
    if asked.cifar and not asked.cifar.is_file():
        parser.error(f"--cifar: no file {asked.cifar}")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.threads])
    for index, setting in enumerate(settings(asked)):
        names = [name for name in asked.only if name not in setting.left_out]
        line = json.dumps(measure(setting, names, asked.repeats, warm_up=index == 0))
        print(line, flush=True)
        if asked.save:
            keep("folder_to_model", line)


def settings(asked: argparse.Namespace) -> list[Setting]:
    """What was asked for, as far as there are images."""
    found = [Setting("digits", folders.digits, "lenet5", asked.epochs or 10, 64)]
    if asked.cifar:
        archive = asked.cifar.resolve()
        small = partial(folders.cifar, archive=archive)
        large = partial(folders.large, archive=archive)
        alone = ("striate, own recipe",)  # nothing is learned in an epoch
        found.append(Setting("cifar10", small, "resnet20", asked.epochs or 5, 128))
        found.append(Setting("large", large, "resnet18", asked.epochs or 1, 32, alone))
    return [setting for setting in found if setting.data in asked.on]


def measure(setting: Setting, names: list[str], repeats: int, *, warm_up: bool) -> dict[str, Any]:
    """All contenders in turn on one set of images; a first round is not counted."""
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="folder-to-model-") as temporary:
        folder = Path(temporary, setting.data)
        setting.make(folder)
        if warm_up:  # writes the bytecode of everything imported, and fills the page cache
            for name in names:
                take_turn(name, setting, folder, epochs=1, seed=0)
        for seed in range(1, repeats + 1):
            for name in names:
                turn = take_turn(name, setting, folder, epochs=setting.epochs, seed=seed)
                where = f"{setting.data} {seed}/{repeats} {name}"
                say(f"{where}: {turn.seconds:.1f} s, others took {turn.others:.0%}")
                turns[name].append(turn)
        parts = {part.name: len(list(part.glob("*/*"))) for part in sorted(folder.iterdir())}
    first = statistics.median(turn.seconds for turn in turns[names[0]])
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": setting.data,
        "images": parts,
        "network": setting.network,
        "epochs": setting.epochs,
        "batch": setting.batch,
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "others": round(max(turn.others for name in names for turn in turns[name]), 3),
        "n": repeats,
        "contenders": {name: summary(turns[name], first) for name in names},
    }


def take_turn(name: str, setting: Setting, folder: Path, *, epochs: int, seed: int) -> Turn:
    """Run a contender in an empty folder of its own. Exits with its last words if it fails."""
    program = [sys.executable, str(HERE / "contenders" / CONTENDERS[name]), str(folder)]
    program += ["--network", setting.network, "--epochs", str(epochs)]
    program += ["--batch", str(setting.batch), "--seed", str(seed)]
    with tempfile.TemporaryDirectory(prefix="contender-") as place, contextlib.chdir(place):
        with Path("out").open("wb") as out, Path("err").open("wb") as err:
            began, before = time.monotonic(), busy_seconds()
            process = subprocess.Popen(program, stdout=out, stderr=err, env=environment(place))
            with Memory(process.pid) as memory:
                _, status, usage = os.wait4(process.pid, 0)
            seconds, busy = time.monotonic() - began, busy_seconds() - before
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{name} ended with {process.returncode}:\n{Path('err').read_text()[-2000:]}")
        line = json.loads(Path("out").read_text().splitlines()[-1])
    if line["params"] != PARAMS[setting.network]:
        sys.exit(f"{name}: {line['params']:,} parameters, not {PARAMS[setting.network]:,}")
    own = usage.ru_utime + usage.ru_stime
    others = max(0.0, busy - own) / (seconds * (os.cpu_count() or 1))
    return Turn(seconds, own, memory.peak, others, line)


def environment(place: str) -> dict[str, str]:
    """Ours, with all caches in an empty place and bytecode written as on a user's machine."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    threads = str(len(os.sched_getaffinity(0)))
    return kept | {"STRIATE_CACHE": str(Path(place, "cache")), "OMP_NUM_THREADS": threads}


class Memory:
    """Looks at a process and its children while the block runs."""

    def __init__(self, process: int) -> None:
        self.peak = 0
        self._process = psutil.Process(process)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLED_SECONDS):
            total = 0
            with contextlib.suppress(psutil.Error):
                for process in [self._process, *self._process.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error):
                        total += process.memory_full_info().pss
            self.peak = max(self.peak, total)


def summary(turns: list[Turn], first: float) -> dict[str, Any]:
    """Medians with their range; `ratio` is seconds over those of the first contender."""
    lines = [turn.line for turn in turns]
    return {
        "versions": lines[0]["versions"],
        "recipe": lines[0]["recipe"],
        "seconds": spread([turn.seconds for turn in turns]),
        "ratio": round(statistics.median(turn.seconds for turn in turns) / first, 3),
        "cpu_seconds": spread([turn.cpu_seconds for turn in turns]),
        "peak_megabytes": spread([turn.peak_bytes / 1e6 for turn in turns]),
        "images_per_second": spread([line["images_per_second"] for line in lines]),
        "accuracy": wilson(statistics.mean(line["correct"] for line in lines), lines[0]["n"]),
        "phases": {
            phase: round(statistics.median(line["phases"][phase] for line in lines), 3)
            for phase in lines[0]["phases"]
        },
    }


def spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }


def wilson(right: float, n: int) -> dict[str, float]:
    """Share right with its 95% interval (Wilson 1927); seeds are averaged first."""
    z, share = 1.959964, right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = round(middle - half, 4), round(middle + half, 4)
    return {"value": round(share, 4), "low": low, "high": high, "n": n}


if __name__ == "__main__":
    main()
