"""Are images of classes that no network was trained on told apart, and by what?

    python benchmarks/new_classes.py NAME ARCHIVE [--seeds N] [--save]

task_data.py makes the images of an archive: garments-new, digits-new, digits-turned, with classes
of their own in each split. Judged on its test images, all of new classes: the pixels (32x32,
without their mean), 64 principal components of the training pixels, the features before the head of
the embedding, and the embedding that `striate train` makes with recipes/tasks/NAME.toml, by N
seeds. Prints one JSON line: recall at 1 and the area under the ROC curve of pairs, with 95 %
intervals; --save appends it to results/new_classes.jsonl.
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

import numpy as np
from machines import keep, machine
from numpy.typing import NDArray
from PIL import Image
from task_data import DATA

import striate
from striate.tasks.embedding.results import make_results
from striate.tasks.results import About
from tasks import RECIPES

SETS = [name for name, each in DATA.items() if each.task == "embedding"]
SIDE, COMPONENTS = 32, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=SETS)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.environ["STRIATE_CACHE"] = str(Path(place) / "cache")
        data = DATA[asked.name].make(asked.archive, Path(place) / asked.name)
        line = json.dumps(measure(asked.name, data, Path(place), asked.seeds))
    print(line, flush=True)
    if asked.save:
        keep("new_classes", line)


def measure(name: str, data: Path, place: Path, seeds: int) -> dict[str, Any]:
    """Judge what tells the test images apart without any training, then each training."""
    train, _ = pixels(data / "train")
    test, labels = pixels(data / "test")
    found = {"pixels": judge(test - test.mean(axis=0), labels)}
    mean = train.mean(axis=0)
    _, _, axes = np.linalg.svd(train - mean, full_matrices=False)
    found["principal components"] = judge((test - mean) @ axes[:COMPONENTS].T, labels)
    trained = list[dict[str, Any]]()
    for seed in range(seeds):
        began = time.process_time()
        run = striate.train(
            data, recipe=RECIPES / f"{name}.toml", seed=seed, threads=1, out=place / f"run{seed}"
        )
        minutes = (time.process_time() - began) / 60
        results = striate.evaluate(run.model_file, data, split="test")
        scores = {score.figure.name: score.value for score in results.scores()}
        trained.append({"seed": seed, "cpu_minutes": round(minutes, 2), **scores})
        if seed == 0:
            found["embedding"] = described(results)
            vectors = striate.embed(run.model_file, data)
            mine = np.array(vectors.split_names) == "test"
            found["features before the head"] = judge(vectors.features[mine], vectors.labels[mine])
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": name,
        "images": len(labels),
        "classes": len(np.unique(labels)),
        "found": found,
        "seeds": trained,
        "machine": machine(),
    }


def pixels(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return all images of class folders as rows of pixels, and their labels."""
    rows, labels = list[NDArray[np.float32]](), list[int]()
    for label, home in enumerate(sorted(folder.iterdir())):
        for path in sorted(home.iterdir()):
            small = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
            rows.append(np.asarray(small, np.float32).ravel() / 255)
            labels.append(label)
    return np.stack(rows), np.array(labels)


def judge(vectors: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> dict[str, Any]:
    """Return the figures of vectors, as those of an embedding."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    names = tuple(map(str, range(int(labels.max()) + 1)))
    about = About("vectors", "test", names * len(labels))
    return described(make_results(unit, labels, names, np.array([], int), 0.0, 0.01, about))


def described(results: Any) -> dict[str, Any]:
    return {
        score.figure.name: {"value": score.value, "low": score.low, "high": score.high}
        for score in results.scores()
    }


if __name__ == "__main__":
    main()
