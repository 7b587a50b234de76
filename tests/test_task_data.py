"""Data sets for the tasks hold what their archives say, and what is reached on one is measured."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from benchmarks import task_data
from benchmarks.task_data import DATA
from PIL import Image

from striate.data.readers.scan import scan
from striate.samples.roads import draw_roads

ROOT = Path(__file__).parents[1]
CLASSES = b"sky\nbuilding\nroad\ncar\ntree\nunlabelled (ignore)\n"


def archive(place: Path, files: Mapping[str, bytes]) -> Path:
    """A tar file, with what is in it in the order given."""
    with tarfile.open(place / "archive.tar", "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return place / "archive.tar"


def image(seed: int, suffix: str = "JPEG") -> bytes:
    with io.BytesIO() as file:
        noise = np.random.default_rng(seed).integers(0, 255, (16, 20, 3), np.uint8)
        Image.fromarray(noise).save(file, suffix)
        return file.getvalue()


def mask(*codes: int) -> bytes:
    """A mask of 200 pixels: the codes, and sky in all other places."""
    pixels = np.zeros(200, np.uint8)
    pixels[: len(codes)] = codes
    with io.BytesIO() as file:
        Image.fromarray(pixels.reshape(10, 20)).save(file, "PNG")
        return file.getvalue()


def boxes(*cells: str) -> bytes:
    objects = "".join(f"<object><name>{cell}</name></object>" for cell in cells)
    return f"<annotation>{objects}</annotation>".encode()


def test_cells_are_counted_from_boxes_and_stay_in_their_split(tmp_path: Path):
    made = archive(
        tmp_path,
        {
            "BCCD/Annotations/a.xml": boxes("RBC", "WBC", "RBC"),
            "BCCD/Annotations/b.xml": boxes(),
            "BCCD/Annotations/c.xml": boxes("Platelets"),
            "BCCD/ImageSets/Main/test.txt": b"c\n",
            "BCCD/ImageSets/Main/train.txt": b"a\n",
            "BCCD/ImageSets/Main/trainval.txt": b"a\nb\n",
            "BCCD/ImageSets/Main/val.txt": b"b\n",
            **{f"BCCD/JPEGImages/{name}.jpg": image(seed) for seed, name in enumerate("abc")},
        },
    )
    manifest = DATA["blood-cells"].make(made, tmp_path / "blood")
    assert manifest.read_text().splitlines() == [
        "path,WBC (cells),RBC (cells),Platelets (cells),split",
        "a.jpg,1,2,0,train",
        "b.jpg,0,0,0,val",
        "c.jpg,0,0,1,test",
    ]
    assert sorted(path.name for path in manifest.parent.iterdir()) == [
        "a.jpg", "b.jpg", "c.jpg", "images.csv",
    ]  # fmt: skip


def test_labels_of_a_street_are_the_classes_that_cover_half_a_percent_and_are_not_everywhere(
    tmp_path: Path,
):
    made = archive(
        tmp_path,
        {
            "camvid/classes.txt": CLASSES,
            "camvid/test/images/b.jpg": image(1),
            "camvid/test/masks/b.png": mask(1, 1, 4, 5, 5),
            "camvid/train/images/a.jpg": image(0),
            "camvid/train/masks/a.png": mask(3, 4, 2),
            "camvid/val/images/c.jpg": image(2),
            "camvid/val/masks/c.png": mask(2, 5),
        },
    )
    manifest = DATA["street-labels"].make(made, tmp_path / "streets")
    assert manifest.read_text().splitlines() == [
        "path,labels,split",
        "test/b.jpg,tree,test",
        "train/a.jpg,car;tree,train",
        "val/c.jpg,,val",
    ]


def test_a_class_on_fewer_pixels_is_no_label_of_a_street(tmp_path: Path):
    large = np.zeros((20, 20), np.uint8)
    large[0, 0] = 3  # 0.25 % of the pixels
    with io.BytesIO() as file:
        Image.fromarray(large).save(file, "PNG")
        small = file.getvalue()
    made = archive(
        tmp_path,
        {
            "camvid/classes.txt": CLASSES,
            "camvid/train/images/a.jpg": image(0),
            "camvid/train/masks/a.png": small,
        },
    )
    manifest = DATA["street-labels"].make(made, tmp_path / "streets")
    assert manifest.read_text().splitlines()[1:] == ["train/a.jpg,,train"]


def test_a_box_of_a_street_is_a_connected_piece_of_cars(tmp_path: Path):
    masks = [np.zeros((40, 60), np.uint8) for _ in range(2)]
    masks[0][10:30, 4:24] = 3
    masks[0][:, 12:14] = 2  # a pole before the car
    masks[0][5:11, 40:46] = 3  # far away
    masks[0][35:38, 50:52] = 3  # nothing but a spot
    found = {}
    for name, pixels in zip(("train/masks/a", "val/masks/b"), masks, strict=True):
        with io.BytesIO() as file:
            Image.fromarray(pixels).save(file, "PNG")
            found[f"camvid/{name}.png"] = file.getvalue()
    pictures = {"camvid/train/images/a.jpg": image(0), "camvid/val/images/b.jpg": image(1)}
    made = archive(tmp_path, {"camvid/classes.txt": CLASSES, **pictures, **found})
    manifest = DATA["street-boxes"].make(made, tmp_path / "streets")
    assert manifest.read_text().splitlines() == [
        "path,xmin,ymin,xmax,ymax,class,ignored,split",
        "train/a.jpg,40,5,46,11,car,1,train",
        "train/a.jpg,4,10,24,30,car,0,train",
        "val/b.jpg,,,,,,,val",
    ]


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        (
            "garments",
            ("x/train/hat/1.jpg", "x/train/dress/2.jpg", "x/test/hat/3.jpg", "x/more/hat/4.jpg"),
            ["test/hat/3.jpg", "train/dress/2.jpg", "train/hat/1.jpg"],
        ),
        (
            "cats-dogs",
            ("cifar10/train/cat/1.jpg", "cifar10/train/frog/2.jpg", "cifar10/test/dog/3.jpg"),
            ["test/dog/3.jpg", "train/cat/1.jpg"],
        ),
        (
            "garments-good",
            ("c/train/dress/1.jpg", "c/train/hat/2.jpg", "c/test/hat/3.jpg", "c/test/dress/4.jpg"),
            ["test/dress/4.jpg", "test/hat/3.jpg", "train/dress/1.jpg"],
        ),
        (
            "street-masks",
            ("camvid/classes.txt", "camvid/val/images/a.jpg", "camvid/val/masks/a.png"),
            ["classes.txt", "val/images/a.jpg", "val/masks/a.png"],
        ),
    ],
)
def test_folders_are_those_of_the_archive(
    tmp_path: Path, name: str, files: tuple[str, ...], expected: list[str]
):
    made = archive(tmp_path, dict.fromkeys(files, b"content"))
    folder = DATA[name].make(made, tmp_path / "made")
    found = (path for path in folder.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(folder)) for path in found) == expected


def test_heart_beats_are_made_for_patients_of_each_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import heart_beats

    monkeypatch.setattr(heart_beats, "PATIENTS", {"train": 3, "validation": 1, "test": 1})
    made = DATA["heart-beats"].make(tmp_path, tmp_path / "made")
    listing = scan(made)
    assert (listing.class_names, listing.rate) == (("F", "N", "S", "V"), 360)
    records = {each.path.partition("#")[0] for each in listing.samples}
    assert records == {
        "train/00.hea", "train/01.hea", "train/02.hea", "validation/03.hea", "test/04.hea",
    }  # fmt: skip
    normal = np.mean(listing.samples.labels == 1)
    assert 0.7 < normal < 0.9


def test_roads_are_drawn_with_angles_and_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(task_data, "ROADS", {"train": 2, "validation": 1, "test": 1})
    made = DATA["roads"].make(tmp_path, tmp_path / "made")
    rows = made.read_text("utf-8").splitlines()
    angles = draw_roads(4, seed=0).angles.tolist()
    splits = ("train", "train", "validation", "test")
    expected = [f"{at:04}.png,{angle:.3f},{split}"
                for at, (angle, split) in enumerate(zip(angles, splits, strict=True))]  # fmt: skip
    assert rows == ["path,angle (deg),split", *expected]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Noise, with cells of some kinds."""
    splits = {"train": range(12), "val": range(12, 16), "test": range(16, 20)}
    files: dict[str, bytes] = {}
    for split, numbers in splits.items():
        files[f"BCCD/ImageSets/Main/{split}.txt"] = "\n".join(map(str, numbers)).encode()
        for number in numbers:
            there = {"RBC": number % 2, "WBC": number % 3, "Platelets": number % 4}
            kinds = [kind for kind, count in there.items() if count]
            files[f"BCCD/Annotations/{number}.xml"] = boxes(*kinds)
            files[f"BCCD/JPEGImages/{number}.jpg"] = image(number)
    return archive(tmp_path, files)


def test_a_recipe_is_measured_from_the_archive_to_figures_with_intervals(
    cells: Path, tmp_path: Path
):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text('network = "lenet5"\nsize = 32\nepochs = 1\nbatch = 4\n')
    command = [sys.executable, ROOT / "benchmarks" / "tasks.py", "blood-cells", cells]
    command += ["--recipe", recipe, "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    first, *_ = record["scores"]
    assert (record["task"], record["network"]) == ("regression", "lenet5")
    assert record["images"] == {"train": 12, "validation": 4, "test": 4}
    assert first["low"] < first["value"] < first["high"]
    assert 0 < record["cpu_minutes"] < 10
    assert 0 <= record["others"] <= 1
