"""How long from a folder of images to a validated model, at the same network, epochs and batch?

    python benchmarks/folder_to_model.py [--cifar PATH/cifar10-jpg.tar.gz] [--repeats 3] [--save]

And how long until striate, with a recipe of its own, is as often right? Each contender is a process
of its own; they take turns, and each turn has another seed. Seconds are those of the whole process,
imports included; memory is that of the process and its children. Prints one JSON line for each set
of images; --save appends it to results/folder_to_model.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import folders
from machines import keep, machine, say
from turns import Turn, summary, take_turn

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
                take_turn(*program(name, setting, folder, epochs=1, seed=0))
        for seed in range(1, repeats + 1):
            for name in names:
                asked = program(name, setting, folder, epochs=setting.epochs, seed=seed)
                turn = take_turn(*asked, params=PARAMS[setting.network])
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


def program(
    name: str, setting: Setting, folder: Path, *, epochs: int, seed: int
) -> tuple[str, list[str]]:
    """The file of a contender, and its arguments."""
    asked = [str(folder), "--network", setting.network, "--epochs", str(epochs)]
    return CONTENDERS[name], [*asked, "--batch", str(setting.batch), "--seed", str(seed)]


if __name__ == "__main__":
    main()
