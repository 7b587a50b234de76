"""What the loop needs is made of the images that it may see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from striate.data import prepare
from striate.data.check import inspect
from striate.errors import DataError
from striate.options import TrainOptions
from striate.training.prepare import PreparedData, prepare_data
from striate.training.record import default_folder
from striate.verbs import display
from tests.data.images import class_folders


def read(photos: Path, **options: object) -> PreparedData:
    work = prepare_data(photos, TrainOptions.read(options))
    return display.show_progress(work, Console(quiet=True))


def test_mean_and_std_are_those_of_the_training_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_AT_ONCE", 7)
    class_folders(tmp_path, {"one": 30, "two": 30}, side=16)
    data = read(tmp_path, size=16)
    trained = [row for row, sample in enumerate(data.decoded.samples) if sample.split == "train"]
    assert 7 < len(trained) < 60
    values = data.decoded.pixels[trained].reshape(-1, 3) / 255
    assert data.preprocess.mean == pytest.approx(values.mean(axis=0))
    assert data.preprocess.std == pytest.approx(values.std(axis=0))


def test_images_of_one_color_each_are_not_divided_by_nothing(tmp_path: Path) -> None:
    for number, path in enumerate(class_folders(tmp_path, {"one": 4, "two": 4})):
        Image.new("L", (9 + number, 9), 200).save(path)
    data = read(tmp_path, size=16, network="resnet18", fit="stretch")
    assert data.preprocess.mean == pytest.approx([200 / 255])
    assert data.preprocess.std == pytest.approx([1 / 255])


def _copies(root: Path) -> None:
    first, *others = class_folders(root, {"one": 4, "two": 4})[:4]
    for path in others:
        path.write_bytes(first.read_bytes())


UNTRAINABLE: dict[str, Callable[[Path], object]] = {
    "one class": lambda root: class_folders(root, {"one": 4}),
    "an empty class": lambda root: class_folders(root, {"one": 4, "two": 4, "none": 0}),
    "no class": lambda root: class_folders(root, {".": 3}),
    "one image of a class": lambda root: class_folders(root, {"one": 4, "two": 1}),
    "copies of one image": _copies,
    "a class without a usable image": lambda root: [
        path.write_bytes(b"x y z") for path in class_folders(root, {"one": 4, "two": 4})[4:]
    ],
    "parts of other classes": lambda root: [
        class_folders(root / part, {"one": 4, two: 4})
        for part, two in (("train", "two"), ("val", "two"), ("test", "three"))
    ],
}


@pytest.mark.parametrize("build", UNTRAINABLE.values(), ids=UNTRAINABLE)
def test_a_training_is_refused_in_the_words_of_check(
    build: Callable[[Path], object], tmp_path: Path
) -> None:
    build(tmp_path)
    with pytest.raises(DataError) as refusal:
        read(tmp_path, size=16, network="resnet20")
    assert str(refusal.value) == f"{tmp_path}: {inspect(tmp_path).problems[0]}"


def test_a_training_without_a_usable_image_is_refused_in_the_words_of_check(
    tmp_path: Path,
) -> None:
    for path in class_folders(tmp_path, {"one": 2, "two": 2}):
        path.write_bytes(b"")
    with pytest.raises(DataError) as refusal:
        read(tmp_path, size=16, network="resnet20")
    (problem,) = inspect(tmp_path).problems
    assert str(refusal.value).startswith(f"{tmp_path}: {problem}: one/000.png: empty; ")


@pytest.mark.parametrize(
    ("here", "asked", "expected"),
    [
        (".", "data", "runs/data-resnet20"),
        ("data", ".", "{root}/runs/data-resnet20"),
        ("data/one", "..", "{root}/runs/data-resnet20"),
        ("data/one", "{root}/data", "{root}/runs/data-resnet20"),
        ("elsewhere", "{root}/data", "runs/data-resnet20"),
    ],
)
def test_a_run_is_never_put_into_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, asked: str, expected: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    class_folders(tmp_path / "data", {"one": 4, "two": 4}, side=16)
    monkeypatch.chdir(tmp_path / here)
    data = read(Path(asked.format(root=tmp_path)), size=16, network="resnet20")
    assert str(default_folder(data)) == expected.format(root=tmp_path)
