"""Does a network find wrong labels of its own training images, frozen or trained whole on them?

    python benchmarks/train_suspects.py FOLDER [--images 1500] [--share 0.05] [--save]

Of the class folders in FOLDER some images are copied, and this share of them into the folder of
another class. efficientnet_lite0 of its package is trained on them at 96 pixels: its head alone,
and all of it. Heads that have not seen an image then judge the labels of the training images.
Prints one JSON line for each; --save appends it to results/train_suspects.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machines import keep, machine

import striate
from striate.training.run import Run
from striate.verbs.judging import evaluate_in_full

TRAININGS: dict[str, dict[str, Any]] = {
    "frozen": {"freeze": "all", "epochs": 10},
    "trained whole": {"freeze": "none", "epochs": 6},
}
FIRST = 24  #: suspects that are looked at first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        photos = Path(home) / "photos"
        wrong = copy_some(asked.folder, photos, asked.images, asked.share)
        for name in TRAININGS:
            line = json.dumps({**about(asked), "training": name, **measure(photos, wrong, name)})
            print(line, flush=True)
            if asked.save:
                keep("train_suspects", line)


def copy_some(source: Path, home: Path, images: int, share: float) -> set[str]:
    """Copy images with a share of wrong labels; return the paths of those."""
    random = np.random.default_rng(0)
    classes = sorted(folder for folder in source.iterdir() if folder.is_dir())
    wrong = set[str]()
    for place, folder in enumerate(classes):
        files = sorted(folder.iterdir())
        for at in random.permutation(len(files))[: images // len(classes)].tolist():
            flipped = random.random() < share
            moved = int(random.integers(1, len(classes))) if flipped else 0
            label = classes[(place + moved) % len(classes)].name
            path = f"{label}/{folder.name}-{files[at].name}"
            (home / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(files[at], home / path)
            wrong |= {path} if flipped else set()
    return wrong


def measure(photos: Path, wrong: set[str], name: str) -> dict[str, Any]:
    """Train, and compare the suspects among the training images with the wrong labels."""
    run = photos.parent / name.replace(" ", "-")
    options = {"network": "efficientnet_lite0", "weights": "package", "size": 96, "seed": 0}
    striate.train(photos, out=run, progress=False, threads=1, **options, **TRAININGS[name])
    rows = map(json.loads, Run(run).images_file.read_text("utf-8").splitlines())
    learned = {row["path"] for row in rows if row["split"] == "train"}
    found = (
        evaluate_in_full(run, split="train", suspects=photos.parent / "s.csv")
        .suspects["train"]
        .found
    )
    hits = [suspect.path in wrong for suspect in found]
    planted = len(wrong & learned)
    return {
        "test_accuracy": round(striate.evaluate(run).accuracy.value, 3),
        "train_accuracy": round(striate.evaluate(run, split="train").accuracy.value, 3),
        "train_images": len(learned),
        "wrong": planted,
        "suspects": len(found),
        "wrong_found": sum(hits),
        "wrong_among_first": sum(hits[:FIRST]),
        "wrong_among_as_many_as_wrong": sum(hits[:planted]),
    }


def about(asked: argparse.Namespace) -> dict[str, Any]:
    """What was measured, and where."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": asked.folder.name,
        "machine": machine(),
        "versions": {"striate": striate.__version__},
    }


if __name__ == "__main__":
    main()
