"""Small folders of images with boxes, in the forms that people have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from striate.data.listing.listing import Listing
from striate.data.listing.samples import Split
from striate.data.targets.boxes import BoxTargets
from tests.data.images import encoded, noise

Row = tuple[str, float, float, float, float]  #: class, left, top, right, bottom


def photo(file: Path, width: int = 40, height: int = 30, seed: int = 0) -> None:
    """An image that differs with its seed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded(noise(width, height, seed=seed), "PNG"))


def voc(file: Path, rows: Iterable[Row], size: tuple[int, int] = (40, 30), more: str = "") -> None:
    """An XML file of Pascal VOC; `more` stands in each object."""
    objects = "".join(
        f"  <object>\n    <name>{name}</name>{more}\n    <bndbox><xmin>{left}</xmin>"
        f"<ymin>{top}</ymin><xmax>{right}</xmax><ymax>{low}</ymax></bndbox>\n  </object>\n"
        for name, left, top, right, low in rows
    )
    wide, high = size
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"<annotation>\n  <filename>old.jpg</filename>\n  <size><width>{wide}</width>"
        f"<height>{high}</height><depth>3</depth></size>\n{objects}</annotation>\n"
    )


def coco(
    file: Path,
    images: Sequence[str],
    boxes: Iterable[tuple[int, int, Sequence[float]]],
    names: Sequence[str] = ("cat", "dog"),
    **more: object,
) -> None:
    """A JSON file of COCO: boxes are the number of their image, that of their class, and bbox.

    Images and classes count from 1; `more` stands in each annotation.
    """
    content = {
        "images": [
            {"id": number, "file_name": name, "width": 40, "height": 30}
            for number, name in enumerate(images, 1)
        ],
        "annotations": [
            {"id": number, "image_id": image, "category_id": category, "bbox": bbox, **more}
            for number, (image, category, bbox) in enumerate(boxes, 101)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def boxes_of(listing: Listing) -> dict[str, list[tuple[object, ...]]]:
    """Image -> its boxes, as class, corners, and "ignored" for those that are."""
    assert isinstance(listing.targets, BoxTargets)
    names = listing.targets.spec.names
    return {
        sample.path: [
            (names[int(index)], *corners, *["ignored"] * bool(ignored))
            for *corners, index, ignored in values.tolist()
            if index >= 0
        ]
        for sample, values in zip(listing.samples, listing.targets.values, strict=True)
    }


def splits_of(listing: Listing) -> dict[str, Split | None]:
    return {sample.path: sample.split for sample in listing.samples}


def told(listing: Listing) -> list[str]:
    """The findings of a listing, each as a line."""
    return [
        f"{each.kind}: {each.path}" + (f" ({each.detail})" if each.detail else "")
        for each in listing.findings
    ]
