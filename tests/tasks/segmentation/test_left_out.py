"""Masks and images of masks that cannot be used are told by a training, or make it fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import striate
from striate.errors import DataError
from striate.training.events import Note, Started
from striate.training.run import Run
from tests.tasks.segmentation.scenes import COUNT, write_scenes

OPTIONS: dict[str, Any] = {
    "network": "unet(width=4)",
    "size": 32,
    "batch": 4,
    "threads": 1,
    "epochs": 1,
    "autotune": "no",
}


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Masks of which one is scaled, one a JPEG, one too large, one alone, and one missing."""
    folder = write_scenes(tmp_path / "scenes")
    masks = folder / "masks"
    scaled = np.asarray(Image.open(masks / "00.png"))
    Image.fromarray(np.where(scaled < 3, scaled * 127, 0).astype(np.uint8)).save(masks / "00.png")
    (masks / "01.png").unlink()
    (folder / "images" / "02.png").unlink()
    Image.open(masks / "03.png").save(masks / "03.png", "JPEG")
    Image.open(masks / "04.png").resize((20, 20)).save(masks / "04.png")
    return folder


LEFT_OUT = [
    ("no image", "masks/02.png"),
    ("no mask", "images/01.png"),
    ("scaled mask", "masks/00.png"),
    ("lossy mask", "masks/03.png"),
    ("mask size", "masks/04.png"),
]


def test_every_file_that_is_left_out_is_counted_and_named(scenes: Path, tmp_path: Path) -> None:
    events = list(striate.stream(scenes, out=tmp_path / "run", **OPTIONS))
    started = next(event for event in events if isinstance(event, Started))
    assert (started.left_out, sum(started.images.values())) == (5, COUNT - 5)
    assert Note("5 files are left out; `striate check` names them and says why") in events
    report = Run.open(tmp_path / "run").read_json("data_report.json")
    assert [(found["kind"], found["path"]) for found in report["left_out"]] == LEFT_OUT
    found = [(finding.kind, finding.path) for finding in striate.check(scenes).findings]
    assert set(LEFT_OUT) <= set(found)


@pytest.mark.parametrize("number", range(len(LEFT_OUT)))
def test_each_of_them_can_be_made_to_fail_a_run(scenes: Path, tmp_path: Path, number: int) -> None:
    names = [path.rpartition("/")[2] for _, path in LEFT_OUT]
    for name in names[:number] + names[number + 1 :]:
        for folder in ("images", "masks"):
            (scenes / folder / name).unlink(missing_ok=True)
    kind, path = LEFT_OUT[number]
    with pytest.raises(DataError) as caught:
        striate.train(scenes, bad_images="fail", progress=False, out=tmp_path / "run", **OPTIONS)
    assert str(caught.value) == f"{scenes}: {path}: {kind}, the only file that cannot be used"
    assert not (tmp_path / "run").exists()


def test_the_first_of_several_is_named_and_all_are_counted(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        striate.train(scenes, bad_images="fail", progress=False, out=tmp_path / "run", **OPTIONS)
    assert str(caught.value) == (
        f"{scenes}: masks/02.png: no image, one of 5 files that cannot be used"
    )
