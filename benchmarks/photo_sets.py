"""Sets of 300 to 2,000 real photographs in folders of classes, to measure transfer on.

    python benchmarks/photo_sets.py NAME ARCHIVE FOLDER

garments: ten garments, the archive of task_data.py; CC0
cells: crops of blood cells of three kinds, cut from BCCD as in task_data.py; MIT
stamps: animals, plants and things, cut out of photographs for Tux Paint, Debian's package
    tuxpaint-stamps-default (apt-get download); GPL-2
deep-sky: galaxies, nebulae and star clusters of Stellarium, Debian's package stellarium-data; of
    many photographers, each credited in its textures.json; GPL-2+, CC BY and public domain

FOLDER is made, as {train,validation,test}/CLASS/*.jpg. Published splits are kept; where there is
none, the names decide: each class is ordered by the CRC-32 of its file names, and cut.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree import ElementTree as ET

from PIL import Image
from task_data import CELLS, SPLITS, files, garments, make_asked, written

SIDE = 512  #: pixels of the longer side, at most
LEAST = 96  #: pixels of the side of a crop, at least
DRAWN = ("cartoon", "toys", "plastic", "dinosaur")  #: folders of stamps that are no photographs
STAMPS = {
    "animals": ("animals",),
    "plants": ("food", "plants"),
    "things": ("hobbies", "household", "medical", "military", "sports", "vehicles"),
}
#: what Stellarium calls a type, by number (NebulaType in its Nebula.hpp)
OBJECTS = {"galaxy": (0, 1, 3), "cluster": (5, 6, 7), "nebula": tuple(range(10, 19))}
#: what its files are called, and the catalog that the number is of
DESIGNATIONS = {"m": "M", "n": "NGC", "ic": "IC", "u": "UGC", "sh2-": "Sh2", "rcw": "RCW"}
NUMBERS = ("NGC", "IC", "M", "C", "B", "Sh2", "VdB", "RCW", "LDN", "LBN", "Cr", "Mel", "PGC", "UGC")


class Photo(NamedTuple):
    """A photograph of a class, and what its file is called without the suffix."""

    class_name: str
    name: str
    image: Image.Image


def cells(archive: Path, folder: Path) -> Path:
    """Every white cell and platelet, and the first red cell of each picture, in its split."""
    pictures: dict[str, bytes] = {}
    boxes: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    splits: dict[str, str] = {}
    for path, content in files(archive):
        if path.suffix == ".jpg":
            pictures[path.stem] = content
        elif path.suffix == ".xml":
            boxes[path.stem] = list(boxes_in(content))
        elif path.parent.name == "Main" and path.stem in SPLITS:
            splits |= dict.fromkeys(content.decode().split(), path.stem)
    for stem, split in sorted(splits.items()):
        picture, red = Image.open(io.BytesIO(pictures[stem])), 0
        for index, (kind, box) in enumerate(boxes[stem]):
            red += kind == "RBC"
            if kind in CELLS and (kind != "RBC" or red == 1):
                part = "validation" if split == "val" else split
                crop = picture.crop(square(box, *picture.size))
                save(Photo(kind, f"{stem}-{index}", crop), folder / part)
    return folder


def boxes_in(content: bytes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What is in each box of an annotation, and its left, top, right and bottom."""
    for found in ET.fromstring(content).iter("object"):
        edges = (found.findtext(f"bndbox/{edge}", "") for edge in ("xmin", "ymin", "xmax", "ymax"))
        yield found.findtext("name", ""), tuple(map(int, edges))


