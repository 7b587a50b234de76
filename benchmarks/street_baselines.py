"""What street scenes give without a network: a constant answer, and a forest on color and position.

    python benchmarks/street_baselines.py ARCHIVE [--save]

For recipes/tasks/street-masks.toml, on the same test images at the size of its input: the most
frequent class of the training images everywhere, and a random forest that sees red, green, blue,
row and column of a pixel. Intervals are bootstraps over images, as those of `striate evaluate`.
Prints one JSON line; --save appends it to results/street_baselines.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from machines import HERE, keep, machine
from numpy.typing import NDArray
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from task_data import DATA

import striate
from striate.data.listing.samples import IGNORE
from striate.metrics.masks import areas, confusion, estimate_masks

RECIPE = HERE / "recipes" / "tasks" / "street-masks.toml"
CLASSES = 11  #: and value 11: ignored
PIXELS = 300  #: of a training image, that the forest learns from
FOREST = {"n_estimators": 60, "min_samples_leaf": 4, "random_state": 0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    if not asked.archive.is_file():
        parser.error(f"no file {asked.archive}")
    size = tomllib.loads(RECIPE.read_text("utf-8"))["size"]
    with tempfile.TemporaryDirectory(prefix="street-") as temporary:
        folder = DATA["street-masks"].make(asked.archive, Path(temporary) / "streets")
        record = {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "data": "street-masks",
            "size": size,
            "machine": machine(),
            "versions": {"striate": striate.__version__, "scikit-learn": sklearn.__version__},
            "answers": {
                "always the most frequent class": constant(folder, size),
                "forest on color and position": forest(folder, size),
            },
        }
    line = json.dumps(record)
    print(line, flush=True)
    if asked.save:
        keep("street_baselines", line)


def constant(folder: Path, size: int) -> dict[str, Any]:
    """Answer with the most frequent class of the training images."""
    counts = sum(
        np.bincount(mask.ravel(), minlength=256) for _, mask in read(folder, "train", size)
    )
    most = int(np.argmax(counts[:CLASSES]))
    return figures((np.full_like(mask, most), mask) for _, mask in read(folder, "test", size))


def forest(folder: Path, size: int) -> dict[str, Any]:
    """Answer with a random forest's class of a pixel from its color and position."""
    start, chance = time.perf_counter(), np.random.default_rng(0)
    seen: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.uint8]] = []
    for pixels, mask in read(folder, "train", size):
        counted = np.flatnonzero(mask != IGNORE)
        chosen = chance.choice(counted, PIXELS, replace=False)
        seen.append(features(pixels)[chosen])
        labels.append(mask.ravel()[chosen])
    trees = RandomForestClassifier(**FOREST).fit(np.concatenate(seen), np.concatenate(labels))
    found = figures(
        (trees.predict(features(pixels)).reshape(mask.shape).astype(np.uint8), mask)
        for pixels, mask in read(folder, "test", size)
    )
    return {**found, "minutes": (time.perf_counter() - start) / 60}


def features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W, 3) -> (H W, 5): red, green, blue, row and column."""
    rows, columns = np.indices(pixels.shape[:2])
    return np.dstack([pixels, rows, columns]).reshape(-1, 5).astype(np.float32)


def figures(pairs: Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> dict[str, Any]:
    """Return mean IoU and its companions of predicted and true masks."""
    pixels = np.stack([areas(confusion(true, said, CLASSES, IGNORE)) for said, true in pairs])
    found = estimate_masks(pixels)
    named = ("mean_iou", "pixel_accuracy", "weighted_iou")
    return {
        name: {"value": each.value, "low": each.low, "high": each.high, "images": each.n}
        for name, each in ((name, getattr(found, name)) for name in named)
    }


def read(
    folder: Path, split: str, size: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield images and masks with a longer side of `size`, resized as the network's input."""
    for image, mask in pairs(folder, split):
        with Image.open(image) as opened, Image.open(mask) as drawn:
            share = size / max(opened.size)
            small = round(opened.width * share), round(opened.height * share)
            pixels = np.asarray(opened.convert("RGB").resize(small, Image.Resampling.BILINEAR))
            values = np.array(drawn.resize(small, Image.Resampling.NEAREST))
        values[values == CLASSES] = IGNORE
        yield pixels, values


def pairs(folder: Path, split: str) -> list[tuple[Path, Path]]:
    """Return the images of a split, each with its mask."""
    images = sorted((folder / split / "images").iterdir())
    return [(path, folder / split / "masks" / f"{path.stem}.png") for path in images]


if __name__ == "__main__":
    main()
