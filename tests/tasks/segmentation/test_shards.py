"""Shards of images and masks stand in for their folder, for every verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import striate
from striate.training.events import Epoch
from tests.tasks.segmentation.scenes import NAMES, draw_scene
from tests.tasks.segmentation.test_runs import OPTIONS

QUICK: dict[str, Any] = {**OPTIONS, "epochs": 3, "augment": "light"}


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """A folder of 20 scenes and their masks, and the same as shards beside it."""
    random, root = np.random.default_rng(1), tmp_path / "scenes"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(20):
        for folder, drawn in zip(("images", "masks"), draw_scene(random), strict=True):
            Image.fromarray(drawn).save(root / folder / f"{number:02}.png")
    (root / "classes.txt").write_text("\n".join(NAMES))
    (root / "masks" / "07.png").write_bytes(b"broken")
    striate.pack(root, tmp_path / "shards")
    return root


def test_a_run_from_shards_is_the_run_from_the_folder(scenes: Path, tmp_path: Path) -> None:
    places = scenes, tmp_path / "shards", f"file://{tmp_path}/shards"
    runs = [
        striate.train(place, out=tmp_path / str(number), **QUICK)
        for number, place in enumerate(places)
    ]
    assert len({tuple(epoch.weights for epoch in run.epochs()) for run in runs}) == 1
    lists = [(run.folder / "pictures.jsonl").read_text() for run in runs]
    assert lists[1] == lists[0] == lists[2]
    assert striate.verify(runs[1].folder).same
    told = [json.loads((run.folder / "evaluation.json").read_text()) for run in runs]
    assert told[0]["confusion"] == told[1]["confusion"] == told[2]["confusion"]
    judged = [striate.evaluate(runs[0].folder, place, split="all").to_json() for place in places]
    assert judged[0]["confusion"] == judged[1]["confusion"] == judged[2]["confusion"]
    rows = striate.predict(runs[0].folder, tmp_path / "shards")
    alone = striate.predict(runs[0].folder, [scenes / "images" / Path(r.path).name for r in rows])
    assert len(rows) == 19
    for mine, theirs in zip(rows, alone, strict=True):
        assert np.array_equal(mine.mask, theirs.mask)


def test_a_run_begun_on_the_folder_goes_on_from_its_shards(scenes: Path, tmp_path: Path) -> None:
    whole = striate.train(scenes, out=tmp_path / "whole", **QUICK)
    events = striate.stream(scenes, out=tmp_path / "cut", **QUICK)
    next(event for event in events if isinstance(event, Epoch))
    events.close()
    again = striate.train(tmp_path / "shards", resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [e.weights for e in whole.epochs()]
