"""Boxes in JSON files as COCO has them: images, annotations and categories.

A file may hold all images or those of a split, which its name or its folder says. Lin et al. 2014,
https://arxiv.org/abs/1405.0312; https://cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample, Split, os_reason
from striate.data.listing.split_names import split_and_rest
from striate.data.readers.box_lists import UNKNOWN, Box, BoxedImage, Corners, list_boxes
from striate.data.readers.image_finder import ImageFinder, folder_split
from striate.errors import DataError, printable

_KEYS = "images", "annotations", "categories"
_BOX = "bbox"  #: without it annotations are classes or captions of whole images
_LARGEST = 2**31  #: bytes of a file
_LARGEST_ID = 2**63


@dataclass(frozen=True)
class CocoFile:
    """Content of one file, by the ids in it."""

    path: str  #: relative to the root
    images: Mapping[Any, Mapping[str, Any]]
    boxes: Mapping[Any, Sequence[Box]]  #: id of an image -> its boxes
    names: Mapping[Any, str]  #: id of a category -> its name
    groups: frozenset[str]  #: names that are of several categories

    @property
    def split(self) -> Split | None:
        """The split that its name or a folder around it says."""
        return split_and_rest(Path(self.path).stem)[0] or folder_split(self.path)


def read_coco(place: Path, path: str) -> CocoFile | None:
    """Read a file of `place`; None if it is no such file, or none of boxes. Raises DataError."""
    file = place / path
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST)
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
    if any(f'"{key}"'.encode() not in data for key in _KEYS):
        return None
    try:
        content = json.loads(data)
        return _parse(path, content) if isinstance(content, dict) else None
    except RecursionError as error:
        raise DataError(f"{printable(str(file))}: too many lists in each other") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno:,}, column {error.colno:,}"
        raise DataError(f"{printable(str(file))}: {where}: {error.msg.lower()}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{printable(str(file))}: expected images with id and file_name, categories with id "
            "and name, and annotations with image_id, category_id and bbox, as COCO has them"
        ) from error


def list_coco(
    place: Path, files: Sequence[CocoFile], paths: Sequence[str], findings: Iterable[Finding]
) -> Listing:
    """Return the listing of the images that the files name, of those at `paths`.

    Raises DataError for an image that two files name.
    """
    found, finder = list(findings), ImageFinder(paths)
    images: dict[str, BoxedImage] = {}
    for coco in files:
        home, split = coco.path.rpartition("/")[0], coco.split
        for number, image in coco.images.items():
            name = str(image["file_name"])
            path = finder.find(name, home, split)
            if path is None:
                found.append(Finding("box image", coco.path, f"no such image: {printable(name)}"))
                continue
            if path in images:
                other = images[path].file
                raise DataError(
                    f"{printable(str(place / coco.path))}: {printable(path)} stands in "
                    f"{'it twice' if other == coco.path else f'{printable(other)} too'}; keep one"
                )
            frame = _frame(image)
            sample = Sample(path, 0, split or folder_split(path))
            images[path] = BoxedImage(sample, coco.boxes.get(number, ()), coco.path, frame)
    whole = all(image.sample.split for image in images.values())
    kept = (image if whole else _without_split(image) for image in images.values())
    strays = sorted(set(paths) - images.keys())
    found += [Finding("stray", path, "no list of boxes names it") for path in strays]
    names = _names(files, images.values())
    return list_boxes(place, "COCO", kept, names, found, unit="annotation")


def _parse(path: str, content: Mapping[str, Any]) -> CocoFile | None:
    """Raises ValueError, KeyError, TypeError or AttributeError for anything odd."""
    images, annotations, categories = (content[key] for key in _KEYS)
    if annotations and not any(_BOX in each for each in annotations):
        return None
    names = {each["id"]: str(each["name"]) for each in categories}
    boxes: dict[Any, list[Box]] = {}
    for at, each in enumerate(annotations, 1):
        category = each.get("category_id")
        name = names.get(category, f"category {category}")
        number = each.get("id")
        line = number if isinstance(number, int) and 0 <= number < _LARGEST_ID else at
        box = Box(name, _corners(each.get(_BOX)), line, bool(each.get("iscrowd")))
        boxes.setdefault(each["image_id"], []).append(box)
    groups = frozenset(str(each.get("supercategory")) for each in categories)
    held = {each["id"]: each for each in images if str(each["file_name"])}
    if len(held) < len(images) or not names:
        raise ValueError(path)
    return CocoFile(path, held, boxes, names, groups)


def _corners(bbox: Any) -> Corners:
    """Return the corners of [x, y, width, height]; NaN where it is none."""
    numbers: list[Any] = list(bbox) if isinstance(bbox, list) else []  # pyright: ignore
    if len(numbers) != 4 or not all(isinstance(each, (int, float)) for each in numbers):
        return math.nan, math.nan, math.nan, math.nan
    left, top, wide, high = map(float, numbers)
    return left, top, left + wide, top + high


def _frame(image: Mapping[str, Any]) -> tuple[float, float]:
    """Return the width and height that a file says an image has; 0 and 0 if it does not."""
    sides = [image.get(side) for side in ("width", "height")]
    known = [float(side) for side in sides if isinstance(side, (int, float)) and side > 0]
    return (known[0], known[1]) if len(known) == 2 else UNKNOWN


def _without_split(image: BoxedImage) -> BoxedImage:
    return image._replace(sample=Sample(image.sample.path, 0))


def _names(files: Sequence[CocoFile], images: Iterable[BoxedImage]) -> list[str]:
    """Return the categories in the order of their ids, without those that only group others."""
    ordered = dict.fromkeys(
        name for coco in files for _, name in sorted(coco.names.items(), key=_key)
    )
    used = {box.name for image in images for box in image.boxes}
    groups = frozenset[str]().union(*(coco.groups for coco in files))
    return [name for name in ordered if name in used or name not in groups]


def _key(item: tuple[Any, str]) -> tuple[float, str]:
    number, _ = item
    return (number, "") if isinstance(number, int) else (math.inf, str(number))
