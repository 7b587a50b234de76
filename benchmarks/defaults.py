"""What each default of a training is worth beside the other choices.

    python benchmarks/defaults.py [--cifar PATH/cifar10-jpg.tar.gz] [--images 4000] [--seeds 2]
                                  [--only digits ...] [--save]

One option at a time is changed from its default; all else is as striate chooses it. LeNet-5 learns
from so many digits, ResNet-20 from as many images of CIFAR-10; a quarter as many validate. What
pays in a longer training only, or takes other steps for as many epochs, has longer ones.
Prints one JSON line for each; --save appends it to results/defaults.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import json
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import folders
import torch
from machines import keep, machine, say
from turns import wilson

import striate
from striate.errors import DivergedError
from striate.options import Augment, OptimizerName, Schedule
from striate.training.events import Epoch, Started

#: what is changed -> what it is changed to
Changes = dict[str, tuple[Any, ...]]
SHORT: Changes = {
    "optimizer": get_args(OptimizerName),
    "schedule": get_args(Schedule),
    "warmup": (0.0, 0.05, 0.15, 0.3),
    "label_smoothing": (0.0, 0.1),
    "ema": (None, 0.9, 0.99),
    "weight_decay": (0.0, 5e-5, 5e-4, 5e-3),
    "learning_rate": (0.3, 1.0, 3.0),  # times the default
}
LONG: Changes = {"augment": get_args(Augment), "batch": (32, 64, 128, 256)}


@dataclass(frozen=True)
class Measured:
    """Trainings of a network that differ in one option."""

    images: str
    network: str
    epochs: int
    changes: Changes


MEASURED = {
    "digits": Measured("digits", "lenet5", 5, SHORT),
    "digits, longer": Measured("digits", "lenet5", 30, LONG),
    "cifar10": Measured("cifar10", "resnet20", 5, SHORT),
    "cifar10, longer": Measured("cifar10", "resnet20", 15, LONG),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cifar", type=Path, help="cifar10-jpg.tar.gz; without it: digits only")
    parser.add_argument("--images", type=int, default=4000, help="to train on")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=MEASURED, default=list(MEASURED))
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if asked.cifar and not asked.cifar.is_file():
        parser.error(f"--cifar: no file {asked.cifar}")
    if not 40 <= asked.images <= 4000:
        parser.error(f"--images: from 40 to 4,000, but {asked.images} came")
    for name in asked.only:
        if asked.cifar or MEASURED[name].images == "digits":
            line = json.dumps(measured(name, MEASURED[name], asked))
            print(line, flush=True)
            if asked.save:
                keep("defaults", line)


def measured(name: str, what: Measured, asked: argparse.Namespace) -> dict[str, Any]:
    """Every change on the same images."""
    with tempfile.TemporaryDirectory(prefix="defaults-") as temporary:
        place = Path(temporary)
        os.environ["STRIATE_CACHE"] = str(place / "cache")
        count = asked.images // 10
        each = {"train": count, "validation": max(1, count // 4)}
        if what.images == "digits":
            folders.digits(place / "photos", **each)
        else:
            folders.cifar(place / "photos", asked.cifar, **each)
        usual = settings(what, place)
        runs = {option: several(what, place, asked.seeds, usual, option) for option in what.changes}
        parts = {part.name: len(list(part.glob("*/*"))) for part in (place / "photos").iterdir()}
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": name,
        "network": what.network,
        "images": parts,
        "epochs": what.epochs,
        "n": asked.seeds,
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
        "usual": {option: usual[option] for option in what.changes},
        "changes": runs,
    }


def settings(what: Measured, place: Path) -> dict[str, Any]:
    """What striate chooses for a run on these images."""
    events = striate.stream(place / "photos", out=place / "look", **options(what, seed=0))
    while not isinstance(next(events), Started):
        pass
    events.close()
    return json.loads((place / "look" / "options.json").read_text("utf-8"))


def options(what: Measured, seed: int) -> dict[str, Any]:
    color = "gray" if what.images == "digits" else "rgb"
    seen = {"network": what.network, "size": 32, "color": color}
    return {**seen, "epochs": what.epochs, "seed": seed}


def several(
    what: Measured, place: Path, seeds: int, usual: dict[str, Any], name: str
) -> dict[str, Any]:
    """What each value of an option gives: all seeds together, the least and the most of them."""
    found: dict[str, Any] = {}
    n = len(list((place / "photos" / "validation").glob("*/*")))
    for value in what.changes[name]:
        given = value * usual[name] if name == "learning_rate" else value
        change = {} if given == usual[name] else {name: given}
        asked = [json.dumps(options(what, seed) | change) for seed in range(1, seeds + 1)]
        shares = [run(place, one) for one in asked]
        reached = [share for share in shares if share is not None]
        entry = found[f"{given:.3g}" if isinstance(given, float) else str(given)] = {
            "default": not change,
            "accuracy": wilson(statistics.mean(reached) * n, n) if reached else None,
            "min": round(min(reached, default=0.0), 4),
            "max": round(max(reached, default=0.0), 4),
            "failed": len(shares) - len(reached),
        }
        say(f"{what.images}, {what.epochs} epochs, {name} {given}: {entry}")
    return found


@functools.cache
def run(place: Path, asked: str) -> float | None:
    """The share of the validation images right in the end; None when the loss was lost."""
    share = 0.0
    try:
        for event in striate.stream(place / "photos", out=place / "run", **json.loads(asked)):
            if isinstance(event, Epoch):
                share = event.validation_accuracy
    except DivergedError:
        return None
    return share


if __name__ == "__main__":
    main()
