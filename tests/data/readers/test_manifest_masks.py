"""Manifests with a column of masks: what is read, and the line of what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

import striate
from striate.data.listing.listing import Listing
from striate.data.listing.samples import IGNORE, Split
from striate.data.readers.scan import scan
from striate.data.targets.masks import MaskTargets
from striate.errors import DataError

CLASSES = "sky\nroad\nvoid\n"


@pytest.fixture(autouse=True)
def _images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three images, and masks whose names say nothing of theirs."""
    monkeypatch.chdir(tmp_path)
    for folder in ("shots", "truth"):
        Path(folder).mkdir()
    for number in range(1, 4):
        pixels = np.full((8, 8, 3), number * 20, np.uint8)
        Image.fromarray(pixels).save(f"shots/{number}.png")
        mask = np.arange(64, dtype=np.uint8).reshape(8, 8) % 3
        Image.fromarray(mask).save(f"truth/{'xyz'[number - 1]}.png")
    Path("classes.txt").write_text(CLASSES)


def read(text: str, kind: str | None = None) -> Listing:
    Path("list.csv").write_text(text)
    return scan("list.csv", kind)


def pairs(listing: Listing) -> list[tuple[str, str, Split | None]]:
    assert isinstance(listing.targets, MaskTargets)
    masks = listing.targets.files.paths
    return [(s.path, m, s.split) for s, m in zip(listing.samples, masks, strict=True)]


ROWS = "shots/1.png,truth/y.png,train\nshots/2.png,truth/x.png,val\nshots/3.png,truth/z.png,test\n"
PAIRS = [
    ("shots/1.png", "truth/y.png", "train"),
    ("shots/2.png", "truth/x.png", "validation"),
    ("shots/3.png", "truth/z.png", "test"),
]


@pytest.mark.parametrize(
    "header",
    ["image,mask,split", "path,mask,split", "Image_Path, Mask_Path, Part", "path,masks,split"],
)
def test_each_image_has_the_mask_of_its_row(header: str) -> None:
    listing = read(f"{header}\n{ROWS}")
    assert pairs(listing) == PAIRS
    assert (listing.layout, listing.class_names) == ("manifest", ("sky", "road"))
    assert isinstance(listing.targets, MaskTargets)
    assert dict(listing.targets.files.codes.values)[2] == IGNORE
    assert listing.findings == ()


def test_other_columns_and_another_delimiter_change_nothing() -> None:
    listing = read(
        "id;mask;weather;image\n1;truth/y.png;fog;shots/1.png\n2;./truth//x.png;;shots/2.png\n"
    )
    assert pairs(listing) == [(image, mask, None) for image, mask, _ in PAIRS[:2]]


def test_a_parquet_file_has_the_same_columns() -> None:
    rows = [line.split(",") for line in ROWS.splitlines()]
    columns = dict(zip(("image", "mask", "split"), zip(*rows, strict=True), strict=True))
    parquet.write_table(
        pa.table({name: list(cells) for name, cells in columns.items()}), "a.parquet"
    )
    assert pairs(scan("a.parquet")) == PAIRS


def test_a_label_wins_over_a_mask_unless_the_task_asks_for_it() -> None:
    text = "path,label,mask\nshots/1.png,a,truth/x.png\nshots/2.png,b,truth/y.png\n"
    assert read(text).class_names == ("a", "b")
    assert read(text, "mask").class_names == ("sky", "road")


def test_a_mask_of_0_and_1_is_a_label_where_the_task_says_so() -> None:
    text = "path,mask,hat\nshots/1.png,1,0\nshots/2.png,0,1\n"
    assert read(text, "labels").class_names == ("mask", "hat")
    assert read(text, "numbers").class_names == ("mask", "hat")


def test_without_a_table_the_classes_are_the_values_of_the_masks() -> None:
    Path("classes.txt").unlink()
    listing = read(f"image,mask,split\n{ROWS}")
    assert listing.class_names == ("0", "1", "2")
    assert [(f.kind, f.detail) for f in listing.findings] == [
        ("no class names", "not there; the masks hold the values 0, 1, 2")
    ]


def test_a_row_may_repeat_another_and_is_counted_once() -> None:
    listing = read(f"image,mask,split\n{ROWS}./shots/1.png,truth/../truth/y.png,train\n")
    assert pairs(listing) == PAIRS
    assert [(f.kind, f.path, f.detail) for f in listing.findings] == [
        ("repeated row", "shots/1.png", "line 5 repeats line 2")
    ]


def refused(text: str) -> str:
    with pytest.raises(DataError) as refusal:
        read(text)
    return str(refusal.value).removeprefix("list.csv: ")


