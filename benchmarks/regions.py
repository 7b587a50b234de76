"""Which regions cover the objects of an image, and what it takes to look at each of them.

    python benchmarks/regions.py FOLDER RUN [--save]

FOLDER is one of Pascal VOC: task_data.py makes it of BCCD. RUN is that of a detector, or its model,
trained on its train split. Of the validation images it counts the true boxes that one of the first
regions overlaps by half: of those that its network proposes, of `striate.vision.propose_regions`,
of windows as large as boxes of the train split at random places, and of boxes with random corners,
both the same for every image. Intervals are of images drawn anew. Then regions of one image are
looked at in two ways: the stages of `regions:resnet18` once, and its head for every region; or
`resnet18` for every region, cut out and resized to 224 pixels, in batches of 32, as R-CNN did. All
on one thread, in processor seconds.
Prints one JSON line; --save appends it to results/regions.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import torch
from machines import keep, machine, say
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

import striate
from striate import zoo
from striate.layers import find_overlaps
from striate.model import Model
from striate.vision import propose_regions

COUNTS = (1, 3, 10, 30, 100, 300, 1000)  #: of regions that may cover an object
LOOKS = (1, 10, 100, 1000)  #: of regions that are looked at
ROUNDS, CROP, BATCH = 3, 224, 32
Boxes = NDArray[np.float64]
#: an image (H, W, 3) -> regions (n, 4), the likeliest first
Propose = Callable[[NDArray[np.uint8]], Boxes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    line = json.dumps(measure(asked.folder, asked.run))
    print(line, flush=True)
    if asked.save:
        keep("regions", line)


def measure(folder: Path, run: Path) -> dict[str, Any]:
    model = striate.load(run)
    assert isinstance(model, Model)
    names, learned_from = read_split(folder, "val"), read_split(folder, "train")
    sizes = np.concatenate([read_boxes(folder, name) for name in learned_from])
    ways = proposers(model, sizes[:, 2:] - sizes[:, :2])
    firsts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in ways}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number, name in enumerate(names):
        image = read_image(folder, name)
        for way, propose in ways.items():
            began = time.process_time()
            regions = propose(image)
            seconds[way].append(round(time.process_time() - began, 3))
            firsts[way].append(first_cover(read_boxes(folder, name), regions))
        say(f"{number + 1} of {len(names)} images")
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "blood-boxes",
        "network": model.network_name,
        "size": model.preprocess.size,
        "images": len(names),
        "boxes": sum(map(len, firsts["learned"])),
        "recall": {way: recalls(found) for way, found in firsts.items()},
        "seconds": {way: float(np.median(taken)) for way, taken in seconds.items()},
        "looks": look_costs(read_image(folder, names[0]), ways["windows"]),
        "threads": 1,
        "machine": machine(),
        "versions": {"striate": striate.__version__, "torch": torch.__version__},
    }


def read_split(folder: Path, split: str) -> list[str]:
    return (folder / "ImageSets" / "Main" / f"{split}.txt").read_text().split()


def read_image(folder: Path, name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(folder / "JPEGImages" / f"{name}.jpg").convert("RGB"))


def read_boxes(folder: Path, name: str) -> Boxes:
    objects = ET.parse(folder / "Annotations" / f"{name}.xml").iter("object")
    sides = ("xmin", "ymin", "xmax", "ymax")
    return np.array([[float(each.findtext(f"bndbox/{side}", "")) for side in sides]
                     for each in objects]).reshape(-1, 4)  # fmt: skip


def proposers(model: Model, sizes: Boxes) -> dict[str, Propose]:
    """What proposes regions, by name; `sizes` (n, 2) are those of boxes to train on."""
    most, sizes = max(COUNTS), sizes[(sizes >= 1).all(axis=1)]
    model.network.head.proposals.most = most

    def learned(image: NDArray[np.uint8]) -> Boxes:
        pixels = torch.from_numpy(model.preprocess.to_array(Image.fromarray(image)).copy())
        with torch.inference_mode():
            regions = model.outputs(pixels[None]).proposals[0].double().numpy()
        return model.preprocess.restore_boxes(regions, image.shape[1], image.shape[0])

    def windows(image: NDArray[np.uint8]) -> Boxes:
        random = np.random.default_rng(0)
        chosen = sizes[random.integers(0, len(sizes), most)]
        corners = random.random((most, 2)) * (np.array(image.shape[1::-1]) - chosen)
        return np.concatenate((corners, corners + chosen), axis=1)

    def boxes(image: NDArray[np.uint8]) -> Boxes:
        corners = np.random.default_rng(0).random((most, 2, 2)) * image.shape[1::-1]
        return np.sort(corners, axis=1).reshape(-1, 4)

    return {"learned": learned, "search": propose_regions, "windows": windows, "random": boxes}


def first_cover(true: Boxes, regions: Boxes) -> NDArray[np.int64]:
    """Return for each true box how many regions it takes until one overlaps it by half."""
    covers = find_overlaps(torch.from_numpy(true), torch.from_numpy(regions)).numpy() >= 0.5
    return np.where(covers.any(axis=1), covers.argmax(axis=1) + 1, np.iinfo(np.int64).max)


def recalls(firsts: list[NDArray[np.int64]]) -> dict[str, dict[str, float]]:
    """Return the share of true boxes that are covered, by the number of regions."""
    random, found = np.random.default_rng(0), dict[str, dict[str, float]]()
    there = np.array([len(each) for each in firsts])
    drawn = random.integers(0, len(firsts), (1000, len(firsts)))
    for count in COUNTS:
        covered = np.array([(each <= count).sum() for each in firsts])
        again = covered[drawn].sum(axis=1) / there[drawn].sum(axis=1)
        low, high = np.quantile(again, (0.025, 0.975))
        value = covered.sum() / there.sum()
        found[str(count)] = {
            "value": round(float(value), 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
        }
    return found


def look_costs(image: NDArray[np.uint8], windows: Propose) -> dict[str, dict[str, list[float]]]:
    """Return the processor seconds of each way to look at regions, by their number."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    regions = torch.from_numpy(windows(image)).float()
    detector = zoo.build("regions:resnet18").eval().to(memory_format=torch.channels_last)
    classifier = zoo.build("resnet18").eval().to(memory_format=torch.channels_last)
    costs: dict[str, dict[str, list[float]]] = {"once": {}, "each": {}}
    with torch.inference_mode():
        look_once(detector, pixels, regions[:1])
        for count in LOOKS:
            chosen = regions[:count]
            for _ in range(ROUNDS if count < max(LOOKS) else 1):
                began = time.process_time()
                look_once(detector, pixels, chosen)
                middle = time.process_time()
                look_at_each(classifier, pixels, chosen)
                taken = middle - began, time.process_time() - middle
                for way, one in zip(costs, taken, strict=True):
                    costs[way].setdefault(str(count), []).append(round(one, 3))
            say(f"{count} regions: {costs}")
    return costs


def look_once(detector: Any, image: Tensor, regions: Tensor) -> Tensor:
    """Compute the map of an image (1, 3, H, W) once, then the classes of regions (n, 4)."""
    head = detector.head
    map_ = head.neck(detector.maps(image)[::-1])
    return head.classes(head.regions(head.cut(map_, regions[None])))


def look_at_each(classifier: Any, image: Tensor, regions: Tensor) -> list[Tensor]:
    """Compute the classes of regions (n, 4) from the pixels of each."""
    found = list[Tensor]()
    for some in regions.split(BATCH):
        crops = [
            F.interpolate(image[:, :, top:low, left:right], (CROP, CROP), mode="bilinear")
            for left, top, right, low in some.round().int().tolist()
        ]
        found.append(classifier(torch.cat(crops)))
    return found


if __name__ == "__main__":
    main()
