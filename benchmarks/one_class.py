"""Is what does not belong found by a network that saw good images alone?

    python benchmarks/one_class.py NAME FOLDER [--train N] [--test N] [--save]

FOLDER holds train and test folders of classes. Each class is good in turn: `striate train --task
anomaly` learns from up to N of its training images, a sixth of which set the limit, and sees no
other image. Judged on up to N test images of each class by the AUROC of good against all others,
beside what is no network: the distance to the nearest good image in pixels (32x32), and what 90 %
of the variance of the good pixels leaves out; and beside the nearest good image by the same
features, pooled, without any training. Prints one JSON line; --save appends it to
results/one_class.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from machines import keep, machine, say
from new_classes import pixels
from numpy.typing import NDArray

import striate
from striate.metrics.binary import estimate_area_under_roc
from striate.metrics.estimates import Estimate

OPTIONS = {
    "task": "anomaly",
    "network": "patches:efficientnet_lite0",
    "weights": "package",
    "size": 128,
    "epochs": 20,
    "batch": 8,
    "optimizer": "adamw",
    "learning_rate": 0.02,
    "autotune": "no",
    "threads": 1,
    "test": 0.0,
}
KEPT = 0.9  #: share of the variance of good pixels that the components hold

Vectors = NDArray[np.floating[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--test", type=int, default=50)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    classes = sorted(each.name for each in (asked.folder / "train").iterdir() if each.is_dir())
    rows = list[dict[str, Any]]()
    for good in classes:
        with tempfile.TemporaryDirectory() as place:
            os.environ["STRIATE_CACHE"] = str(Path(place) / "cache")
            row = measure(asked, good, classes, Path(place))
        say(f"{good}: {row['area']['anomaly']['value']:.3f}")
        rows.append(row)
    record = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": asked.name,
        "train": asked.train,
        "test": asked.test,
        "classes": rows,
        "machine": machine(),
    }
    print(json.dumps(record), flush=True)
    if asked.save:
        keep("one_class", json.dumps(record))


def measure(
    asked: argparse.Namespace, good: str, classes: list[str], place: Path
) -> dict[str, Any]:
    """Learn one class, and judge every way on the test images."""
    data = place / "data"
    for part, names, most in (("train", [good], asked.train), ("test", classes, asked.test)):
        for name in names:
            (data / part / name).mkdir(parents=True)
            for path in sorted((asked.folder / part / name).iterdir())[:most]:
                shutil.copy(path, data / part / name)
    began = time.process_time()
    run = striate.train(data, out=place / "run", **OPTIONS)
    minutes = (time.process_time() - began) / 60
    results: Any = striate.evaluate(run.model_file, data, split="test")
    odd = ~results.is_good
    vectors = striate.embed(run.model_file, data)
    splits = np.array(vectors.split_names)
    learned, judged = vectors.features[splits != "test"], vectors.features[splits == "test"]
    known, _ = pixels(data / "train")
    new, labels = pixels(data / "test")
    truth = labels != sorted(classes).index(good)
    center = known.mean(axis=0)
    area = {
        "pixels": estimate_area_under_roc(farness(known - center, new - center), truth),
        "principal components": estimate_area_under_roc(left_out(known, new), truth),
        "nearest by features": estimate_area_under_roc(farness(learned, judged), odd),
        "anomaly": results.area,
    }
    shares = {"good_rejected": results.rejected, "others_found": results.found}
    return {
        "class": good,
        "good": int((~odd).sum()),
        "others": int(odd.sum()),
        "cpu_minutes": round(minutes, 2),
        "area": {way: described(each) for way, each in area.items()},
        **{name: described(each) for name, each in shares.items()},
    }


def described(each: Estimate) -> dict[str, Any]:
    return {"value": each.value, "low": each.low, "high": each.high}


def farness(known: Vectors, new: Vectors) -> Vectors:
    """Return 1 - cosine of each new vector with the nearest known one."""
    one, other = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
                  for rows in (new, known))  # fmt: skip
    return 1 - (one @ other.T).max(axis=1)


def left_out(known: Vectors, new: Vectors) -> Vectors:
    """Return the squared length of what the components of known vectors leave of new ones."""
    center = known.mean(axis=0)
    _, spread, axes = np.linalg.svd(known - center, full_matrices=False)
    share = np.cumsum(spread**2) / (spread**2).sum()
    kept = axes[: int((share < KEPT).sum()) + 1]
    rest = new - center - (new - center) @ kept.T @ kept
    return (rest**2).sum(axis=1)


if __name__ == "__main__":
    main()
