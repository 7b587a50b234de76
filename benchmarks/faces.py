"""How well are faces found by a classifier of 200 crops, and how often where there is none?

    python benchmarks/faces.py FOLDER [--rounds N] [--draw FILE] [--save]

FOLDER is skimage/data of an installed scikit-image, which holds lfw_subset.npy (100 faces and 100
crops without one, 25x25 pixels, of Labeled Faces in the Wild) and photographs. LeNet-5 learns from
four of five crops of each kind, by content; then windows of photographs without a person that it
takes for faces are given it as further crops without one, N times. Judged on the other crops, on
photographs that it was not given, and on the portrait of an astronaut, as `slide_sizes` finds faces
of any size. Prints one JSON line; --draw writes the portrait with its boxes; --save appends the
line to results/faces.jsonl.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machines import keep, machine, say
from numpy.typing import NDArray
from PIL import Image

import striate
from striate.metrics.estimates import from_hits
from striate.plotting.labeled_boxes import LabeledBox, draw_labeled_boxes
from striate.prediction.scales import SizedMatches, slide_sizes

#: photographs without a face that false alarms are learned from
LEARNED = ("coffee.png", "brick.png", "grass.png", "page.png", "coins.png", "hubble_deep_field.jpg")
#: others, in which they are counted
COUNTED = ("rocket.jpg", "chelsea.png", "gravel.png", "motorcycle_left.png", "moon.png", "text.png")
#: where the face of the astronaut is: left, top, right, bottom
FACE = (177, 68, 275, 178)
SMALLEST, THRESHOLD, MOST = 32, 0.9, 300
OPTIONS = {
    "network": "lenet5",
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "batch": 16,
    "epochs": 30,
    "threads": 1,
    "autotune": "no",
    "augment": "light",
    "augment_params": "hflip=yes,vflip=no",
    "test": 0.0,
}

Pixels = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.environ["STRIATE_CACHE"] = str(Path(place) / "cache")
        record, drawn = measure(asked.folder, Path(place), asked.rounds)
    print(json.dumps(record), flush=True)
    if asked.draw:
        drawn.save(asked.draw)
    if asked.save:
        keep("faces", json.dumps(record))


def measure(folder: Path, place: Path, rounds: int) -> tuple[dict[str, Any], Image.Image]:
    """Train, give it its false alarms, and judge it after each round."""
    crops = np.rint(np.load(folder / "lfw_subset.npy") * 255).astype(np.uint8)
    data, held = place / "crops", list[tuple[Path, str]]()
    for number, crop in enumerate(crops):
        kind, part = "face" if number < len(crops) // 2 else "none", number % 5
        home = data / ("test" if part == 0 else "train") / kind
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(crop).save(home / f"{number:03}.png")
        if part == 0:
            held.append((home / f"{number:03}.png", kind))
    history = list[dict[str, Any]]()
    portrait = Image.open(folder / "astronaut.png").convert("RGB")
    drawn = portrait
    for turn in range(rounds + 1):
        run = striate.train(data, out=place / f"run{turn}", **OPTIONS)
        model = striate.load(run.model_file)
        found = search(model, np.asarray(portrait.convert("L")))
        row = {"round": turn, **judged(model, held), **located(found)}
        row |= alarms(model, folder)
        say(json.dumps(row))
        history.append(row)
        drawn = Image.fromarray(
            draw_labeled_boxes(np.asarray(portrait), [
                LabeledBox(tuple(box), f"face {score:.2f}", (214, 0, 108))
                for box, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True)
            ])
        )  # fmt: skip
        learn_from(model, folder, data / "train" / "none", turn)
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "data": "lfw_subset",
        "threshold": THRESHOLD,
        "nearest_crop": nearest(crops),
        "rounds": history,
        "machine": machine(),
    }, drawn


def search(model: Any, gray: Pixels) -> SizedMatches:
    return slide_sizes(model, gray, "face", smallest=SMALLEST, threshold=THRESHOLD)


def judged(model: Any, held: list[tuple[Path, str]]) -> dict[str, Any]:
    """Return the share of the crops held out that are answered rightly."""
    answers = striate.predict(model, [str(path) for path, _ in held])
    right = sum(one.class_name == kind for one, (_, kind) in zip(answers, held, strict=True))
    share = from_hits(right, len(held))
    return {"crops": len(held), "right": share.value, "low": share.low, "high": share.high}


def nearest(crops: Pixels) -> dict[str, Any]:
    """Return the share of the crops held out whose nearest other crop by pixels is of its kind."""
    rows = crops.reshape(len(crops), -1).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    kinds, held = np.arange(len(crops)) < len(crops) // 2, np.arange(len(crops)) % 5 == 0
    found = kinds[~held][(rows[held] @ rows[~held].T).argmax(axis=1)]
    share = from_hits(int((found == kinds[held]).sum()), int(held.sum()))
    return {"right": share.value, "low": share.low, "high": share.high}


def located(found: SizedMatches) -> dict[str, Any]:
    """Return whether the face of the astronaut has a box, and how many other boxes there are."""
    overlaps = [overlap(box, FACE) for box in found.boxes.tolist()]
    hits = [at for at, share in enumerate(overlaps) if share >= 0.4]
    return {
        "face_found": bool(hits),
        "overlap": max(overlaps, default=0.0),
        "other_boxes": len(found) - len(hits[:1]),
        "windows": found.windows,
    }


def overlap(one: Any, other: Any) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def gray_of(folder: Path, name: str) -> Pixels:
    return np.asarray(Image.open(folder / name).convert("L"))


def alarms(model: Any, folder: Path) -> dict[str, Any]:
    """Count the boxes in photographs without a face that were not learned from."""
    found = {name: search(model, gray_of(folder, name)) for name in COUNTED}
    return {
        "false_alarms": {name: len(each) for name, each in found.items()},
        "windows_without_face": sum(each.windows for each in found.values()),
    }


def learn_from(model: Any, folder: Path, home: Path, turn: int) -> None:
    """Write what is taken for a face in other photographs as crops without one."""
    for name in LEARNED:
        gray = gray_of(folder, name)
        for at, box in enumerate(search(model, gray).boxes[:MOST].tolist()):
            crop = Image.fromarray(gray).resize((25, 25), Image.Resampling.BOX, box=tuple(box))
            crop.save(home / f"{turn}-{Path(name).stem}-{at:03}.png")


if __name__ == "__main__":
    main()
