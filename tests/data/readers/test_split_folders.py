"""Folders that are splits of a data set under any name, and what striate itself wrote into one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from striate.data.listing.split_names import split_of
from striate.data.readers.scan import scan
from striate.errors import DataError
from tests.data.layout_table import cats_and_dogs, plant


def counted(root: Path) -> tuple[str, dict[str | None, int]]:
    """The class names of a folder, and how many images each split has."""
    listing = scan(root)
    splits = [sample.split for sample in listing.samples]
    return " ".join(listing.class_names), {split: splits.count(split) for split in splits}


def refused(root: Path) -> str:
    with pytest.raises(DataError) as refusal:
        scan(root)
    return str(refusal.value).removeprefix(f"{root}: ")


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test1"),
        ("training_set", "validation_set", "test_set"),
        ("TrainingSet", "ValSet", "TestSet"),
        ("seg_train", "seg_dev", "seg_test"),
        ("flowers-train", "flowers-valid", "flowers-test"),
        ("Train Images", "Valid Images", "Test Images"),
        ("train2017", "val2017", "test2017"),
        ("01_train", "02_val", "03_test"),
        ("imgs_train", "imgs_validation", "imgs_testing"),
        ("ILSVRC2012_img_train", "ILSVRC2012_img_val", "ILSVRC2012_img_test"),
        ("training", "development", "evaluation"),
        ("train", "dev", "eval"),
        ("trainings", "validations", "tests"),
    ],
)
def test_splits_are_known_by_any_usual_name(train: str, validation: str, test: str, tmp_path: Path):
    cats_and_dogs(tmp_path / train, "cat/6.jpg")
    cats_and_dogs(tmp_path / validation)
    plant(tmp_path / test, "cat/1.jpg", "dog/1.jpg", "readme.txt")
    assert counted(tmp_path) == ("cat dog", {"train": 6, "validation": 5, "test": 2})


@pytest.mark.parametrize("wrapper", ["{}", "images", "Images", "data"])
def test_a_folder_between_a_split_and_its_classes_is_passed_through(wrapper: str, tmp_path: Path):
    for split in ("training_set", "test_set"):
        cats_and_dogs(tmp_path / split / wrapper.format(split))
        plant(tmp_path / split, "_DS.txt")
    assert counted(tmp_path) == ("cat dog", {"train": 5, "test": 5})
    assert all((tmp_path / sample.path).is_file() for sample in scan(tmp_path).samples)


def test_a_split_with_a_single_class_keeps_its_class(tmp_path: Path):
    plant(tmp_path, "train/train/1.jpg", "test/train/1.jpg")
    assert counted(tmp_path) == ("train", {"train": 1, "test": 1})


@pytest.mark.parametrize(
    ("first", "second"), [("holdout", "train"), ("day", "night"), ("fold1", "fold2")]
)
def test_folders_that_hold_the_same_folders_are_asked_about(
    first: str, second: str, tmp_path: Path
):
    for name in (first, second):
        cats_and_dogs(tmp_path / name)
    assert refused(tmp_path) == (
        f"are '{first}' and '{second}' splits of the data or classes? Both hold the folders 'cat' "
        "and 'dog' and no images of their own;\n"
        "name splits train, validation and test; of classes, list the images in a CSV manifest"
    )


def test_a_name_that_is_no_split_beside_one_is_asked_about_if_few_folders_differ(tmp_path: Path):
    cats_and_dogs(tmp_path / "train", "emu/1.jpg", "owl/1.jpg", "yak/1.jpg")
    cats_and_dogs(tmp_path / "unseen")
    assert "are 'train' and 'unseen' splits of the data or classes?" in refused(tmp_path)


def test_splits_whose_images_stand_in_no_class_are_asked_about(tmp_path: Path):
    cats_and_dogs(tmp_path / "train")
    plant(tmp_path, "test1/1.jpg", "test1/2.jpg")
    assert refused(tmp_path) == (
        "are 'test1' and 'train' splits of the data or classes? 'test1' holds images itself;\n"
        "put those of a split into a folder for each class, or rename classes"
    )


def test_a_split_of_another_name_beside_splits_is_named(tmp_path: Path):
    for name in ("seg_train", "seg_test", "seg_pred"):
        cats_and_dogs(tmp_path / name)
    assert refused(tmp_path) == (
        "'seg_test' and 'seg_train' are splits of the data, but 'seg_pred' beside them is none; "
        "move it elsewhere, or rename folders that are classes"
    )


@pytest.mark.parametrize(
    "paths",
    [
        ("bullet train/1.jpg", "test tube/1.jpg", "training shoe/1.jpg"),
        ("valid/1.jpg", "invalid/1.jpg"),
        ("train/1.jpg", "bus/1.jpg", "latest/1.jpg"),
        ("cat/spring/1.jpg", "dog/autumn/1.jpg"),
        ("cat/images/1.jpg", "dog/images/1.jpg"),
        ("cat/a/1.jpg", "cat/b/1.jpg", "dog/a/1.jpg", "dog/b/1.jpg", "dog/2.jpg"),
        ("cat/a/1.jpg", "cat/b/1.jpg", "cat/c/1.jpg", "dog/c/1.jpg", "dog/d/1.jpg"),
    ],
)
def test_classes_stay_classes(paths: tuple[str, ...], tmp_path: Path):
    plant(tmp_path, *paths)
    names = " ".join(sorted({path.split("/")[0] for path in paths}))
    assert counted(tmp_path) == (names, {None: len(paths)})


def test_a_hundred_classes_that_hold_the_same_folders_are_classes(tmp_path: Path):
    plant(tmp_path, *(f"{n:03}/{side}/1.jpg" for n in range(100) for side in ("left", "right")))
    assert counted(tmp_path)[1] == {None: 200}


@pytest.mark.parametrize("word", ["", "1", "untested", "pred", "train_val", "0train0cat"])
def test_other_words_are_no_split(word: str):
    assert split_of(word) is None


OUTPUT = {
    "a run": ("options.json", "pictures.jsonl", "model.safetensors", "checkpoints/last.x"),
    "a run that was not begun": ("environment.json", "data_report.json", "lock"),
    "shards": ("shards.json", "index.npy", "paths.bin", "shard-000000.tar"),
    "decoded images": ("pixels.npy", "records.npy", "index.json", "about.json"),
}


@pytest.mark.parametrize(("what", "files"), OUTPUT.items(), ids=OUTPUT)
@pytest.mark.parametrize(
    ("place", "told"),
    [("out", "out"), ("runs/out", "runs"), ("a/runs/out", "a"), ("cat/out", "cat/out")],
)
def test_what_striate_wrote_into_the_data_is_no_class(
    what: str, files: tuple[str, ...], place: str, told: str, tmp_path: Path
):
    cats_and_dogs(tmp_path, *(f"{place}/{file}" for file in files))
    if place.startswith("runs"):
        plant(tmp_path, "runs/report.html", "runs/.hidden")
    listing = scan(tmp_path)
    assert counted(tmp_path) == ("cat dog", {None: 5})
    assert [(f.kind, f.path, f.detail) for f in listing.findings] == [("output", told, what)]


def test_the_cache_is_no_class_while_it_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cats_and_dogs(tmp_path, "cache/a1.7-8.partial/pixels.npy")
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    assert counted(tmp_path) == ("cat dog", {None: 5})


def test_runs_among_the_splits_and_below_them_are_ignored(tmp_path: Path):
    for split in ("train", "test"):
        cats_and_dogs(tmp_path / split)
    plant(tmp_path, *(f"{home}/x/{f}" for home in ("runs", "train") for f in OUTPUT["a run"]))
    assert counted(tmp_path) == ("cat dog", {"train": 5, "test": 5})


def test_a_folder_of_images_beside_runs_is_a_class(tmp_path: Path):
    cats_and_dogs(tmp_path, "runs/6.jpg", *(f"runs/x/{file}" for file in OUTPUT["a run"]))
    assert counted(tmp_path) == ("cat dog runs", {None: 6})


def test_a_run_is_no_data_set(tmp_path: Path):
    plant(tmp_path, *OUTPUT["a run"])
    assert refused(tmp_path) == ("a run of striate; give the folder of images that it came from")


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}])
def test_names_of_any_bytes_are_read_whatever_the_locale(locale: dict[str, str], tmp_path: Path):
    """Class names are the same text in every locale, and every path leads to its file."""
    names = ("ä".encode(), "ж".encode(), b"\xe4")
    for name in names:
        os.makedirs(os.path.join(os.fsencode(tmp_path), name))  # noqa: PTH103, PTH118
        for file in (b"\xff.jpg", "é.jpg".encode()):
            (tmp_path / os.fsdecode(name) / os.fsdecode(file)).touch()
    (tmp_path / "list.csv").write_text("path,label\nä/é.jpg,ä\nж/é.jpg,ж\n", "utf-8")
    program = (
        "import sys\nfrom striate.data.readers.scan import scan\n"
        "for place, count in (('.', 6), ('list.csv', 2)):\n"
        "    listing = scan(place)\n"
        "    assert all((listing.root / s.path).is_file() for s in listing.samples)\n"
        "    assert len(listing.samples) == count\n"
        "    print(ascii(listing.class_names))\n"
    )
    environment = {**os.environ, **locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    folders, manifest = done.stdout.decode().splitlines()
    assert folders == ascii(("ä", "ж", "\udce4"))
    assert manifest == ascii(("ä", "ж"))
