"""Boxes in XML files as Pascal VOC has them: one beside each image, or in a folder of their own.

Of each file only the size, and of each object its name, its box and whether it is difficult are
read. Entities, of which a small file can unfold into gigabytes, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from striate.data.listing.samples import os_reason
from striate.data.readers.box_lists import UNKNOWN, Box, read_number

_LARGEST = 20_000_000  #: bytes of a file
_ROOT = "annotation"
_OBJECT = _ROOT, "object"
_BOX = *_OBJECT, "bndbox"
_CORNERS = "xmin", "ymin", "xmax", "ymax"
_DEEP = 20  #: elements within each other


class VocFile(NamedTuple):
    """What an XML file says of its image."""

    frame: tuple[float, float]  #: width and height
    boxes: tuple[Box, ...]
    image: str  #: name of the image's file; "" if none is named


class VocError(Exception):
    """The file is no annotation in the form of Pascal VOC; its text says why."""


@dataclass
class _Reading:
    """State of the parser: where it is, and what it found."""

    line: int = 0  #: of the object's first line
    path: list[str] = field(default_factory=list[str])
    text: list[str] = field(default_factory=list[str])
    object: dict[str, str] = field(default_factory=dict[str, str])
    top: dict[str, str] = field(default_factory=dict[str, str])
    boxes: list[Box] = field(default_factory=list[Box])


def read_voc(file: Path) -> VocFile:
    """Read a file. Raises VocError that names the line."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except OSError as error:
        raise VocError(os_reason(error)) from error
    if len(data) > _LARGEST:
        raise VocError(f"larger than {_LARGEST:,} bytes")
    return parse_voc(data)


def parse_voc(data: bytes) -> VocFile:
    """Parse the content of a file. Raises VocError that names the line."""
    reading, parser = _Reading(), expat.ParserCreate()

    def start(name: str, _: object) -> None:
        if not reading.path and name != _ROOT:
            raise VocError(f"expected <{_ROOT}>, found <{name}>")
        if len(reading.path) > _DEEP:
            raise VocError(f"line {parser.CurrentLineNumber:,}: too many elements in each other")
        reading.path.append(name)
        reading.text.clear()
        if tuple(reading.path) == _OBJECT:
            reading.object, reading.line = {}, parser.CurrentLineNumber

    def end(_: str) -> None:
        _close(reading)

    def refuse(*_: object) -> None:
        raise VocError(f"line {parser.CurrentLineNumber:,}: it defines an entity")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = reading.text.append
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)  # the whole file
    except expat.ExpatError as error:
        what = expat.errors.messages[error.code]
        raise VocError(f"line {error.lineno:,}: {what}") from error
    except (LookupError, ValueError) as error:
        raise VocError("not in an encoding that XML has") from error
    frame = read_number(reading.top.get("width", "")), read_number(reading.top.get("height", ""))
    known = all(side > 0 for side in frame)
    return VocFile(frame if known else UNKNOWN, tuple(reading.boxes), reading.top.get("image", ""))


def _close(reading: _Reading) -> None:
    """Take in the element that ends here."""
    path, text = tuple(reading.path), "".join(reading.text).strip()
    *_, name = path
    inside = path[:-1]
    if path == _OBJECT:
        corners = [read_number(reading.object.get(corner, "")) for corner in _CORNERS]
        left, top, right, low = corners
        ignored = reading.object.get("difficult") == "1"
        called = reading.object.get("name", "")
        reading.boxes.append(Box(called, (left, top, right, low), reading.line, ignored))
    elif (inside == _OBJECT and name in ("name", "difficult")) or inside == _BOX:
        reading.object.setdefault(name, text)
    elif inside == (_ROOT, "size"):
        reading.top[name] = text
    elif path == (_ROOT, "filename"):
        reading.top["image"] = text
    reading.path.pop()
    reading.text.clear()
