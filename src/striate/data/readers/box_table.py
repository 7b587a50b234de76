"""Boxes in a CSV or Parquet file: a row a box, with its image, its corners and its class.

The columns are called as people's exports have them, whatever the case, blanks and underscores:

    image, filename, path or image_id     the image; a suffix or folders may be missing
    xmin, ymin, xmax, ymax                corners; or x1 y1 x2 y2, left top right bottom
    x, y, width, height                   or x y w h, left top width height
    class, label, class_name or name
    split; ignored, difficult, iscrowd or isgroupof (1: neither to be found nor wrong to find)

Corners of which none is above 1 are shares of the image's sides, as in Open Images. Beside corners,
width and height are those of the image. A row with an image and no corners lists one without boxes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample, Split
from striate.data.listing.split_names import split_of
from striate.data.readers.box_lists import (
    SHARES,
    UNKNOWN,
    Box,
    BoxedImage,
    Corners,
    list_boxes,
    read_number,
)
from striate.data.readers.csv_rows import DELIMITERS, find_dialect, read_rows
from striate.data.readers.image_finder import ImageFinder
from striate.data.readers.manifest_folder import place_of, wrong
from striate.data.readers.parquet import is_parquet, read_parquet
from striate.data.readers.walk import list_files
from striate.errors import DataError, printable

_PATHS = (
    *("path", "image", "imagepath", "filename", "file", "filepath", "imageid", "imagename"),
    *("imagefilename", "img", "imagefile"),
)
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("bboxxmin", "bboxymin", "bboxxmax", "bboxymax"),
)
_SIDES = (
    ("x", "y", "width", "height"),
    ("x", "y", "w", "h"),
    ("left", "top", "width", "height"),
    ("bboxx", "bboxy", "bboxwidth", "bboxheight"),
    ("bboxx", "bboxy", "bboxw", "bboxh"),
)
_CLASSES = ("class", "label", "classname", "name", "category", "labelname", "object", "classlabel")
_SPLITS = ("split", "part", "subset", "partition")
_IGNORED = ("ignored", "difficult", "iscrowd", "isgroupof", "ignore")
_FRAMES = (("width", "height"), ("imagewidth", "imageheight"), ("imgwidth", "imgheight"))
_OBJECT = "object"  #: class of all boxes where no column says it
_YES = {"1", "1.0", "true", "yes"}
_ROUNDED = 0.01  #: by which shares of a side may exceed 1


class _Roles(NamedTuple):
    """Column index of each value."""

    image: int
    corners: tuple[int, ...]
    sided: bool  #: the last two corners are width and height
    name: int | None
    split: int | None
    ignored: int | None
    frame: tuple[int, ...]
    width: int  #: values a row


class _Row(NamedTuple):
    line: int
    image: str
    box: Box | None
    split: Split | None
    frame: tuple[float, float]


def read_box_table(file: Path, *, asked: bool = False) -> Listing | None:
    """List the images and boxes of a table; None if its columns hold no boxes.

    Without a column of classes it is one only if `asked`. Raises DataError that names the line of a
    row which cannot be read.
    """
    roles, lines = _open(file)
    if roles is None or (roles.name is None and not asked):
        return None
    rows = [
        _row(file, line, values, roles) for line, values in lines if any(map(str.strip, values))
    ]
    root = Path(os.path.realpath(file)).parent
    findings = list[Finding]()
    finder = ImageFinder([path.removeprefix("./") for path in list_files(str(root), ".", [])])
    shown = file.name
    boxes: dict[str, list[Box]] = {}
    first: dict[str, _Row] = {}
    missing: dict[str, _Row] = {}
    for row in rows:
        path = finder.find(row.image, "", row.split)
        if path is None:
            missing.setdefault(row.image, row)
            continue
        kept = first.setdefault(path, row)
        if kept.split != row.split:
            what = f"{printable(path)} is in {row.split}, but in {kept.split} in"
            raise wrong(file, row.line, f"{what} {place_of(file, kept.line)}; correct one of them")
        boxes.setdefault(path, []).extend([row.box] if row.box else [])
    for name, row in missing.items():
        detail = f"{place_of(file, row.line)}: no such image: {printable(name)}"
        findings.append(Finding("box image", shown, detail))
    if not first:
        said = f"; {findings[0].detail}" if findings else ""
        raise DataError(f"{printable(str(file))}: names no image that is there{said}")
    shares = _are_shares(rows)
    images = [
        BoxedImage(Sample(path, 0, row.split), boxes[path], shown, SHARES if shares else row.frame)
        for path, row in sorted(first.items())
    ]
    return list_boxes(
        root, "table of boxes", images, None, findings, unit=place_of(file, 1).split()[0]
    )


def _open(file: Path) -> tuple[_Roles | None, Iterator[tuple[int, list[str]]]]:
    if is_parquet(file):
        lines = read_parquet(file)
    else:
        delimiter, blanks = _dialect(file)
        lines = read_rows(file, delimiter, blanks=blanks)
    _, header = next(lines, (1, []))
    return _find_roles([re.sub(r"[\W_]", "", name.lower()) for name in header]), lines


def _dialect(file: Path) -> tuple[str, bool]:
    with file.open("rb") as opened:
        head = opened.readline().decode("utf-8-sig", "surrogateescape")
    names = next(
        (
            name.strip()
            for delimiter in DELIMITERS
            for name in head.lower().split(delimiter)
            if re.sub(r"[\W_]", "", name) in _PATHS
        ),
        "path",
    )
    return find_dialect(file, [names.strip("\"' \r\n")])


def _find_roles(names: Sequence[str]) -> _Roles | None:
    """Return what the columns are for; None if they hold no image or no corners."""
    image = _first(names, _PATHS)
    corners = next((each for each in _CORNERS if set(each) <= set(names)), None)
    sides = next((each for each in _SIDES if set(each) <= set(names)), None)
    wanted = corners or sides
    if image is None or wanted is None:
        return None
    frame = next((each for each in _FRAMES if set(each) <= set(names) - set(wanted)), ())
    return _Roles(
        image,
        tuple(map(names.index, wanted)),
        corners is None,
        _first([name if at != image else "" for at, name in enumerate(names)], _CLASSES),
        _first(names, _SPLITS),
        _first(names, _IGNORED),
        tuple(map(names.index, frame)),
        len(names),
    )


def _first(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _row(file: Path, line: int, values: Sequence[str], roles: _Roles) -> _Row:
    """Return what a row says. Raises DataError."""
    if len(values) != roles.width:
        what = f"expected {roles.width} values, one a column, found {len(values)}"
        raise wrong(file, line, what)
    cells = [value.strip() for value in values]
    image = cells[roles.image]
    if not image:
        raise wrong(file, line, "the image is empty")
    split = None
    if roles.split is not None and (split := split_of(cells[roles.split])) is None:
        word = cells[roles.split]
        raise wrong(file, line, f"the split is {word!r}; expected 'train', 'validation' or 'test'")
    frame = UNKNOWN
    if roles.frame:
        wide, high = (read_number(cells[at]) for at in roles.frame)
        frame = (wide, high) if wide > 0 and high > 0 else UNKNOWN
    box = None
    if any(cells[at] for at in roles.corners):
        name = _OBJECT if roles.name is None else cells[roles.name]
        if not name:
            raise wrong(file, line, f"the class of a box in {printable(image)} is empty")
        ignored = roles.ignored is not None and cells[roles.ignored].lower() in _YES
        box = Box(name, _corners(cells, roles), line, ignored)
    return _Row(line, image, box, split, frame)


def _corners(cells: Sequence[str], roles: _Roles) -> Corners:
    left, top, third, fourth = (read_number(cells[at]) for at in roles.corners)
    return (left, top, left + third, top + fourth) if roles.sided else (left, top, third, fourth)


def _are_shares(rows: Sequence[_Row]) -> bool:
    """Return whether no corner is above 1."""
    corners = (row.box.corners for row in rows if row.box)
    found = [corner for each in corners for corner in each if corner == corner]
    return bool(found) and max(found) <= 1 + _ROUNDED
