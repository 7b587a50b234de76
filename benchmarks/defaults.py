"""What each default of a training is worth beside the other choices.

    python benchmarks/defaults.py [--cifar PATH/cifar10-jpg.tar.gz] [--pictures 4000] [--epochs 5]
                                  [--seeds 2] [--save]

One option at a time is changed from its default; all else is as striate chooses it. LeNet-5 learns
from so many digits, ResNet-20 from as many pictures of CIFAR-10; a quarter as many validate.
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
from pathlib import Path
from typing import Any, get_args

import folders
import torch
from folder_to_model import keep, machine, say, wilson

import striate
from striate.errors import DivergedError
from striate.options import Optimiser, Schedule
from striate.training.events import Epoch, Started

#: what is changed -> what it is changed to
CHANGES: dict[str, tuple[Any, ...]] = {
    "optimiser": get_args(Optimiser),
    "schedule": get_args(Schedule),
    "warm_up": (0.0, 0.05, 0.15, 0.3),
    "smoothing": (0.0, 0.1),
    "average": (None, 0.9, 0.99),
    "weight_decay": (0.0, 5e-5, 5e-4, 5e-3),
    "learning_rate": (0.3, 1.0, 3.0),  # times the default
}
NETWORKS = {"digits": "lenet5", "cifar10": "resnet20"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cifar", type=Path, help="cifar10-jpg.tar.gz; without it: digits only")
    parser.add_argument("--pictures", type=int, default=4000, help="to train on")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=CHANGES, default=list(CHANGES))
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if asked.cifar and not asked.cifar.is_file():
        parser.error(f"--cifar: no file {asked.cifar}")
    if not 40 <= asked.pictures <= 4000:
        parser.error(f"--pictures: from 40 to 4,000, but {asked.pictures} came")
    if asked.save and len(asked.only) < len(CHANGES):
        parser.error("--save takes a whole measurement: no --only")
    for data in NETWORKS if asked.cifar else ("digits",):
        line = json.dumps(measured(data, asked))
        print(line, flush=True)
        if asked.save:
            keep("defaults", line)


def measured(data: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Every change on the same pictures."""
    with tempfile.TemporaryDirectory(prefix="defaults-") as temporary:
        place = Path(temporary)
        os.environ["STRIATE_CACHE"] = str(place / "cache")
        count = asked.pictures // 10
        each = {"train": count, "validation": max(1, count // 4)}
        if data == "digits":
            folders.digits(place / "photos", **each)
        else:
            folders.cifar(place / "photos", asked.cifar, **each)
        usual = settings(data, place, asked)
        runs = {name: several(data, place, asked, usual, name) for name in asked.only}
        parts = {part.name: len(list(part.glob("*/*"))) for part in (place / "photos").iterdir()}
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": data,
        "network": NETWORKS[data],
        "pictures": parts,
        "epochs": asked.epochs,
        "n": asked.seeds,
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
        "usual": {name: usual[name] for name in CHANGES},
        "changes": runs,
    }


def settings(data: str, place: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """What striate chooses for a run on these pictures."""
    events = striate.stream(place / "photos", out=place / "look", **options(data, asked, seed=0))
    while not isinstance(next(events), Started):
        pass
    events.close()
    return json.loads((place / "look" / "options.json").read_text("utf-8"))


def options(data: str, asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    colour = "grey" if data == "digits" else "rgb"
    seen = {"network": NETWORKS[data], "size": 32, "colour": colour}
    return {**seen, "epochs": asked.epochs, "seed": seed}


def several(
    data: str, place: Path, asked: argparse.Namespace, usual: dict[str, Any], name: str
) -> dict[str, Any]:
    """What each value of an option gives: all seeds together, the least and the most of them."""
    found: dict[str, Any] = {}
    for value in CHANGES[name]:
        given = value * usual[name] if name == "learning_rate" else value
        change = {} if given == usual[name] else {name: given}
        seeds = range(1, asked.seeds + 1)
        shares = [run(place, json.dumps(options(data, asked, s) | change)) for s in seeds]
        n = len(list((place / "photos" / "validation").glob("*/*")))
        reached = [share for share in shares if share is not None]
        entry = found[f"{given:.3g}" if isinstance(given, float) else str(given)] = {
            "default": not change,
            "accuracy": wilson(statistics.mean(reached) * n, n) if reached else None,
            "min": round(min(reached, default=0.0), 4),
            "max": round(max(reached, default=0.0), 4),
            "failed": len(shares) - len(reached),
        }
        say(f"{data} {name} {given}: {entry}")
    return found


@functools.cache
def run(place: Path, asked: str) -> float | None:
    """The share of the validation pictures right in the end; None when the loss was lost."""
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