REFUSALS = {
    "no such mask": (
        "image,mask\nshots/1.png,truth/x.png\nshots/2.png,truth/q.png\n",
        "line 3: no such file: 'truth/q.png'",
    ),
    "other case": (
        "image,mask\nshots/1.png,truth/X.png\n",
        "line 2: no such file: 'truth/X.png'; did you mean 'truth/x.png'?",
    ),
    "a mask elsewhere": (
        "image,mask\nshots/1.png,../x.png\n",
        "line 2: '../x.png' leads out of the manifest's folder; keep the manifest above its images",
    ),
    "a folder": (
        "image,mask\nshots/1.png,truth\n",
        "line 2: 'truth' is a folder; expected an image",
    ),
    "empty cell": (
        "image,mask\nshots/1.png,truth/x.png\nshots/2.png,\n",
        "line 3: the mask is empty; give its path, or remove the line",
    ),
    "NUL byte": (
        "image,mask\nshots/1.png,truth/\0.png\n",
        "line 2: the mask holds a NUL byte; write the manifest anew",
    ),
    "a label": (
        "image,mask\nshots/1.png,yes\n",
        "line 2: the mask is 'yes'; expected the path of a file; if it is a label or a number, say "
        "--task multilabel or --task regression",
    ),
    "a number": (
        "image,mask,age\nshots/1.png,0.25,3\n",
        "line 2: the mask is '0.25'; expected the path of a file; if it is a label or a number, "
        "say --task multilabel or --task regression",
    ),
    "column twice": (
        "image,mask,mask\nshots/1.png,truth/x.png,truth/y.png\n",
        "line 1: a column stands twice in 'image,mask,mask'; keep one of the two",
    ),
    "two columns of masks": (
        "image,mask,mask_path\nshots/1.png,truth/x.png,truth/y.png\n",
        "line 1: a column stands twice in 'image,mask,mask_path'; keep one of the two",
    ),
    "images twice": (
        "image,image,mask\nshots/1.png,shots/1.png,truth/y.png\n",
        "line 1: a column stands twice in 'image,image,mask'; keep one of the two",
    ),
    "two masks of an image": (
        "image,mask\nshots/1.png,truth/x.png\nshots/1.png,truth/y.png\n",
        "line 3: 'shots/1.png' has the mask 'truth/y.png', but 'truth/x.png' in line 2; remove the "
        "wrong line",
    ),
    "a column of masks of another name": (
        "image,annotation\nshots/1.png,truth/x.png\n",
        "line 2: 'annotation' is 'truth/x.png', and no line has a number there; call the column "
        "'label' if it\nholds classes, 'mask' if it holds the paths of masks, write 1 and 0 if it "
        "is a label that an image has or not,\nelse remove the column",
    ),
    "no column of images": (
        "picture,mask\nshots/1.png,truth/x.png\n",
        "line 1: expected the columns 'path,label' or 'path,label,split', found 'picture,mask'",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_wrong_is_refused_with_its_line(text: str, message: str) -> None:
    assert refused(text) == message


def test_an_empty_mask_in_parquet_is_refused_with_its_row() -> None:
    table = pa.table({"image": ["shots/1.png", "shots/2.png"], "mask": ["truth/x.png", None]})
    parquet.write_table(table, "a.parquet")
    with pytest.raises(DataError) as refusal:
        scan("a.parquet")
    assert str(refusal.value) == (
        "a.parquet: row 2: the mask is empty; give its path, or remove the line"
    )


def test_check_tells_the_task_and_names_masks_of_another_size_or_value() -> None:
    Image.new("L", (7, 8)).save("truth/small.png")
    Image.fromarray(np.repeat([[0], [9]], 8, 1).repeat(4, 0).astype(np.uint8)).save("truth/odd.png")
    for number in (4, 5):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(f"shots/{number}.png")
    rows = "shots/4.png,truth/small.png,train\nshots/5.png,truth/odd.png,train\n"
    Path("list.csv").write_text(f"image,mask,split\n{ROWS}{rows}".replace("test", "train"))
    assert str(striate.check("list.csv")) == (
        "list.csv: 3 images in 2 classes (manifest)\n"
        "8 x 8 pixels; color\n"
        "\n"
        "class  train  validation  pixels\n"
        "sky        2           1  51.2 %\n"
        "road       2           1  48.8 %\n"
        "ignored: 32.8 % of all pixels, which are of no class\n"
        "\n"
        "1 mask size: left out: a mask must be as large as its image\n"
        "    truth/small.png: 7 x 8 pixels, its image 8 x 8\n"
        "1 unknown value: left out: no class has this value; correct it, or give each line of "
        "classes.txt its value, as in '23 building'\n"
        "    truth/odd.png: 9 in 32 pixels\n"
        "3 blank: nothing is to be seen\n"
        "    shots/1.png: gray levels 20 to 20 of 255\n"
        "    shots/2.png: gray levels 40 to 40 of 255\n"
        "    shots/3.png: gray levels 60 to 60 of 255\n"
        "\n"
        "It can be trained on: segmentation."
    )
