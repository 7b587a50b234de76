"""Pairs of folders are learned from: what is asked is shown by inputs and their targets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import striate
from striate.data.augment.ranges import LEVELS, AugmentRanges
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.tasks.pictures.image_to_image import ImageToImage
from striate.training.events import Epoch

OPTIONS = {
    "task": "image_to_image",
    "network": "dncnn(width=4,depth=3)",
    "task_params": "crop_size=16",
    "augment": "standard",
    "size": 32,
    "batch": 4,
    "threads": 1,
    "epochs": 2,
    "optimizer": "adamw",
}


def write_pair(place: Path, number: int, size: tuple[int, int] = (40, 32)) -> None:
    """A picture of large squares, and the same blurred."""
    colors = np.random.default_rng(number).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    sharp = Image.fromarray(colors).resize(size, Image.Resampling.NEAREST)
    for name, picture in (("target", sharp), ("input", sharp.filter(ImageFilter.BoxBlur(1)))):
        (place / name).mkdir(parents=True, exist_ok=True)
        picture.save(place / name / f"{number:02}.png")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(16):
        write_pair(tmp_path / "pairs", number)
    return tmp_path / "pairs"


def test_pairs_of_folders_go_all_the_way(data: Path, tmp_path: Path):
    run = striate.train(data, out=tmp_path / "whole", **OPTIONS)
    first = striate.stream(data, out=tmp_path / "cut", **OPTIONS)
    next(event for event in first if isinstance(event, Epoch))
    first.close()
    again = striate.train(resume=tmp_path / "cut")
    assert [epoch.weights for epoch in again.epochs()] == [epoch.weights for epoch in run.epochs()]
    assert striate.verify(run.folder).same
    (sample, *_) = run.samples()
    assert sample["target"] == sample["path"].replace("input", "target")
    told = json.loads((run.folder / "evaluation.json").read_text())
    results = striate.evaluate(run.folder, data, split="test")
    assert results.scores()[0].value == pytest.approx(told["psnr"]["value"], abs=1e-6)
    assert results.baseline().rule.startswith("unsharp masking")
    (found,) = striate.predict(run.folder, data / "input/03.png")
    assert (found.width, found.height) == (40, 32)


def test_shards_and_images_that_are_streamed_give_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = striate.train(data, out=tmp_path / "run", **OPTIONS)
    striate.pack(data, tmp_path / "shards", task="image_to_image")
    monkeypatch.setenv("STRIATE_CACHE_GB", "0.00001")
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "small"))
    for place in (data, tmp_path / "shards"):
        other = striate.train(place, out=tmp_path / f"{place.name}-streamed", **OPTIONS)
        weights = [epoch.weights for epoch in other.epochs()]
        assert weights == [epoch.weights for epoch in run.epochs()]


def test_check_says_what_is_wrong_with_a_pair_and_leaves_it_out(data: Path, tmp_path: Path):
    write_pair(tmp_path / "other", 3, size=(30, 32))
    shutil.copy(tmp_path / "other/target/03.png", data / "target/03.png")
    (data / "target/05.png").unlink()
    (data / "input/06.png").unlink()
    (data / "target/07.png").write_bytes(b"no picture")
    found = striate.check(data, task="image_to_image")
    assert [(each.kind, each.path, each.detail) for each in found.findings] == [
        ("no target", "input/05.png", ""),
        ("no input", "target/06.png", ""),
        ("target size", "target/03.png", "30 x 32 pixels, its input 40 x 32"),
        ("not an image", "target/07.png", "it looks like text"),
    ]
    assert (found.images, found.task, found.trainable) == (12, "image_to_image", True)
    assert str(found).splitlines()[0] == f"{data}: 12 images, pairs of images (pairs of images)"


@pytest.mark.parametrize(
    "folders",
    [
        ("train/input", "train/target", "val/input", "val/target"),
        ("input/train", "target/train", "input/val", "target/val"),
        ("trainA", "trainB", "valA", "valB"),
    ],
)
def test_splits_are_read_of_any_order_of_the_folders(
    folders: tuple[str, ...], data: Path, tmp_path: Path
):
    for at, folder in enumerate(folders):
        (tmp_path / "split" / folder).mkdir(parents=True)
        for number in range(3 * (at // 2), 3 * (at // 2) + 3):
            name = f"{number:02}.png"
            source = data / ("target" if at % 2 else "input") / name
            shutil.copy(source, tmp_path / "split" / folder / name)
    found = striate.check(tmp_path / "split", task="image_to_image")
    assert dict(found.splits) == {"train": {"pairs": 3}, "validation": {"pairs": 3}}


def test_folders_that_are_no_pair_are_refused_by_name(tmp_path: Path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError) as caught:
        striate.check(tmp_path, task="image_to_image")
    assert str(caught.value) == (
        f"{tmp_path}: expected a folder 'input' and a folder 'target' with files of the same "
        "names, or both in 'train' and 'validation'; its folders: 'cat', 'dog'"
    )


def test_inputs_in_gray_are_answered_in_color(data: Path, tmp_path: Path):
    for path in (data / "input").iterdir():
        Image.open(path).convert("L").save(path)
    assert striate.check(data, task="image_to_image").channels == {3: 16}
    run = striate.train(data, out=tmp_path / "run", **OPTIONS)
    (found,) = striate.predict(run.folder, data / "input/03.png")
    assert found.picture.shape == (32, 40, 3)


def test_an_input_and_its_target_are_mirrored_and_cut_alike(data: Path, tmp_path: Path):
    for path in (data / "input").iterdir():
        shutil.copy(data / "target" / path.name, path)
    options = {**OPTIONS, "learning_rate": 1e-9, "augment": "strong"}
    run = striate.train(data, out=tmp_path / "run", **options)
    # the untrained network answers almost its input; of pairs that are apart it has 15 dB
    assert all(epoch.train["psnr"] > 40 for epoch in run.epochs())


def test_the_sheet_shows_targets_below_their_inputs(data: Path, tmp_path: Path):
    file = tmp_path / "sheet.png"
    striate.check(data, task="image_to_image", out=file)
    with Image.open(file) as sheet:
        assert sheet.height > 6 * 2 * 160


def test_what_would_change_the_input_alone_is_left_out():
    task = ImageToImage(TargetSpec("pair"))
    assert task.ranges(LEVELS["strong"]) == AugmentRanges(hflip=True)


def test_a_mean_of_two_pairs_is_refused(data: Path, tmp_path: Path):
    with pytest.raises(OptionError) as caught:
        striate.train(data, out=tmp_path / "no", **{**OPTIONS, "augment_params": "mixup=0.2"})
    assert str(caught.value) == (
        "the task image_to_image cannot learn from blended images; leave mixup out of "
        "--augment-params"
    )
