"""Folders of images with boxes: which form they have, who belongs to whom, and what is odd."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from striate.data.readers.scan import scan
from striate.errors import DataError
from tests.data.boxes import boxes_of, coco, splits_of, told, voc
from tests.data.layout_table import cats_and_dogs, plant

CAT = ("cat", 1, 2, 10, 20)


@pytest.mark.parametrize(
    ("images", "boxes"), [("JPEGImages", "Annotations"), ("images", "xml"), (".", ".")]
)
def test_an_xml_file_for_each_image_is_pascal_voc(tmp_path: Path, images: str, boxes: str) -> None:
    plant(tmp_path, f"{images}/1.jpg", f"{images}/2.jpg")
    voc(tmp_path / boxes / "1.xml", [CAT, ("dog", 5, 5, 9, 9)])
    voc(tmp_path / boxes / "2.xml", [])
    listing, inside = scan(tmp_path), "" if images == "." else f"{images}/"
    assert (listing.layout, listing.targets.spec.kind) == ("Pascal VOC", "boxes")
    assert listing.class_names == ("cat", "dog")
    # corners are numbers of pixels from 1, the last one included: edges begin one before
    assert boxes_of(listing) == {
        f"{inside}1.jpg": [("cat", 0, 1, 10, 20), ("dog", 4, 4, 9, 9)],
        f"{inside}2.jpg": [],
    }
    assert told(listing) == []


def test_the_lists_of_pascal_voc_tell_images_and_splits(tmp_path: Path) -> None:
    home = tmp_path / "set"
    plant(home, *(f"JPEGImages/{number}.jpg" for number in range(1, 6)), "README")
    for number in (1, 2, 4):
        voc(home / f"Annotations/{number}.xml", [CAT])
    for name, stems in {"train": "1\n2\n", "val": "3\n", "test": "9\n"}.items():
        (home / "ImageSets/Main").mkdir(parents=True, exist_ok=True)
        (home / f"ImageSets/Main/{name}.txt").write_text(stems)
    listing = scan(tmp_path)
    assert splits_of(listing) == {
        "set/JPEGImages/1.jpg": "train",
        "set/JPEGImages/2.jpg": "train",
        "set/JPEGImages/3.jpg": "validation",
    }
    assert boxes_of(listing)["set/JPEGImages/3.jpg"] == []
    assert told(listing) == [
        "box image: set/JPEGImages/9.jpg (listed)",
        "stray: set/JPEGImages/4.jpg (and 1 more that are in no list of ImageSets/Main)",
    ]


def test_difficult_boxes_are_ignored_and_those_of_parts_are_none(tmp_path: Path) -> None:
    plant(tmp_path, "images/1.jpg")
    part = "<part><name>head</name><bndbox><xmin>3</xmin></bndbox></part>"
    voc(tmp_path / "xml/1.xml", [CAT], more=f"{part}<difficult>1</difficult>")
    assert boxes_of(scan(tmp_path)) == {"images/1.jpg": [("cat", 0, 1, 10, 20, "ignored")]}


def test_a_file_that_is_no_annotation_is_left_out_with_its_image(tmp_path: Path) -> None:
    plant(tmp_path, *(f"images/{number}.jpg" for number in range(1, 6)))
    voc(tmp_path / "xml/1.xml", [CAT])
    (tmp_path / "xml/2.xml").write_text("<annotation>\n<object>\n</annotation>")
    (tmp_path / "xml/3.xml").write_text(
        '<!DOCTYPE a [<!ENTITY b "bbbbbbbb">]>\n<annotation><object>&b;</object></annotation>'
    )
    (tmp_path / "xml/4.xml").write_text("<kml/>")
    (tmp_path / "xml/5.xml").write_text("<annotation>" + "<a>" * 30)
    voc(tmp_path / "xml/6.xml", [CAT])
    listing = scan(tmp_path)
    assert list(boxes_of(listing)) == ["images/1.jpg"]
    assert told(listing) == [
        "box image: xml/6.xml (no image of its stem)",
        "box file: xml/2.xml (line 3: mismatched tag)",
        "box file: xml/3.xml (line 1: it defines an entity)",
        "box file: xml/4.xml (expected <annotation>, found <kml>)",
        "box file: xml/5.xml (line 1: too many elements in each other)",
    ]


def test_boxes_that_cannot_be_are_named_with_their_line(tmp_path: Path) -> None:
    plant(tmp_path, "images/1.jpg")
    rows = [CAT, ("dog", 9, 5, 4, 8), ("dog", 3, 3, 3, 9), CAT, ("dog", float("nan"), 1, 2, 3)]
    voc(tmp_path / "xml/1.xml", rows)
    listing = scan(tmp_path)
    assert boxes_of(listing) == {"images/1.jpg": [("cat", 0, 1, 10, 20), ("dog", 3, 4, 9, 8)]}
    assert told(listing) == [
        "box turned: xml/1.xml (line 8: dog, 9 5 4 8 in images/1.jpg)",
        "box empty: xml/1.xml (line 12: dog, 3 3 3 9 in images/1.jpg)",
        "box double: xml/1.xml (line 16: cat, 1 2 10 20 in images/1.jpg, as in line 4)",
        "box number: xml/1.xml (line 20: dog, nan 1 2 3 in images/1.jpg)",
    ]


@pytest.mark.parametrize(
    "names",
    [
        "classes.txt|cat\ndog\n",
        "data.yaml|path: x\nnames: ['cat', \"dog\"]\nnc: 2\n",
        "data.yaml|names:\n  0: cat\n  1: dog  # good\nnc: 2\n",
        "coco.yml|nc: 2\nnames:\n- cat\n- dog\n",
        "data.yaml|names: {1: dog, 0: cat}\n",
    ],
)
def test_a_text_file_for_each_image_is_yolo(tmp_path: Path, names: str) -> None:
    file, text = names.split("|")
    for split in ("train", "val"):
        plant(tmp_path, f"images/{split}/1.jpg", f"images/{split}/2.jpg")
        (tmp_path / f"labels/{split}").mkdir(parents=True)
        lines = "1 0.5 0.5 0.5 0.25\n\n0 0.1 0.2 0.3 0.2 0.3 0.6\n2 0.5 0.5 0.1 0.1\n"
        (tmp_path / f"labels/{split}/1.txt").write_text(lines)
    (tmp_path / file).write_text(text)
    listing = scan(tmp_path)
    assert (listing.layout, listing.class_names) == ("YOLO", ("cat", "dog"))
    assert set(splits_of(listing).values()) == {"train", "validation"}
    boxes = boxes_of(listing)
    assert boxes["images/train/2.jpg"] == []
    assert [each[0] for each in boxes["images/val/1.jpg"]] == ["dog", "cat"]
    assert boxes["images/val/1.jpg"][0][1:] == (0.25, 0.375, 0.75, 0.625)
    assert boxes["images/val/1.jpg"][1][1:] == pytest.approx((0.1, 0.2, 0.3, 0.6))
    assert told(listing) == [
        f"box class: labels/{split}/1.txt (line 4: 2, 0.45 0.45 0.55 0.55 in images/{split}/1.jpg)"
        for split in ("train", "val")
    ]


def test_yolo_without_names_counts_its_classes(tmp_path: Path) -> None:
    plant(tmp_path, "train/images/1.jpg", "train/images/2.jpg")
    (tmp_path / "train/labels").mkdir()
    (tmp_path / "train/labels/1.txt").write_text("7 0.5 0.5 0.2 0.1\n")
    (tmp_path / "train/labels/2.txt").write_text("a cat\n")
    listing = scan(tmp_path)
    assert listing.class_names == ("7",)
    assert told(listing) == [
        "box file: train/labels/2.txt (expected a class and four numbers a line, as in "
        "'0 0.5 0.5 0.2 0.1')",
        "no class names: classes.txt (not there)",
    ]


def test_captions_beside_images_are_no_boxes(tmp_path: Path) -> None:
    plant(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "1.txt").write_text("a cat on a mat\n")
    assert scan(tmp_path).targets.spec.kind == "label"


def test_class_folders_stay_what_they_are_beside_files_of_boxes(tmp_path: Path) -> None:
    cats_and_dogs(tmp_path)
    voc(tmp_path / "cat/1.xml", [CAT])
    assert scan(tmp_path).targets.spec.kind == "label"


def test_masks_are_preferred_to_boxes_unless_these_are_asked_for(tmp_path: Path) -> None:
    plant(tmp_path, "JPEGImages/1.jpg", "SegmentationClass/1.png")
    voc(tmp_path / "Annotations/1.xml", [CAT])
    assert scan(tmp_path).targets.spec.kind == "mask"
    assert scan(tmp_path, "boxes").targets.spec.kind == "boxes"


def test_coco_has_a_file_for_each_split(tmp_path: Path) -> None:
    for split in ("train", "val"):
        plant(tmp_path, f"{split}2017/1.jpg", f"{split}2017/2.jpg")
        file = tmp_path / f"annotations/instances_{split}2017.json"
        coco(file, ["1.jpg", "2.jpg"], [(1, 2, [4, 5, 10, 6.5]), (1, 1, [0, 0, 3, 3])])
    shutil.copy(file, file.with_name("person_keypoints_val2017.json"))
    (tmp_path / "annotations/captions_val2017.json").write_text('{"annotations": []}')
    listing = scan(tmp_path)
    assert (listing.layout, listing.class_names) == ("COCO", ("cat", "dog"))
    assert splits_of(listing)["val2017/2.jpg"] == "validation"
    boxes = [("dog", 4, 5, 14, 11.5), ("cat", 0, 0, 3, 3)]
    assert boxes_of(listing)["train2017/1.jpg"] == boxes
    assert [each for each in told(listing) if "companion" not in each] == []


def test_coco_may_have_one_file_in_each_folder_of_images_or_one_for_all(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        plant(tmp_path / "many", f"{split}/1.jpg")
        coco(tmp_path / f"many/{split}/_annotations.coco.json", ["1.jpg"], [(1, 1, [1, 1, 2, 2])])
    assert splits_of(scan(tmp_path / "many")) == {
        "train/1.jpg": "train",
        "valid/1.jpg": "validation",
    }
    plant(tmp_path / "one", "images/a/1.jpg", "images/2.jpg", "images/3.jpg", "images/4.jpg")
    file = tmp_path / "one/all.json"
    coco(file, ["C:\\me\\a\\1.jpg", "2.jpg", "5.jpg"], [(1, 1, [1, 1, 2, 2])], iscrowd=1)
    for place in (file.parent, file):
        listing = scan(place)
        assert boxes_of(listing) == {
            "images/a/1.jpg": [("cat", 1, 1, 3, 3, "ignored")],
            "images/2.jpg": [],
        }
        assert told(listing) == [
            "box image: all.json (no such image: 5.jpg)",
            "stray: images/3.jpg (no list of boxes names it)",
            "stray: images/4.jpg (no list of boxes names it)",
        ]


def test_a_category_that_only_groups_others_is_no_class(tmp_path: Path) -> None:
    plant(tmp_path, "1.jpg")
    coco(tmp_path / "a.json", ["1.jpg"], [(1, 2, [1, 1, 2, 2])], ["pets", "cat", "dog"])
    content = json.loads((tmp_path / "a.json").read_text())
    for category, above in zip(content["categories"], ("none", "pets", "pets"), strict=True):
        category["supercategory"] = above
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert scan(tmp_path).class_names == ("cat", "dog")


def test_odd_annotations_of_coco_are_named_by_their_number(tmp_path: Path) -> None:
    plant(tmp_path, "1.jpg")
    file = tmp_path / "a.json"
    coco(
        file,
        ["1.jpg"],
        [(1, 7, [1, 1, 2, 2]), (1, 1, [9, 9, -4, 2]), (1, 1, [1, 1, 0, 2]), (1, 1, [1, 2])],
    )
    listing = scan(tmp_path)
    assert boxes_of(listing) == {"1.jpg": [("cat", 5, 9, 9, 11)]}
    assert told(listing) == [
        "box class: a.json (annotation 101: category 7, 1 1 3 3 in 1.jpg)",
        "box turned: a.json (annotation 102: cat, 9 9 5 11 in 1.jpg)",
        "box empty: a.json (annotation 103: cat, 1 1 1 3 in 1.jpg)",
        "box number: a.json (annotation 104: cat, nan nan nan nan in 1.jpg)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"images": 3, "annotations": [], "categories": []}',
            "a.json: expected images with id and file_name, categories with id and name, and "
            "annotations with image_id, category_id and bbox, as COCO has them",
        ),
        (
            '{"images": [], "annotations": [],\n "categories": [}',
            "a.json: line 2, column 17: expecting value",
        ),
    ],
)
def test_a_file_of_coco_that_cannot_be_read_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    plant(tmp_path, "1.jpg")
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError) as raised:
        scan("a.json")
    assert str(raised.value) == f"{tmp_path}/{message}"


def test_an_image_in_two_files_of_coco_stops(tmp_path: Path) -> None:
    plant(tmp_path, "1.jpg")
    for name in "ab":
        coco(tmp_path / f"{name}.json", ["1.jpg"], [(1, 1, [1, 1, 2, 2])])
    with pytest.raises(DataError) as raised:
        scan(tmp_path)
    assert str(raised.value) == f"{tmp_path}/b.json: 1.jpg stands in a.json too; keep one"


def test_a_list_of_the_classes_of_images_is_none_of_boxes(tmp_path: Path) -> None:
    cats_and_dogs(tmp_path)
    content = {
        "images": [{"id": 1, "file_name": "cat/1.jpg"}],
        "annotations": [{"image_id": 1, "category_id": 1}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "train2019.json").write_text(json.dumps(content))
    assert scan(tmp_path).targets.spec.kind == "label"