def square(box: tuple[int, ...], width: int, height: int) -> tuple[int, int, int, int]:
    """The square around the middle of a box, moved into the picture."""
    left, top, right, bottom = box
    side = min(max(right - left, bottom - top, LEAST), width, height)
    x = min(max((left + right - side) // 2, 0), width - side)
    y = min(max((top + bottom - side) // 2, 0), height - side)
    return x, y, x + side, y + side


def stamps(archive: Path) -> Iterator[Photo]:
    """What was cut out of photographs, on white."""
    kinds = {folder: kind for kind, folders in STAMPS.items() for folder in folders}
    for path, content in debian_files(archive):
        if path.suffix != ".png" or "stamps" not in path.parts:
            continue
        below = path.parts[path.parts.index("stamps") + 1 :]
        mirrored = path.stem.endswith("_mirror")  # one that is there as well
        if below[0] in kinds and not mirrored and not set(below) & set(DRAWN):
            image = Image.open(io.BytesIO(content)).convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            white.alpha_composite(image)
            yield Photo(kinds[below[0]], "-".join(below)[: -len(path.suffix)], white)


def deep_sky(archive: Path) -> Iterator[Photo]:
    """Photographs that are called by the number of one galaxy, nebula or star cluster."""
    found = {path.name: content for path, content in debian_files(archive, "nebulae/default")}
    kinds = {number: kind for kind, numbers in OBJECTS.items() for number in numbers}
    types = object_types(gzip.decompress(found["catalog.dat"]))
    pattern = re.compile(rf"({'|'.join(DESIGNATIONS)})(\d+)(?!\d)")
    for name, content in found.items():
        called = pattern.match(name) if name.endswith(".png") else None
        if called:
            number = types.get((DESIGNATIONS[called[1]], int(called[2])))
            if number in kinds:
                yield Photo(kinds[number], name[:-4], Image.open(io.BytesIO(content)))


def object_types(catalog: bytes) -> dict[tuple[str, int], int]:
    """The type of each object, by catalog and number, from Stellarium's catalog 3.16.

    A stream of Qt: big-endian, and before each string the number of its bytes.
    """
    position, types = 0, dict[tuple[str, int], int]()

    def integers(count: int) -> tuple[int, ...]:
        nonlocal position
        position += 4 * count
        return struct.unpack_from(f">{count}I", catalog, position - 4 * count)

    def skip(doubles: int = 0, strings: int = 0) -> None:
        nonlocal position
        position += 8 * doubles
        for _ in range(strings):
            (length,) = integers(1)
            position += length if length != 0xFFFFFFFF else 0

    skip(strings=2)  # version and edition
    while position < len(catalog):
        integers(1)
        skip(doubles=4)
        (kind,) = integers(1)
        skip(strings=1)
        skip(doubles=2)
        integers(1)
        skip(doubles=6)
        for name, number in zip(NUMBERS, integers(len(NUMBERS)), strict=True):
            types.setdefault((name, number), kind)
        skip(strings=1)
        integers(2)
        skip(strings=7)
        integers(5)
    return types


def debian_files(package: Path, within: str = "") -> Iterator[tuple[PurePosixPath, bytes]]:
    """Every file of a Debian package, or those in a folder: a tar file in an ar archive."""
    with package.open("rb") as file:
        assert file.read(8) == b"!<arch>\n", f"{package} is no Debian package"
        while not (head := file.read(60)).startswith(b"data.tar"):
            size = int(head[48:58])
            file.seek(size + size % 2, 1)
        with tarfile.open(fileobj=io.BytesIO(file.read(int(head[48:58])))) as tar:
            for member in tar:
                if within in member.name and (content := tar.extractfile(member)):
                    yield PurePosixPath(member.name), content.read()


def cut(
    read: Callable[[Path], Iterable[Photo]],
    train: float,
    validation: float,
    archive: Path,
    folder: Path,
) -> Path:
    """Save photographs, and cut each class into shares in the order of the CRC-32 of the names."""
    classes: dict[str, list[Photo]] = {}
    for photo in read(archive):
        classes.setdefault(photo.class_name, []).append(photo)
    for photos in classes.values():
        photos.sort(key=lambda photo: zlib.crc32(photo.name.encode()))
        for index, photo in enumerate(photos):
            place = (index + 0.5) / len(photos)
            part = "train" if place < train else "validation"
            part = "test" if place >= train + validation else part
            save(photo, folder / part)
    return folder


def save(photo: Photo, folder: Path) -> None:
    """Write a JPEG in the folder of its class, its longer side at most 512 pixels."""
    image = photo.image.convert("RGB")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    with io.BytesIO() as file:
        image.save(file, "JPEG", quality=92)
        written(folder / photo.class_name / f"{photo.name}.jpg", file.getvalue())


SETS: dict[str, Callable[[Path, Path], Path]] = {
    "garments": garments,
    "cells": cells,
    "stamps": partial(cut, stamps, 0.67, 0.13),
    "deep-sky": partial(cut, deep_sky, 0.42, 0.16),
}


if __name__ == "__main__":
    make_asked(__doc__, SETS)
