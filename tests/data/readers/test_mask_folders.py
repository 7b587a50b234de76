"""Folders of images and masks: who belongs to whom, in which split, and what is left over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.cache_store import list_entries
from striate.data.cache.decode_all import decode_all
from striate.data.listing.listing import Listing
from striate.data.listing.samples import IGNORE, Record, Split
from striate.data.readers import mask_values
from striate.data.readers.scan import scan
from striate.data.targets.masks import MaskTargets
from striate.errors import DataError
from tests.data.images import encoded
from tests.data.layout_table import plant

CLASSES = "sky\nroad\nvoid\n"


def planted(root: Path, *paths: str, classes: str = CLASSES) -> Listing:
    plant(root, *paths)
    if classes:
        (root / "classes.txt").write_text(classes)
    return scan(root)


def pairs(listing: Listing) -> list[tuple[str, str, Split | None]]:
    assert isinstance(listing.targets, MaskTargets)
    masks = listing.targets.files.paths
    return [(s.path, m, s.split) for s, m in zip(listing.samples, masks, strict=True)]


def values(listing: Listing) -> dict[int, int]:
    """What the values in the masks stand for."""
    assert isinstance(listing.targets, MaskTargets)
    return dict(listing.targets.files.codes.values)


def told(listing: Listing) -> list[str]:
    return [
        f"{f.kind}: {f.path}" + (f" ({f.detail})" if f.detail else "") for f in listing.findings
    ]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images", "masks"),
        ("Images", "Annotations"),
        ("img", "labels"),
        ("JPEGImages", "SegmentationClass"),
        ("701_StillsRaw_full", "LabeledApproved_full"),
    ],
)
def test_images_and_masks_of_one_stem_are_pairs(tmp_path: Path, images: str, masks: str) -> None:
    listing = planted(
        tmp_path,
        *(f"{images}/{name}" for name in ("b.jpg", "a.png", "deep/a.jpg", "c.x.jpg")),
        *(f"{masks}/{name}" for name in ("a.png", "b_L.png", "deep/a-Mask.png", "c.x.png")),
    )
    assert pairs(listing) == [
        (f"{images}/a.png", f"{masks}/a.png", None),
        (f"{images}/b.jpg", f"{masks}/b_L.png", None),
        (f"{images}/c.x.jpg", f"{masks}/c.x.png", None),
        (f"{images}/deep/a.jpg", f"{masks}/deep/a-Mask.png", None),
    ]
    assert (listing.findings, listing.class_names) == ((), ("sky", "road"))
    assert values(listing)[2] == IGNORE
    voc = images == "JPEGImages"
    assert listing.layout == ("Pascal VOC" if voc else "images and masks")


@pytest.mark.parametrize(
    "form",
    ["{split}/images/{n}.jpg {split}/masks/{n}.png", "images/{split}/{n}.jpg masks/{split}/{n}.png"]
    + [f"{{split}}/{{n}}.jpg {{split}}{added}/{{n}}.png" for added in ("annot", "_labels")],
)
def test_pairs_may_stand_in_splits(tmp_path: Path, form: str) -> None:
    listing = planted(
        tmp_path,
        *(
            path
            for split in ("test", "train", "val")
            for n in (1, 2)
            for path in form.format(split=split, n=n).split()
        ),
    )
    splits = [split for _, _, split in pairs(listing)]
    assert sorted(map(str, splits)) == ["test"] * 2 + ["train"] * 2 + ["validation"] * 2
    assert all(str(split)[:3] in image for image, _, split in pairs(listing))
    assert told(listing) == []


def test_a_folder_around_all_of_them_is_passed_through(tmp_path: Path) -> None:
    listing = planted(tmp_path, "set/images/1.jpg", "set/masks/1.png", "set/images/2.jpg")
    assert pairs(listing) == [("set/images/1.jpg", "set/masks/1.png", None)]
    (tmp_path / "set/classes.txt").write_text("a\nb\n")
    assert scan(tmp_path).class_names == ("a", "b")


def test_what_has_no_other_and_what_is_neither_is_named(tmp_path: Path) -> None:
    listing = planted(
        tmp_path,
        *("images/1.jpg", "images/2.jpg", "images/2.png", "images/3.jpg", "images/note.txt"),
        *("masks/2.png", "masks/2_mask.png", "masks/4.png", "README", ".git/x"),
    )
    assert pairs(listing) == [("images/2.jpg", "masks/2.png", None)]
    assert told(listing) == [
        "hidden: .git (a folder)",
        "stray: images/note.txt (a companion file)",
        "no mask: images/2.png (that of its stem belongs to images/2.jpg)",
        "no image: masks/2_mask.png (images/2.jpg has masks/2.png)",
        "no image: masks/4.png",
        "no mask: images/1.jpg",
        "no mask: images/3.jpg",
        "stray: README (a file outside the folders of images and masks)",
    ]


def test_folders_of_other_files_than_masks_are_classes_as_ever(tmp_path: Path) -> None:
    listing = planted(tmp_path, "images/1.jpg", "labels/1.txt", classes="")
    assert (listing.layout, listing.class_names) == ("class folders", ("images", "labels"))
    assert told(listing) == [
        "stray: labels/1.txt (a companion file)",
        "empty class: labels",
        "perhaps masks: labels (it holds no masks of images)",
    ]


def test_a_folder_of_the_same_names_beside_the_images_may_be_masks(tmp_path: Path) -> None:
    listing = planted(tmp_path, *(f"{f}/{n}.png" for f in ("segm", "images") for n in "ab"))
    assert (listing.layout, listing.class_names) == ("class folders", ("images", "segm"))
    assert told(listing) == [
        "stray: classes.txt (a file outside the class folders)",
        "perhaps masks: segm (its files are called like those of images)",
    ]
    plant(tmp_path, "images/c.png", "segm/d.png")
    assert len(told(scan(tmp_path))) == 1


def voc(root: Path, **lists: str) -> Path:
    home = "VOCdevkit/VOC2012"
    plant(root, *(f"{home}/JPEGImages/{n}.jpg" for n in "abcdef"), f"{home}/Annotations/a.xml")
    plant(root, *(f"{home}/SegmentationClass/{n}.png" for n in "abcd"))
    for name, text in lists.items():
        file = root / home / "ImageSets/Segmentation" / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_lists_of_pascal_voc_give_images_and_splits(tmp_path: Path) -> None:
    lists = {"train": "b\na\n", "val": "c\n", "trainval": "a\nb\nc\n", "test": "e\ng\n"}
    listing = scan(voc(tmp_path, **lists))
    home = "VOCdevkit/VOC2012"
    assert pairs(listing) == [
        (f"{home}/JPEGImages/{stem}.jpg", f"{home}/SegmentationClass/{stem}.png", split)
        for stem, split in (("b", "train"), ("a", "train"), ("c", "validation"))
    ]
    assert told(listing) == [
        f"no mask: {home}/JPEGImages/e.jpg",
        f"no mask: {home}/JPEGImages/g.jpg",
        f"stray: {home}/JPEGImages/d.jpg (and 1 more that are in no list of "
        "ImageSets/Segmentation)",
    ]
    assert (listing.layout, len(listing.class_names)) == ("Pascal VOC", 21)


def test_lists_of_pascal_voc_may_have_suffixes_and_a_byte_order_mark(tmp_path: Path) -> None:
    listing = scan(voc(tmp_path, train="\ufeffb.jpg\r\na.PNG\r\n", val="c\n"))
    assert [Path(image).name for image, _, _ in pairs(listing)] == ["b.jpg", "a.jpg", "c.jpg"]


def test_lists_of_pascal_voc_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        scan(voc(tmp_path, aeroplane_train="a\n"))
    folder = tmp_path / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    assert str(caught.value) == (
        f"{folder}: expected train.txt and val.txt, or trainval.txt, with a stem a line"
    )


def test_without_splits_pascal_voc_is_split_by_content(tmp_path: Path) -> None:
    listing = scan(voc(tmp_path, trainval="a\nb\n", test="c\n"))
    assert [split for _, _, split in pairs(listing)] == [None, None, "test"]
    with pytest.raises(DataError) as caught:
        scan(voc(tmp_path, train="a\nb\n", val="b\n"))
    file = tmp_path / "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt"
    assert str(caught.value) == f"{file}: 'b' stands in two lists; keep one of them"


def masks(root: Path, *arrays: np.ndarray) -> Path:
    (root / "images").mkdir()
    (root / "masks").mkdir()
    for number, array in enumerate(arrays):
        shape = array.shape[1], array.shape[0]
        Image.new("RGB", shape, (number, 9, 9)).save(root / f"images/{number}.png")
        (root / f"masks/{number}.png").write_bytes(encoded(Image.fromarray(array)))
    return root


def gray(*values: int) -> np.ndarray:
    return np.repeat(np.array([values], np.uint8), 8, axis=0)


def test_without_a_table_classes_are_the_values_seen(tmp_path: Path) -> None:
    listing = scan(masks(tmp_path, gray(0, 7, 7), gray(9, 255, 0)))
    assert listing.class_names == ("0", "7", "9")
    assert values(listing) == {0: 0, 7: 1, 9: 2, 255: IGNORE}
    detail = "not there; the masks hold the values 0, 7, 9"
    assert told(listing) == [f"no class names: classes.txt ({detail})"]


def test_masks_without_a_table_are_decoded_again_only_if_one_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []

    def counted(listing: Listing) -> Iterator[tuple[int, Record]]:
        decoded.append(len(listing.samples))
        return decode_all(listing)

    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mask_values, "decode_all", counted)
    (tmp_path / "data").mkdir()
    root = masks(tmp_path / "data", gray(0, 7, 7), gray(9, 255, 0))
    assert [scan(root).class_names for _ in range(3)] == [("0", "7", "9")] * 3
    assert decoded == [2]
    (root / "masks/0.png").write_bytes(encoded(Image.fromarray(gray(0, 8, 8))))
    assert [scan(root).class_names for _ in range(2)] == [("0", "8", "9")] * 2
    assert decoded == [2, 2]
    entries = list_entries(tmp_path / "cache")
    assert [entry.about for entry in entries] == [f"{root}, values of masks"] * 2
    for entry in entries:
        (entry.folder / "values.json").write_text("{}")
    assert scan(root).class_names == ("0", "8", "9")
    monkeypatch.setenv("STRIATE_CACHE", "/proc/none")
    assert scan(root).class_names == ("0", "8", "9")
    assert decoded == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("grays", "classes"), [((0, 255), 2), ((0, 127, 255), 3), ((0, 85, 170, 255), 4)]
)
def test_values_spread_over_all_grays_are_left_to_be_named(
    tmp_path: Path, grays: tuple[int, ...], classes: int
) -> None:
    listing = scan(masks(tmp_path, gray(*grays)))
    assert listing.class_names == tuple(map(str, range(classes)))
    assert values(listing)[255] == IGNORE
    shown = ", ".join(map(str, grays))
    detail = f"not there; the masks hold the values {shown}"
    assert told(listing) == [f"no class names: classes.txt ({detail})"]


def test_masks_that_cannot_be_read_are_not_said_to_hold_values(tmp_path: Path) -> None:
    listing = scan(masks(tmp_path, gray(0, 1).astype(np.uint16) * 1000))
    assert told(listing) == ["no class names: classes.txt (not there)"]


def test_colors_and_too_many_values_need_a_table(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError) as caught:
        scan(masks(tmp_path / "a", gray(*range(100)), gray(1, 2)))
    assert str(caught.value) == (
        f"{tmp_path / 'a'}: the masks hold 100 different values, masks/0.png alone 100,\n"
        "and no table says which are classes; name them in classes.txt, one a line"
    )
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError) as caught:
        scan(masks(tmp_path / "b", np.full((4, 4, 3), (9, 8, 0x70), np.uint8)))
    assert str(caught.value) == (
        f"{tmp_path / 'b'}: masks/0.png holds colors (#090870 in 16 pixels),\n"
        "and no table says which class each stands for; "
        "name them in classes.txt, as in 'sky 128 128 128'"
    )
