"""Folders of images with boxes: COCO's JSON, and XML (Pascal VOC) or text (YOLO) for each image.

JPEGImages/1.jpg     Annotations/1.xml      ImageSets/Main/train.txt, val.txt, test.txt
images/1.jpg         labels/1.txt           classes.txt or data.yaml
train/images/1.jpg   train/labels/1.txt     or images/train/, labels/train/
train/1.jpg          train/1.xml            or 1.jpg and 1.xml, without splits
train2017/1.jpg      annotations/instances_train2017.json
train/1.jpg          train/_annotations.coco.json
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.listing import Listing
from striate.data.listing.samples import SPLITS, Finding, Sample, Split, fold_case
from striate.data.listing.split_names import split_of
from striate.data.readers.box_lists import SHARES, BoxedImage, list_boxes
from striate.data.readers.coco import CocoFile, list_coco, read_coco
from striate.data.readers.entries import companion, suffix
from striate.data.readers.folder_pairs import IMAGES, inner_splits, read_lists, stem_of, unwrap
from striate.data.readers.voc_boxes import VocError, read_voc
from striate.data.readers.walk import Folder, list_files, read_folder
from striate.data.readers.yolo_boxes import TABLES, YAML, find_names, read_yolo
from striate.errors import DataError, printable

#: names of folders of boxes, folded
_BOXES = ("annotations", "annotation", "xml", "xmls", "labels", "label", "boxes", "bboxes")
_LISTS = "ImageSets/Main"
_INSTANCES = "instances"  #: in the names of COCO's files of boxes, beside key points and captions


class _Pair(NamedTuple):
    """A folder of images and the one of their boxes, which may be the same; "." is the root."""

    images: str
    boxes: str
    split: Split | None


@dataclass
class _Content:
    """What the folders hold: images, the files of their boxes by stem, and what else was found."""

    images: dict[str, Split | None] = field(default_factory=dict[str, Split | None])
    file_of: dict[str, str] = field(default_factory=dict[str, str])  #: image -> file of its boxes
    findings: list[Finding] = field(default_factory=list[Finding])


def read_box_folders(place: Path, folders: Sequence[str], files: Sequence[str]) -> Listing | None:
    """List a folder with images and boxes; None if it holds none.

    `folders` and `files` are what is in it. Raises DataError for a file or a list of images that
    cannot be read.
    """
    home, inside = unwrap(str(place), folders)
    top = read_folder(str(place), home.rstrip("/"), []).files if home else files
    for folder, content in (
        ("", Folder(list(folders), list(files))),
        (home, Folder(list(inside), list(top))),
    ):
        if coco := _coco_files(place, folder, content):
            return _list_coco(place, folder, coco)
    pairs = _find_pairs(str(place), home, inside, top)
    for ending, read in ((".xml", _read_voc), (".txt", _read_yolo)):
        content = _match(str(place), pairs, ending)
        if content.file_of:
            content.findings += _strays(home, pairs, files)
            if listing := read(place, home, pairs, content):
                return listing
    return None


def read_coco_file(file: Path) -> Listing:
    """List the images that a file of COCO names, in its folder or below. Raises DataError."""
    place = Path(os.path.realpath(file)).parent
    coco = read_coco(place, file.name)
    if coco is None:
        raise DataError(
            f"{printable(str(file))}: no list of boxes; expected images, annotations and "
            "categories, as COCO has them, or a CSV file with the columns path and label"
        )
    return _list_coco(place, "", [coco])


def _coco_files(place: Path, home: str, inside: Folder) -> list[CocoFile]:
    """Return the files of COCO beside the folders of images, in one for boxes, or in splits."""
    named = [f"{home}{name}" for name in inside.files]
    for folder in inside.folders:
        if fold_case(folder) in _BOXES or split_of(folder):
            content = read_folder(str(place), f"{home}{folder}", [])
            named += [f"{home}{folder}/{name}" for name in content.files]
    found = [read_coco(place, path) for path in named if suffix(path) == ".json"]
    coco = [each for each in found if each is not None]
    return [each for each in coco if _INSTANCES in each.path.rpartition("/")[2]] or coco


def _list_coco(place: Path, home: str, files: Sequence[CocoFile]) -> Listing:
    findings = list[Finding]()
    paths = _candidates(str(place), home.rstrip("/") or ".", findings)
    used = {each.path for each in files}
    return list_coco(place, files, paths, [each for each in findings if each.path not in used])


def _find_pairs(place: str, home: str, inside: Sequence[str], top: Sequence[str]) -> list[_Pair]:
    """Return the folders of images with those of their boxes, of the root or of its splits."""
    if pair := _pair_of(inside):
        return [_Pair(home + pair[0], home + pair[1], None)]
    pairs: list[_Pair] = []
    for name in inside:
        split, folder = split_of(name), home + name
        content = read_folder(place, folder, []) if split else None
        if content and (pair := _pair_of(content.folders)):
            pairs.append(_Pair(f"{folder}/{pair[0]}", f"{folder}/{pair[1]}", split))
        elif content and not content.folders and _beside(content.files):
            pairs.append(_Pair(folder, folder, split))
    if not inside and _beside(top):
        pairs.append(_Pair(home.rstrip("/") or ".", home.rstrip("/") or ".", None))
    return sorted(pairs, key=lambda pair: SPLITS.index(pair.split or "train"))


def _pair_of(folders: Sequence[str]) -> tuple[str, str] | None:
    named = {fold_case(name): name for name in folders}
    images = next((named[name] for name in IMAGES if name in named), None)
    boxes = next((named[name] for name in _BOXES if name in named), None)
    return (images, boxes) if images and boxes else None


def _beside(files: Sequence[str]) -> bool:
    """Return whether files of boxes stand beside the images of their stems."""
    held = {(stem, suffix(name)) for name in files for stem in [name.rpartition(".")[0]]}
    stems = {stem for stem, ending in held if ending in (".xml", ".txt")}
    return any(stem in stems for stem, ending in held if not companion(ending))


def _match(place: str, pairs: Sequence[_Pair], ending: str) -> _Content:
    """Match images with the files of this ending by stem."""
    content = _Content()
    for pair in pairs:
        findings = list[Finding]()
        images = _candidates(place, pair.images, findings)
        if pair.boxes != pair.images:
            others = _candidates(place, pair.boxes, findings)
            findings += [Finding("stray", path, "no file of boxes") for path in others]
        files = {
            stem_of(each.path, pair.boxes): each.path
            for each in findings
            if suffix(each.path) == ending and each.kind == "stray"
        }
        splits = inner_splits(pair.images, images)
        stems = {path: stem_of(path, pair.images) for path in images}
        content.images |= {path: pair.split or splits[path] for path in images}
        content.file_of |= {path: files[stem] for path, stem in stems.items() if stem in files}
        for each in findings:
            lone = each.path in files.values() and each.path not in content.file_of.values()
            named = each.path.rpartition("/")[2] in TABLES
            if lone and pair.boxes != pair.images and not named:
                content.findings.append(Finding("box image", each.path, "no image of its stem"))
            elif not named and each.path not in files.values():
                content.findings.append(each)
    return content


def _candidates(place: str, folder: str, findings: list[Finding]) -> list[str]:
    """Return the candidates in a folder, relative to the root, which "." is."""
    found = list[Finding]()
    paths = [path.removeprefix("./") for path in list_files(place, folder, found)]
    findings += [replace(each, path=each.path.removeprefix("./")) for each in found]
    return paths


def _strays(home: str, pairs: Sequence[_Pair], files: Sequence[str]) -> Iterator[Finding]:
    """Yield the files beside the folders, without those of class names."""
    if home or pairs[0].images != ".":
        for name in files:
            if name not in TABLES and suffix(name) not in YAML:
                yield Finding("stray", name, "a file outside the folders of images and boxes")


def _read_voc(place: Path, home: str, pairs: Sequence[_Pair], content: _Content) -> Listing | None:
    """List images with files in the form of Pascal VOC; None if none of the files has it."""
    lists = Path(place, home, _LISTS)
    if lists.is_dir() and len(pairs) == 1:
        _keep_listed(content, pairs[0].images, read_lists(lists))
    images, read = list[BoxedImage](), 0
    for path, split in content.images.items():
        sample, file = Sample(path, 0, split), content.file_of.get(path)
        if file is None:
            images.append(BoxedImage(sample))
            continue
        try:
            voc = read_voc(place / file)
        except VocError as error:
            content.findings.append(Finding("box file", file, str(error)))
            continue
        read += 1
        images.append(BoxedImage(sample, voc.boxes, file, voc.frame))
    if not read:
        return None
    return list_boxes(place, "Pascal VOC", images, None, content.findings, inclusive=True)


def _read_yolo(place: Path, home: str, pairs: Sequence[_Pair], content: _Content) -> Listing | None:
    """List images with files in the form of YOLO; None if none of the files has it."""
    folders = dict.fromkeys((".", home.rstrip("/") or ".", *(pair.boxes for pair in pairs)))
    named = find_names([place / folder for folder in folders])
    names = named and named[0]
    images, read = list[BoxedImage](), 0
    for path, split in content.images.items():
        sample, file = Sample(path, 0, split), content.file_of.get(path)
        boxes = read_yolo(place / file, names) if file else []
        if boxes is None:
            what = "expected a class and four numbers a line, as in '0 0.5 0.5 0.2 0.1'"
            content.findings.append(Finding("box file", str(file), what))
            continue
        read += bool(boxes)
        images.append(BoxedImage(sample, boxes, file or "", SHARES))
    if not read:
        return None
    if names is None:
        content.findings.append(Finding("no class names", "classes.txt", "not there"))
    return list_boxes(place, "YOLO", images, names, content.findings)


def _keep_listed(content: _Content, folder: str, splits: Mapping[str, Split | None]) -> None:
    """Keep the images that the lists of Pascal VOC name, in the splits they say."""
    stems = {stem_of(path, folder): path for path in content.images}
    for stem in splits:
        if stem not in stems:
            content.findings.append(Finding("box image", f"{folder}/{stem}.jpg", "listed"))
    others = [path for stem, path in stems.items() if stem not in splits]
    if others:
        more = f"and {len(others) - 1:,} more that are" if len(others) > 1 else ""
        detail = f"{more} in no list of {_LISTS}".strip()
        content.findings.append(Finding("stray", others[0], detail))
    kept: dict[str, Split | None] = {
        path: splits[stem] for stem, path in stems.items() if stem in splits
    }
    content.images = kept
