"""Boxes as the readers find them in files, and the listing that is made of them.

What is wrong with one box is a finding that names its file and line; it is left out or corrected.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample
from striate.data.listing.target_spec import TargetSpec
from striate.data.targets.boxes import BoxOrigins, BoxTargets
from striate.errors import printable

Corners = tuple[float, float, float, float]  #: left, top, right, bottom; NaN where no number stands

UNKNOWN = 0.0, 0.0  #: frame of boxes that are in pixels of an image of unknown size
SHARES = 1.0, 1.0  #: frame of boxes that are written as shares of width and height


class Box(NamedTuple):
    name: str  #: of its class
    corners: Corners
    line: int  #: line of its file, or number of the annotation
    ignored: bool = False


class BoxedImage(NamedTuple):
    """An image with the boxes that a file lists."""

    sample: Sample
    boxes: Sequence[Box] = ()
    file: str = ""  #: that holds the boxes, relative to the root
    frame: tuple[float, float] = UNKNOWN  #: width and height that the boxes were written for


@dataclass
class _Columns:
    """The boxes that are used, in columns."""

    rows: list[tuple[float, ...]] = field(default_factory=list[tuple[float, ...]])
    files: list[int] = field(default_factory=list[int])
    lines: list[int] = field(default_factory=list[int])


def list_boxes(
    place: Path,
    layout: str,
    images: Iterable[BoxedImage],
    names: Sequence[str] | None,
    findings: Iterable[Finding],
    *,
    inclusive: bool = False,
    unit: str = "line",
) -> Listing:
    """Return the listing of images with their boxes; without `names`, of the classes of the boxes.

    With `inclusive` corners, the first pixel has number 1 and the last one belongs to the box. The
    `unit` is what numbers a box in its file.
    """
    held, found = list(images), list(findings)
    known = sorted({box.name for image in held for box in image.boxes}) if names is None else names
    place_of = {name: index for index, name in enumerate(known)}
    files: dict[str, int] = {}
    columns, counts = _Columns(), list[int]()
    for image in held:
        before = len(columns.rows)
        file = files.setdefault(image.file, len(files))
        for box, corners in _usable(image, place_of, found, unit):
            first = 1.0 if inclusive else 0.0
            left, top, right, low = corners
            edges = left - first, top - first, right, low
            columns.rows.append((*edges, place_of[box.name], float(box.ignored)))
            columns.files.append(file)
            columns.lines.append(box.line)
        counts.append(len(columns.rows) - before)
    origins = BoxOrigins(
        tuple(files), np.array(columns.files, np.int64), np.array(columns.lines, np.int64), unit
    )
    frames = np.array([image.frame for image in held], np.float64).reshape(-1, 2)
    targets = BoxTargets(
        TargetSpec("boxes", tuple(known)),
        np.array(columns.rows, np.float64).reshape(-1, 6),
        np.array(counts, np.int64),
        np.where(np.isfinite(frames).all(axis=1, keepdims=True), frames, UNKNOWN),
        origins,
    )
    samples = Samples.of(image.sample for image in held)
    return Listing(place, layout, targets, samples, tuple(found))


def read_number(text: str) -> float:
    """Return the number in a cell; NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _usable(
    image: BoxedImage, known: dict[str, int], findings: list[Finding], unit: str
) -> Iterator[tuple[Box, Corners]]:
    """Yield the boxes that can be used with their corners in order; others become findings."""
    first: dict[tuple[str, Corners], Box] = {}
    for box in image.boxes:
        left, top, right, low = box.corners
        corners = min(left, right), min(top, low), max(left, right), max(top, low)
        kind, more = "", ""
        if not all(map(math.isfinite, box.corners)):
            kind = "box number"
        elif box.name not in known:
            kind = "box class"
        elif left == right or top == low:
            kind = "box empty"
        elif (kept := first.setdefault((box.name, corners), box)) is not box:
            kind, more = "box double", f", as in {unit} {kept.line:,}"
        elif corners != box.corners:
            findings.append(Finding("box turned", image.file, _told(image, box, unit)))
        if kind:
            findings.append(Finding(kind, image.file, _told(image, box, unit) + more))
        else:
            yield box, corners


def _told(image: BoxedImage, box: Box, unit: str) -> str:
    """Return "line 4: dog, 10 20 5 40 in 1.jpg"."""
    corners = " ".join(f"{corner:.6g}" for corner in box.corners)
    return f"{unit} {box.line:,}: {printable(box.name)}, {corners} in {image.sample.path}"
