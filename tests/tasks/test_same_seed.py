"""Every task: two trainings with one seed give the same figures and weights."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import striate
from striate.tasks import _TASKS
from striate.training.events import Epoch

SIDE, COUNT = 32, 24
ALL: dict[str, Any] = {"epochs": 1, "batch": 4, "threads": 1, "autotune": "no", "seed": 5}


def draw(number: int) -> tuple[Image.Image, list[int]]:
    """A bright square on noise, and its corners."""
    random = np.random.default_rng(number)
    pixels = random.integers(0, 90, (SIDE, SIDE, 3), dtype=np.uint8)
    left, top, side = (int(each) for each in random.integers([1, 1, 8], [18, 18, 14]))
    pixels[top : top + side, left : left + side] = random.integers(150, 255, 3)
    return Image.fromarray(pixels), [left, top, left + side, top + side]


def write_classes(root: Path) -> Path:
    for number in range(COUNT):
        home = root / "abcdef"[number % 6]
        home.mkdir(parents=True, exist_ok=True)
        draw(number)[0].save(home / f"{number}.png")
    return root


def write_splits(root: Path, **splits: str) -> Path:
    """Whole classes, by their letters, in each split."""
    write_classes(root / "all")
    for split, names in splits.items():
        (root / split).mkdir()
        for name in names:
            (root / "all" / name).rename(root / split / name)
    (root / "all").rmdir()
    return root


def write_loose(root: Path) -> Path:
    root.mkdir()
    for number in range(COUNT):
        draw(number)[0].save(root / f"{number}.png")
    return root


def write_pairs(root: Path) -> Path:
    root.mkdir()
    write_loose(root / "input")
    shutil.copytree(root / "input", root / "target")
    return root


def write_masks(root: Path) -> Path:
    (root / "masks").mkdir(parents=True)
    write_loose(root / "images")
    for number in range(COUNT):
        left, top, right, low = draw(number)[1]
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[top:low, left:right] = 1
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    (root / "classes.txt").write_text("ground\nsquare\n")
    return root


def write_table(*heads: str, row: Callable[[int], tuple[Any, ...]]) -> Callable[[Path], Path]:
    def write(root: Path) -> Path:
        write_loose(root)
        with (root / "all.csv").open("w", newline="") as file:
            rows = ((f"{number}.png", *row(number)) for number in range(COUNT))
            csv.writer(file).writerows([("path", *heads), *rows])
        return root / "all.csv"

    return write


#: task -> what writes its data, and its own options
TASKS: dict[str, tuple[Callable[[Path], Path], dict[str, Any]]] = {
    "anomaly": (
        partial(write_splits, train="a", test="bcdef"),
        {"network": "patches:lenet5", "size": SIDE, "color": "gray"},
    ),
    "autoencoder": (write_loose, {"network": "conv_autoencoder(widths=(4,4,4))"}),
    "classification": (write_classes, {"network": "lenet5"}),
    "colorization": (write_loose, {"network": "unet(width=2)"}),
    "conditional_generation": (write_classes, {"network": "dcgan(width=4)"}),
    "denoising": (write_loose, {"network": "dncnn(width=4,depth=3)"}),
    "detection": (
        write_table("xmin", "ymin", "xmax", "ymax", "class", row=lambda n: (*draw(n)[1], "square")),
        {"network": "regions:mobilenet_v1(width=0.25)"},
    ),
    "embedding": (
        partial(write_splits, train="abc", validation="de", test="f"),
        {"network": "cosine:lenet5(embedding=8)"},
    ),
    "generation": (write_loose, {"network": "dcgan(width=4)"}),
    "image_to_image": (write_pairs, {"network": "dncnn(width=4,depth=3)"}),
    "multilabel": (
        write_table(
            "labels", row=lambda n: (";".join("abc"[at] for at in range(3) if n >> at & 1),)
        ),
        {"network": "lenet5"},
    ),
    "regression": (write_table("left", row=lambda n: (draw(n)[1][0],)), {"network": "lenet5"}),
    "rotation": (write_loose, {"network": "lenet5"}),
    "segmentation": (write_masks, {"network": "unet(width=2)"}),
    "super_resolution": (write_loose, {"network": "edsr(width=4,blocks=1)"}),
}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned before."""
    place = tmp_path_factory.mktemp("teacher")
    data = write_classes(place / "data")
    return striate.train(data, out=place / "run", network="lenet5", color="gray", **ALL).folder


def first_epoch(data: Path, out: Path, options: dict[str, Any]) -> Epoch:
    """Train for an epoch; what it says, without what depends on the clock."""
    events = striate.stream(data, out=out, **{**ALL, **options})
    epoch = next(event for event in events if isinstance(event, Epoch))
    events.close()
    return replace(epoch, images_per_second=0.0, seconds=0.0, waiting=0.0)


def test_every_task_is_here() -> None:
    assert TASKS.keys() == _TASKS.keys()


@pytest.mark.parametrize("task", TASKS)
def test_two_trainings_with_one_seed_are_the_same(task: str, teacher: Path, tmp_path: Path) -> None:
    write, options = TASKS[task]
    data = write(tmp_path / "data")
    asked = {"task": task, **options} | ({"weights": teacher} if task == "anomaly" else {})
    one, again = (first_epoch(data, tmp_path / name, asked) for name in ("one", "again"))
    assert one == again
    assert one.weights
