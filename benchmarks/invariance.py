"""How long does it take to distort 500 images in eleven ways and judge ResNet-18 on all of them?

    python benchmarks/invariance.py [--images 500] [--side 128] [--network resnet18] [--save]

Images of smooth noise in two classes, a network with random weights: neither changes the work. The
cache of decoded images is empty at first. Prints one JSON line; --save appends it to
results/invariance.jsonl.
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
import torch
from machines import keep, machine
from PIL import Image

import striate
from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.hardware import to_device
from striate.model import Model
from striate.tasks import bind_task
from striate.verbs.invariance import measure_invariance
from striate.zoo.spec import NetworkSpec

CLASSES = ("one", "other")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    line = json.dumps(measure(asked.images, asked.side, asked.network))
    print(line, flush=True)
    if asked.save:
        keep("invariance", line)


def measure(images: int, side: int, network: str) -> dict[str, Any]:
    """Seconds from a folder of images to every curve."""
    model = make_model(network, side)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STRIATE_CACHE"] = f"{folder}/cache"
        photos = make_photos(Path(folder) / "photos", images, side)
        began = time.perf_counter()
        found = measure_invariance(model, photos, images=images, split="all")
        seconds = time.perf_counter() - began
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": f"{images} images of {side}x{side}",
        "network": network,
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
        "passes": images * (1 + len(found.points) - len(found.kinds)),
        "seconds": round(seconds, 1),
    }


def make_model(network: str, side: int) -> Model:
    torch.manual_seed(0)
    made = to_device(zoo.build(network, channels=3, classes=len(CLASSES)), "cpu").eval()
    view = Preprocess(side, 3, "stretch", (0.5,) * 3, (0.25,) * 3)
    task = bind_task(None, TargetSpec("label", CLASSES, {}))
    return Model(made, NetworkSpec.of(network), task, view, SplitFractions(0.1, 0.2))


def make_photos(folder: Path, images: int, side: int) -> Path:
    random = np.random.default_rng(0)
    for number in range(images):
        place = folder / CLASSES[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8))
        small.resize((side, side), Image.Resampling.BICUBIC).save(place / f"{number}.jpg")
    return folder


if __name__ == "__main__":
    main()
