"""Does a classifier gain by images that a generator makes of those it is trained on?

    python benchmarks/augment_with.py [--classes 20 100 0] [--seeds N] [--save]

Digits of src/striate/data/samples/digits.npz: 1,500 to test, 200 to validate, and of the others so
many of each class to train on, drawn by the seed; 0 for all. A conditional DCGAN learns from these
and is judged by the same 200. Then LeNet-5 learns from them with nothing added, with the usual
augmentation, with as many generated images, and with both; each sees as many images in all. Where
all are taken, one generator serves every seed. Prints a JSON line for each number of images, with
the test accuracy of each training; --save appends it to results/augment_with.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from machines import HERE, keep, machine
from PIL import Image

import striate

DIGITS = HERE.parent / "src" / "striate" / "data" / "samples" / "digits.npz"
TEST, VALIDATION = 1500, 200
WIDTH, BATCH = 16, 16  #: of the generator
ARMS = {
    "nothing": {"augment": "none"},
    "usual augmentation": {},
    "generated images": {"augment": "none", "made": True},
    "both": {"made": True},
}


class Budget(NamedTuple):
    """How long the networks learn."""

    epochs: int  #: of the generator
    seen: int  #: images that a classifier sees in all


BUDGETS = {20: Budget(100, 16_000), 100: Budget(30, 40_000), 0: Budget(15, 80_000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--classes", type=int, nargs="+", choices=BUDGETS, default=list(BUDGETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    for count in asked.classes:
        with tempfile.TemporaryDirectory() as place:
            os.environ["STRIATE_CACHE"] = str(Path(place) / "cache")
            line = json.dumps(measured(count, asked.seeds, Path(place)))
        print(line, flush=True)
        if asked.save:
            keep("augment_with", line)


def measured(count: int, seeds: int, place: Path) -> dict[str, Any]:
    accuracy: dict[str, list[float]] = {arm: [] for arm in ARMS}
    distances, minutes, images = list[float](), 0.0, 0
    generator: striate.Run | None = None
    for seed in range(seeds):
        data = place / (f"digits{seed}" if count else "digits")
        if not data.exists():
            images = written(data, count, seed)
            generator, took = trained_generator(data, count, seed, place / f"generator{seed}")
            minutes += took
            told = generator.read_json("evaluation.json")
            distances.append(told["frechet_distance"]["value"])
        assert generator
        for arm, settings in ARMS.items():
            run = classifier(data, count, images, seed, generator, settings, place / f"{seed}{arm}")
            accuracy[arm].append(run.read_json("evaluation.json")["accuracy"]["value"])
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": f"digits, {count} of each class" if count else "digits, all",
        "images": {"train": images, "validation": VALIDATION, "test": TEST},
        "accuracy": accuracy,
        "generator": {
            "network": f"dcgan(width={WIDTH})",
            "epochs": BUDGETS[count].epochs,
            "frechet_distance": distances,
            "cpu_minutes": round(minutes / len(distances), 2),
        },
        "machine": machine(),
    }


def written(folder: Path, count: int, seed: int) -> int:
    """Write the digits, a folder for each class in one for each split; return those to train on."""
    with np.load(DIGITS) as arrays:
        pixels, labels = arrays["x"], arrays["y"]
    order = np.random.default_rng(0).permutation(len(labels))
    test, validation, train = np.split(order, [TEST, TEST + VALIDATION])
    if count:
        train = np.random.default_rng(seed).permutation(train)
        train = np.concatenate([train[labels[train] == label][:count] for label in range(10)])
    for split, rows in (("train", train), ("validation", validation), ("test", test)):
        for row in rows.tolist():
            home = folder / split / str(labels[row])
            home.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[row].squeeze()).save(home / f"{row:04}.png")
    return len(train)


def trained_generator(data: Path, count: int, seed: int, out: Path) -> tuple[striate.Run, float]:
    """Return the run of a generator, and its minutes of a processor."""
    began = time.process_time()
    run = striate.train(
        data, task="conditional_generation", network=f"dcgan(width={WIDTH})", size=32,
        batch=BATCH, epochs=BUDGETS[count].epochs, seed=seed, autotune="no", threads=1, out=out,
        progress=False,
    )  # fmt: skip
    return run, (time.process_time() - began) / 60


def classifier(
    data: Path,
    count: int,
    images: int,
    seed: int,
    generator: striate.Run,
    settings: dict[str, Any],
    out: Path,
) -> striate.Run:
    """Train LeNet-5 as one of the arms; each sees as many images in all."""
    options = dict(settings)
    made = options.pop("made", False)
    if made:
        options["augment_with"] = generator.folder
    return striate.train(
        data, network="lenet5", size=32, batch=32, seed=seed, autotune="no", threads=1, out=out,
        epochs=BUDGETS[count].seen // (images * (1 + made)), progress=False, **options,
    )  # fmt: skip


if __name__ == "__main__":
    main()
