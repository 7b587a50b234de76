"""Awkward folders: the right images and classes, or a refusal that names what is wrong."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from striate.data.listing.listing import Listing
from striate.data.listing.samples import FINDINGS
from striate.data.readers.scan import scan
from striate.data.targets.problems import find_problems
from striate.errors import DataError
from tests.data.layout_table import (
    LAYOUTS,
    NFC,
    NFD,
    UNDECODABLE,
    Layout,
    cats_and_dogs,
    linked,
    plant,
)


def told(listing: Listing) -> list[str]:
    return [
        f"{finding.kind}: {finding.path}" + (f" ({finding.detail})" if finding.detail else "")
        for finding in listing.findings
    ]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_an_awkward_folder_is_listed_right_or_refused_by_name(layout: Layout, tmp_path: Path):
    layout.build(tmp_path)
    listing = scan(tmp_path)
    assert " ".join(listing.class_names) == layout.classes
    assert len(listing.samples) == layout.count
    assert told(listing) == list(layout.findings)
    found = find_problems(listing)
    assert found == ((layout.problem,) if layout.problem else ())
    assert {finding.kind for finding in listing.findings} <= FINDINGS.keys()


class Refusal(NamedTuple):
    name: str
    build: Callable[[Path], object]
    root: str
    message: str


REFUSALS = [
    Refusal("nothing", lambda r: None, "photos", "photos: no such folder"),
    Refusal(
        "below a file", lambda r: plant(r, "a.jpg"), "a.jpg/photos", "a.jpg/photos: no such folder"
    ),
    Refusal("NUL byte", lambda r: None, "pho\0tos", "pho\\x00tos: no such folder"),
    Refusal("control characters", lambda r: None, "p\x1b[31m\n", "p\\x1b[31m\\n: no such folder"),
    Refusal(
        "dangling link", lambda r: linked(r, "photos", "gone"), "photos", "photos: no such folder"
    ),
    Refusal(
        "loop of links",
        lambda r: linked(r, "photos", "photos"),
        "photos",
        "photos: too many levels of symbolic links",
    ),
    Refusal("no path", lambda r: None, "", "the path is empty; expected a folder of images"),
    Refusal(
        "empty folder",
        lambda r: plant(r, "photos/"),
        "photos",
        "photos: the folder is empty; expected a folder for each class, "
        "as in cat/1.jpg and dog/2.jpg",
    ),
    Refusal(
        "an image",
        lambda r: plant(r, "cat.jpg"),
        "cat.jpg",
        "cat.jpg: expected a folder of images, a CSV manifest or an .npz file",
    ),
    Refusal(
        "an archive",
        lambda r: plant(r, "photos.tar.gz"),
        "photos.tar.gz",
        "photos.tar.gz: an archive; unpack it and give the folder",
    ),
    Refusal(
        "a pickle",
        lambda r: plant(r, "photos.PKL"),
        "photos.PKL",
        "photos.PKL: a pickle can run any program when read, so it is not read; "
        "give the images in a folder",
    ),
    Refusal(
        "a workbook",
        lambda r: plant(r, "list.xlsx"),
        "list.xlsx",
        "list.xlsx: a workbook; save its sheet as 'CSV UTF-8' and give that file",
    ),
    Refusal(
        "a list of boxes",
        lambda r: plant(r, "instances.json"),
        "instances.json",
        "instances.json: no list of boxes; expected images, annotations and categories, as COCO "
        "has them, or a CSV file with the columns path and label",
    ),
    Refusal(
        "a single array",
        lambda r: plant(r, "x.npy"),
        "x.npy",
        "x.npy: one array has no labels; "
        "save images and labels together as x and y in an .npz file",
    ),
    Refusal(
        "a pipe named like a manifest",
        lambda r: os.mkfifo(r / "list.csv"),
        "list.csv",
        "list.csv: expected a folder of images, a CSV manifest or an .npz file",
    ),
    Refusal(
        "two validation splits",
        lambda r: plant(r, "train/cat/1.jpg", "val/cat/1.jpg", "valid/cat/1.jpg"),
        ".",
        ".: 'val' and 'valid' both hold the validation split; keep one of them",
    ),
    Refusal(
        "splits beside a class",
        lambda r: plant(r, "train/cat/1.jpg", "test/cat/1.jpg", "owl/1.jpg"),
        ".",
        ".: 'test' and 'train' are splits of the data, but 'owl' beside them is none; "
        "move it elsewhere, or rename folders that are classes",
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_what_is_no_data_set_is_refused(
    refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    refusal.build(tmp_path)
    with pytest.raises(DataError) as raised:
        scan(refusal.root)
    assert str(raised.value) == refusal.message
    assert raised.value.exit_code == 3


def test_images_stand_in_code_point_order_with_the_labels_of_their_classes(tmp_path: Path):
    plant(
        tmp_path,
        "b/10.jpg",
        "b/9.jpg",
        "b/sub/1.jpg",
        "b/then/2.jpg",
        "b/Z.jpg",
        "a/ä.jpg",
        "a/z.jpg",
    )
    found = [(sample.path, sample.label, sample.split) for sample in scan(tmp_path).samples]
    assert found == [
        ("a/z.jpg", 0, None),
        ("a/ä.jpg", 0, None),
        ("b/10.jpg", 1, None),
        ("b/9.jpg", 1, None),
        ("b/Z.jpg", 1, None),
        ("b/sub/1.jpg", 1, None),
        ("b/then/2.jpg", 1, None),
    ]


def test_splits_come_in_the_order_train_validation_test(tmp_path: Path):
    listing = scan(plant(tmp_path, "Test/b/1.jpg", "train/a/2.jpg", "train/b/3.jpg", "val/a/4.jpg"))
    assert listing.layout == "train/validation/test folders"
    assert [(sample.path, sample.label, sample.split) for sample in listing.samples] == [
        ("train/a/2.jpg", 0, "train"),
        ("train/b/3.jpg", 1, "train"),
        ("val/a/4.jpg", 0, "validation"),
        ("Test/b/1.jpg", 1, "test"),
    ]


def test_a_root_that_is_a_link_is_resolved_once(tmp_path: Path):
    cats_and_dogs(tmp_path / "real")
    linked(tmp_path, "photos", "real")
    listing = scan(tmp_path / "photos")
    assert listing.root == (tmp_path / "real").resolve()
    assert listing.layout == "class folders"
    assert len(listing.samples) == 5


def test_every_listed_path_leads_to_its_file(tmp_path: Path):
    names = [
        "-x.jpg",
        "=1.jpg",
        "\n\t.jpg",
        "\u202e😀.jpg",
        NFC,
        NFD,
        UNDECODABLE,
        "n" * 255,
        "'\".jpg",
    ]
    for number, name in enumerate(names):
        plant(tmp_path, f"class {number}/{name}")
    listing = scan(tmp_path)
    assert sorted(p.path.split("/")[1] for p in listing.samples) == sorted(names)
    assert all((listing.root / sample.path).is_file() for sample in listing.samples)


def test_a_path_of_four_thousand_bytes_is_listed(tmp_path: Path):
    deep = tmp_path / "cat"
    while len(str(deep)) < 3_800:
        deep /= "d" * 200
    deep.mkdir(parents=True)
    (deep / ("n" * (4_094 - len(str(deep))))).touch()
    (image,) = scan(tmp_path).samples
    assert len(f"{tmp_path}/{image.path}") == 4_095


@contextmanager
def nobody() -> Iterator[None]:
    """Without the privileges of root, which may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_listed(open_folder: Path):
    cats_and_dogs(open_folder, "owl/6.jpg", "cat/sub/7.jpg")
    (open_folder / "owl").chmod(0)
    (open_folder / "cat/sub").chmod(0)
    with nobody():
        listing = scan(open_folder)
    assert told(listing) == [
        "unreadable: cat/sub (permission denied)",
        "unreadable: owl (permission denied)",
    ]
    assert len(listing.samples) == 5
    assert find_problems(listing) == ("the folder of class 'owl' cannot be read; make it readable",)


def test_a_root_that_may_not_be_read_is_refused(open_folder: Path):
    cats_and_dogs(open_folder / "photos").chmod(0)
    with nobody(), pytest.raises(DataError) as refusal:
        scan(open_folder / "photos")
    message = f"{open_folder}/photos: permission denied; make the folder readable"
    assert str(refusal.value) == message


def test_scanning_opens_no_file(tmp_path: Path):
    cats_and_dogs(tmp_path)
    opened: list[object] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open":
            opened.append(arguments[0])

    sys.addaudithook(watch)
    scan(tmp_path)
    watching = False
    assert opened == []


def test_looking_at_data_loads_no_torch():
    program = "import sys, striate.data.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
