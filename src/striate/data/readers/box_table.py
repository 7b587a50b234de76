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
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from striate.data.listing.groups import Groups
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample, Split, os_reason
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
from striate.data.readers.manifest_header import find_group
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
    group: int | None
    width: int  #: values a row


class _Row(NamedTuple):
    line: int
    image: str
    box: Box | None
    split: Split | None
    frame: tuple[float, float]
    group: str  #: "" without a column of groups


def read_box_table(file: Path, group: str | None = None, *, asked: bool = False) -> Listing | None:
    """List the images and boxes of a table; None if its columns hold no boxes.

    Without a column of classes it is one only if `asked`. The column `group` names the group of
    each image. Raises DataError that names the line of a row which cannot be read.
    """
    roles, lines = _open(file, group)
    if roles is None or (roles.name is None and not asked):
        return None
    rows = [
        _row(file, line, values, roles) for line, values in lines if any(map(str.strip, values))
    ]
    root = Path(os.path.realpath(file)).parent
    held, findings = _gathered(file, rows, root)
    if not held:
        said = f"; {findings[0].detail}" if findings else ""
        raise DataError(f"{printable(str(file))}: names no image that is there{said}")
    shares = _are_shares(rows)
    images = [
        BoxedImage(
            Sample(path, 0, each[0].split),
            [row.box for row in each if row.box],
            file.name,
            SHARES if shares else each[0].frame,
        )
        for path, each in sorted(held.items())
    ]
    unit = place_of(file, 1).split()[0]
    listing = list_boxes(root, "table of boxes", images, None, findings, unit=unit)
    if group is None:
        return listing
    groups = Groups.of([each[0].group for _, each in sorted(held.items())])
    return replace(listing, samples=listing.samples.with_groups(groups))


def _gathered(
    file: Path, rows: Sequence[_Row], root: Path
) -> tuple[dict[str, list[_Row]], list[Finding]]:
    """Return image -> its rows, and a finding for each image that is not there."""
    finder = ImageFinder([path.removeprefix("./") for path in list_files(str(root), ".", [])])
    held: dict[str, list[_Row]] = {}
    missing: dict[str, _Row] = {}
    for row in rows:
        path = finder.find(row.image, "", row.split)
        if path is None:
            missing.setdefault(row.image, row)
            continue
        first, *_ = held.setdefault(path, [row])
        for one, other in ((row.split, first.split), (row.group, first.group)):
            if one != other:
                what = f"{printable(path)} is in {one}, but in {other} in"
                there = place_of(file, first.line)
                raise wrong(file, row.line, f"{what} {there}; correct one of them")
        if first is not row:
            held[path].append(row)
    findings = [
        Finding("box image", file.name, f"{place_of(file, row.line)}: no such image: {name}")
        for name, row in missing.items()
    ]
    return held, findings


def _open(file: Path, group: str | None) -> tuple[_Roles | None, Iterator[tuple[int, list[str]]]]:
    if is_parquet(file):
        lines = read_parquet(file)
    else:
        delimiter, blanks = _dialect(file)
        lines = read_rows(file, delimiter, blanks=blanks)
    _, header = next(lines, (1, []))
    roles = _find_roles([re.sub(r"[\W_]", "", name.lower()) for name in header])
    if roles is None or group is None:
        return roles, lines
    names = [name.strip().lower() for name in header]
    return roles._replace(group=find_group(file, names, group)), lines


def _dialect(file: Path) -> tuple[str, bool]:
    """Return the delimiter, and whether blanks after it are skipped. Raises DataError."""
    try:
        with file.open("rb") as opened:
            head = opened.readline().decode("utf-8-sig", "surrogateescape").lower()
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
    cells = (cell.strip("\"' \r\n") for mark in DELIMITERS for cell in head.split(mark))
    paths = [cell for cell in cells if re.sub(r"[\W_]", "", cell) in _PATHS]
    return find_dialect(file, paths[:1])


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
        None,
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
    frame = UNKNOWN
    if roles.frame:
        wide, high = (read_number(cells[at]) for at in roles.frame)
        frame = (wide, high) if wide > 0 and high > 0 else UNKNOWN
    group = "" if roles.group is None else cells[roles.group]
    if roles.group is not None and not group:
        raise wrong(file, line, f"the group of {image!r} is empty; give each image one")
    box = None
    if any(cells[at] for at in roles.corners):
        box = _box(file, line, cells, roles)
    return _Row(line, image, box, _split(file, line, cells, roles), frame, group)


def _box(file: Path, line: int, cells: Sequence[str], roles: _Roles) -> Box:
    """Return the box of a row. Raises DataError."""
    name = _OBJECT if roles.name is None else cells[roles.name]
    if not name:
        image = printable(cells[roles.image])
        raise wrong(file, line, f"the class of a box in {image} is empty")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise wrong(file, line, f"the class {name!r} is not UTF-8; save it as 'CSV UTF-8'")
    ignored = roles.ignored is not None and cells[roles.ignored].lower() in _YES
    return Box(name, _corners(cells, roles), line, ignored)


def _split(file: Path, line: int, cells: Sequence[str], roles: _Roles) -> Split | None:
    """Return the split of a row, if there is a column of splits. Raises DataError."""
    if roles.split is None:
        return None
    word = cells[roles.split]
    if split := split_of(word):
        return split
    raise wrong(file, line, f"the split is {word!r}; expected 'train', 'validation' or 'test'")


def _corners(cells: Sequence[str], roles: _Roles) -> Corners:
    left, top, third, fourth = (read_number(cells[at]) for at in roles.corners)
    return (left, top, left + third, top + fourth) if roles.sided else (left, top, third, fourth)


def _are_shares(rows: Sequence[_Row]) -> bool:
    """Return whether no corner is above 1."""
    corners = (row.box.corners for row in rows if row.box)
    found = [corner for each in corners for corner in each if corner == corner]
    return bool(found) and max(found) <= 1 + _ROUNDED
