"""How far do the stages of a network trained on animals serve machines?

    python benchmarks/transferability.py --cifar PATH/cifar10-jpg.tar.gz [--epochs 10] [--seeds 3]
                                         [--out FOLDER] [--save]

5,000 images of CIFAR-10, 500 of a class: A is its six animals, B its four machines. The same images
always, so a study in --out that was stopped goes on. Prints one JSON line; --save appends it to
results/transferability.jsonl and draws the plot for the documentation.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import folders
from machines import HERE, keep, machine

import striate

ANIMALS = ("bird", "cat", "deer", "dog", "frog", "horse")
COUNT = 500  #: images of a class, of which striate holds out 15 % each to validate and to test
PLOT = HERE.parent / "docs" / "images" / "transferability.svg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cifar", type=Path, required=True, help="cifar10-jpg.tar.gz")
    parser.add_argument("--network", default="resnet20")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder of the study, to go on in")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.cifar.is_file():
        parser.error(f"--cifar: no file {asked.cifar}")
    record = measured(asked)
    print(json.dumps(record), flush=True)
    if asked.save:
        keep("transferability", json.dumps(record))


def measured(asked: argparse.Namespace) -> dict[str, Any]:
    """What the study tells, and how long it took."""
    with tempfile.TemporaryDirectory(prefix="transferability-") as temporary:
        place = Path(temporary)
        os.environ["STRIATE_CACHE"] = str(place / "cache")
        folders.cifar(place / "cifar10", asked.cifar, train=COUNT, validation=0)
        begun = time.monotonic()
        study = striate.transferability(
            place / "cifar10" / "train",
            classes_of_a=ANIMALS,
            network=asked.network,
            epochs=asked.epochs,
            seeds=asked.seeds,
            batch=64,
            out=asked.out or place / "study",
            progress=True,
        )
        seconds = time.monotonic() - begun
        if asked.save:
            PLOT.write_bytes((study.folder / "transferability.svg").read_bytes())
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "cifar10",
        "images": 10 * COUNT,
        "a": study.names[0],
        "b": study.names[1],
        "network": study.network,
        "epochs": asked.epochs,
        "seeds": study.seeds,
        "trainings": len(study.trials),
        "seconds": seconds,
        "table": study.to_markdown(),
        "advice": study.advice,
        "figures": study.to_json()["rows"],
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "versions": {"striate": striate.__version__},
    }


if __name__ == "__main__":
    main()
