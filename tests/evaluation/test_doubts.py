"""A report shows what `check` finds: shortcuts, near duplicates over splits, and poor images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.data.decoding.preprocess import Preprocess
from striate.model_file import save
from tests.test_ensemble import fresh


def draw(seed: int, side: int = 64) -> Image.Image:
    """Clouds in color."""
    small = np.random.default_rng(seed).integers(60, 200, (8, 8, 3), np.uint8)
    grain = np.random.default_rng(seed + 9999).normal(0, 12, (side, side, 3))
    large = np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Owls are saved at another JPEG quality; one test image is dark, two repeat others."""
    root = tmp_path / "photos"
    for split, first, count in (("train", 0, 30), ("test", 1000, 30)):
        for place, (name, quality) in enumerate((("cat", 90), ("dog", 90), ("owl", 60))):
            (root / split / name).mkdir(parents=True)
            for seed in range(first, first + count):
                file = root / split / name / f"{seed}.jpg"
                draw(seed + 5000 * place).save(file, quality=quality)
    for name, place in (("cat", 0), ("dog", 1)):
        again = draw(3 + 5000 * place).point(lambda level: int(level * 0.98))
        again.save(root / "test" / name / "again.jpg", quality=90)
    draw(77).point(lambda level: level // 8).save(root / "test" / "dog" / "dark.jpg", quality=90)
    return root


@pytest.fixture
def model(tmp_path: Path) -> Path:
    model = fresh("lenet5", Preprocess(32, 1, "stretch", (0.5,), (1.0,)))
    save(model, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def titles(document) -> dict[str, list[str]]:
    """Title of a section -> its images."""
    return {
        section["title"]: [
            image["path"] for part in section["parts"] for image in part.get("images", ())
        ]
        for section in document["sections"]
    }


def test_a_report_shows_doubtful_images_and_warns_of_shortcuts(
    photos: Path, model: Path, tmp_path: Path
) -> None:
    for form in ("html", "md", "json"):
        assert (
            main(["evaluate", str(model), str(photos), "--out", str(tmp_path / f"r.{form}")]) == 0
        )
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    shown = titles(document)
    assert shown["Near duplicates over splits: 2 images"] == [
        "test/cat/again.jpg", "train/cat/3.jpg", "test/dog/again.jpg", "train/dog/3.jpg",
    ]  # fmt: skip
    assert shown["Dark: 1 image"] == ["test/dog/dark.jpg"]
    (shortcut,) = document["shortcuts"]
    (checked,) = striate.check(photos).shortcuts
    assert shortcut == json.loads(json.dumps(checked.to_json()))
    assert shortcut["class"] == "owl"
    warning = {"text": f"Possible shortcut: {checked}.", "warning": True}
    assert warning in document["remarks"]
    page, text = ((tmp_path / f"r.{form}").read_text("utf-8") for form in ("html", "md"))
    for told in ("Near duplicates over splits: 2 images", "Dark: 1 image"):
        assert f"<h2>{told}</h2>" in page
        assert f"## {told}" in text
    assert page.count('alt="Image train/cat/3.jpg"') == 1
    assert "- **Warning:** Possible shortcut: “owl” can be told" in text


def test_pairs_stand_together_and_doubtful_images_have_no_nearest_training_images(
    photos: Path, model: Path, tmp_path: Path
) -> None:
    for file in (tmp_path / "r.html", tmp_path / "r.json"):
        argv = ["evaluate", str(model), str(photos), "--neighbors", "--out", str(file)]
        assert main(argv) == 0
    assert (tmp_path / "r.html").read_text("utf-8").count('class="gallery twos"') == 1
    nearest = {
        section["title"]: [image["nearest"] for image in part["images"]]
        for section in json.loads((tmp_path / "r.json").read_text("utf-8"))["sections"]
        for part in section["parts"]
        if "images" in part
    }
    assert not any(nearest["Near duplicates over splits: 2 images"] + nearest["Dark: 1 image"])
    assert any(any(images) for images in nearest.values())


def test_the_report_of_a_training_shows_near_duplicates_but_reads_no_file_again(
    photos: Path, tmp_path: Path
) -> None:
    options = {"network": "lenet5", "epochs": 1, "threads": 1, "augment": "none"}
    striate.train(photos, out=tmp_path / "run", progress=False, **options)
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "<h2>Near duplicates over splits: 2 images</h2>" in page
    assert "Possible shortcut" not in page
    assert "<h2>Dark" not in page


def test_a_clean_folder_has_no_such_section(photos: Path, model: Path, tmp_path: Path) -> None:
    for file in (*photos.rglob("again.jpg"), *photos.rglob("dark.jpg"), *photos.rglob("owl/*.jpg")):
        if file.parent.name == "owl":
            seed = int(file.stem) + 10_000
            draw(seed).save(file, quality=90)
        else:
            file.unlink()
    assert main(["evaluate", str(model), str(photos), "--out", str(tmp_path / "r.json")]) == 0
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert document["shortcuts"] == []
    assert not [title for title in titles(document) if "image" in title]
