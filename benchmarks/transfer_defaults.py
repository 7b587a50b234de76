"""What each choice of a transfer is worth on sets of photographs, one changed at a time.

    python benchmarks/transfer_defaults.py FOLDER ... [--few 10 20 60] [--seeds 2] [--save]

Each FOLDER holds train, validation and test, as photo_sets.py makes them. All begin with the
packaged EfficientNet-Lite0. Choices are compared on the validation images; what striate does by
itself is judged on the test images as well, also with so many training images a class (`--few`).
Prints a JSON line for each set; --save appends it to results/transfer_defaults.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import tempfile
import zlib
from pathlib import Path
from typing import Any

import torch
from machines import keep, machine, say

import striate
from striate.training.events import Epoch

PARTS = ("train", "validation", "test")
#: what is changed, and how; the first is what striate does by itself
CHANGES: dict[str, dict[str, Any]] = {
    "default": {},
    "fit stretch": {"fit": "stretch"},
    "fit crop": {"fit": "crop"},
    "norms refit": {"norms": "refit"},
    "epochs 20": {"epochs": 20},
    "learning rate 0.003": {"learning_rate": 0.003},
    "learning rate 0.1": {"learning_rate": 0.1},
    "augment light": {"augment": "light"},
    "augment standard": {"augment": "standard"},
    "freeze stage6, rate 0.01 for all, norms trained, 12 epochs": {
        "freeze": "stage6", "learning_rate": 0.01, "backbone_rate": 1.0, "norms": "train",
        "epochs": 12, "augment": "none",
    },
    "freeze stage5, 10 epochs": {"freeze": "stage5", "epochs": 10, "augment": "none"},
    "thaw at 3 of 6 epochs": {"thaw_at": 3, "epochs": 6, "augment": "none"},
    "freeze none, 6 epochs": {"freeze": "none", "epochs": 6, "augment": "none"},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--few", nargs="*", type=int, default=[])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=CHANGES, default=list(CHANGES))
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    for folder in asked.folders:
        if not (folder / "test").is_dir():
            parser.error(f"{folder} has no folder test")
    with tempfile.TemporaryDirectory(prefix="transfer-") as temporary:
        os.environ["STRIATE_CACHE"] = str(Path(temporary, "cache"))
        for folder in asked.folders:
            sets = {folder.name: folder}
            for count in asked.few:
                sets[f"{folder.name}, {count} a class"] = fewer(folder, count, Path(temporary))
            for name, photos in sets.items():
                line = json.dumps(measured(name, photos, asked, Path(temporary)))
                print(line, flush=True)
                if asked.save:
                    keep("transfer_defaults", line)


def fewer(folder: Path, count: int, place: Path) -> Path:
    """The set with so many training images of each class, chosen by their names."""
    copy = place / f"{folder.name}-{count}"
    shutil.copytree(folder, copy)
    for kind in (copy / "train").iterdir():
        for file in sorted(kind.iterdir(), key=lambda file: zlib.crc32(file.name.encode()))[count:]:
            file.unlink()
    return copy


def measured(name: str, photos: Path, asked: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Every change on the same images."""
    changes = {what: several(photos, place, asked.seeds, CHANGES[what]) for what in asked.only}
    say(f"{name}: {changes}")
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": name,
        "images": {part: len(list((photos / part).glob("*/*"))) for part in PARTS},
        "classes": len(list((photos / "train").iterdir())),
        "n": asked.seeds,
        "machine": machine(),
        "threads": len(os.sched_getaffinity(0)),
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
        "changes": changes,
    }


def several(photos: Path, place: Path, seeds: int, change: dict[str, Any]) -> dict[str, Any]:
    """The share of validation images right, by the best epoch of each seed; scores on the test."""
    shares, tests = list[float](), list[dict[str, float]]()
    for seed in range(1, seeds + 1):
        shutil.rmtree(place / "run", ignore_errors=True)
        options = {"weights": "package", **change, "seed": seed}
        events = list(striate.stream(photos, out=place / "run", **options))
        shares.append(max(e.validation["accuracy"] for e in events if isinstance(e, Epoch)))
        if not change:
            score = json.loads((place / "run" / "evaluation.json").read_text("utf-8"))["accuracy"]
            tests.append({key: score[key] for key in ("value", "low", "high")})
    mean, least, most = statistics.mean(shares), min(shares), max(shares)
    return {"validation": mean, "min": least, "max": most, "test": tests[:1]}


if __name__ == "__main__":
    main()
