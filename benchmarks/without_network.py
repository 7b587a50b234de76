"""What is reached without a network on the data of benchmarks/tasks.py.

    python benchmarks/without_network.py NAME ARCHIVE [--save]

From 16x16 pixels of an image, all samples of a signal, or how often each word of six letters stands
in a sequence: a class, labels or numbers by a logistic or a ridge regression, whose penalty is the
best on the validation images, or on every sixth training image where there are none; what is no
good image, and of which new class one is, by the nearest other image; pictures as plain_pictures.py
says. Prints one JSON line; --save appends it to results/without_network.jsonl, which tables.py sets
beside the networks.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from machines import keep, machine
from numpy.typing import NDArray
from PIL import Image
from plain_pictures import PICTURES, answer_pictures
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import pairwise_distances
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from task_data import DATA

import striate
from striate.data.readers.scan import scan
from striate.metrics.binary import estimate_area_under_roc
from striate.metrics.labels import estimate_ranking
from striate.metrics.values import estimate_errors
from striate.tasks import kind_of

SIDE = 16
STRENGTHS = np.logspace(-7, 1, 9)  #: of the data against the penalty
LINEAR = ("classification", "multilabel", "regression")
NEAREST = ("anomaly", "embedding")

Floats = NDArray[np.floating[Any]]


def main() -> None:
    names = [name for name, data in DATA.items() if data.task in LINEAR + NEAREST + PICTURES]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=names)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.archive.is_file():
        parser.error(f"no file {asked.archive}")
    line = json.dumps(measured(asked.name, asked.archive))
    print(line, flush=True)
    if asked.save:
        keep("without_network", line)


def measured(name: str, archive: Path) -> dict[str, Any]:
    task = DATA[name].task
    with tempfile.TemporaryDirectory(prefix="plain-") as place:
        began = time.process_time()
        data = DATA[name].make(archive, Path(place) / name)
        found = answer_pictures(name, data) if task in PICTURES else answer_rows(data, task)
        return {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": name,
            "task": task,
            **found,
            "cpu_minutes": round((time.process_time() - began) / 60, 3),
            "machine": machine(),
            "versions": {"striate": striate.__version__, "scikit-learn": sklearn.__version__},
        }


def answer_rows(data: Path, task: str) -> dict[str, Any]:
    """Return the way and its leading figure on the test images."""
    rows, targets, splits = read(data, task)
    if task in LINEAR:
        return {"way": "linear model", "value": learned(task, rows, targets, splits)}
    return {"way": "nearest image", "value": nearest(task, rows, targets, splits)}


def read(data: Path, task: str) -> tuple[Floats, NDArray[Any], NDArray[np.str_]]:
    """Return pixels (N, 768), samples or counts of words, targets, and the split of each image."""
    listing = scan(data, kind_of(task))
    if listing.inputs == "sequence":
        assert listing.arrays is not None
        rows = words(listing.arrays[..., 0])
    elif listing.arrays is not None:
        rows = listing.arrays.reshape(len(listing.samples), -1)
    else:
        rows = np.stack([few_pixels(listing.root / sample.path) for sample in listing.samples])
    splits = np.array([sample.split for sample in listing.samples], "U10")
    if "validation" not in splits:
        splits[np.flatnonzero(splits == "train")[::6]] = "validation"
    return rows, listing.targets.values, splits


def words(codes: NDArray[np.uint8]) -> Floats:
    """Count words of six letters, each together with that of the other strand: (N, 2080)."""
    import motifs

    return motifs.count_kmers(codes, 6)


def few_pixels(path: Path) -> Floats:
    with Image.open(path) as image:
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float64).ravel() / 255


def nearest(task: str, rows: Floats, targets: NDArray[Any], splits: NDArray[np.str_]) -> float:
    """Return AUROC or recall at 1 on the test images, by distances of their rows."""
    test, labels = rows[splits == "test"], targets[splits == "test"]
    if task == "embedding":
        apart = pairwise_distances(test)
        np.fill_diagonal(apart, np.inf)
        return float((labels[apart.argmin(axis=1)] == labels).mean())
    good = splits == "train"
    odd = pairwise_distances(test, rows[good]).min(axis=1)
    return estimate_area_under_roc(odd, labels != targets[good][0]).value


def learned(task: str, pixels: Floats, targets: NDArray[Any], splits: NDArray[np.str_]) -> float:
    """Return the leading figure of the task on the test images."""
    parts = [(pixels[splits == part], targets[splits == part])
             for part in ("train", "validation", "test")]  # fmt: skip
    (x, y), validation, test = parts
    models = [fitted(task, strength, x, y) for strength in STRENGTHS]
    sign = -1 if task == "regression" else 1
    best = max(models, key=lambda model: sign * figure(task, model, *validation))
    return figure(task, best, *test)


def fitted(task: str, strength: float, x: Floats, y: NDArray[Any]) -> Any:
    if task == "regression":
        return make_pipeline(StandardScaler(), Ridge(alpha=1 / strength)).fit(x, y)
    model = LogisticRegression(C=strength, max_iter=2000)
    model = OneVsRestClassifier(model) if task == "multilabel" else model
    return make_pipeline(StandardScaler(), model).fit(x, y)


def figure(task: str, model: Any, x: Floats, y: NDArray[Any]) -> float:
    if task == "classification":
        return float((model.predict(x) == y).mean())
    if task == "multilabel":
        return estimate_ranking(model.predict_proba(x), y.astype(bool)).mean.value
    columns = estimate_errors(model.predict(x).reshape(y.shape), y, resamples=1).columns
    return float(np.mean([errors.mae.value for errors in columns]))


if __name__ == "__main__":
    main()
