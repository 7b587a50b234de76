"""Boxes in text files as YOLO has them: a line a box, with the number of its class.

    3 0.51 0.40 0.10 0.25                 center, width and height as shares of the image's sides
    3 0.1 0.1 0.4 0.1 0.4 0.3             the outline of an object, whose box is taken

The names of the classes stand in a YAML file under `names`, or one a line in classes.txt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from striate.data.listing.samples import os_reason
from striate.data.readers.box_lists import Box, Corners, read_number
from striate.errors import DataError, printable

TABLES = ("classes.txt", "obj.names", "labels.txt")
YAML = (".yaml", ".yml")
_LARGEST = 20_000_000  #: bytes of a file
#: names in a line or over several: [cat, dog], or {0: cat, 1: dog}
_INLINE = re.compile(r"^names\s*:\s*[\[{]([^\]}]*)[\]}]", re.MULTILINE)
#: names in lines of their own: - cat, or 0: cat
_BLOCK = re.compile(r"^names\s*:\s*(?:#.*)?\n((?:[ \t]*(?:-|\d+\s*:).*\n?|\s*\n)+)", re.MULTILINE)
_ITEM = re.compile(r"""\s*(?:-|(\d+)\s*:)?\s*("[^"]*"|'[^']*'|[^,#\n]+)""")
_BOX, _SCORED = 5, 6  #: numbers in a line: of a box, and of one that was predicted


def find_names(folders: Sequence[Path]) -> tuple[list[str], str] | None:
    """Return the names of the classes from the first folder that has some, and the file's name.

    Raises DataError for a file that holds none.
    """
    for folder in folders:
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
        for file in inside:
            if file.suffix.lower() in YAML and (names := parse_yaml(_read(file))):
                return names, file.name
        for file in (folder / name for name in TABLES):
            if file.is_file():
                names = [line.strip() for line in _read(file).splitlines()]
                while names and not names[-1]:
                    names.pop()
                if not names or "" in names:
                    what = "an empty line" if names else "no name"
                    raise DataError(f"{printable(str(file))}: {what}; expected a class a line")
                return names, file.name
    return None


def parse_yaml(text: str) -> list[str]:
    """Return what stands under `names`, in a list or under numbers; empty if nothing does."""
    if inline := _INLINE.search(text):
        lines = inline[1].replace("\n", " ").split(",")
    else:
        block = _BLOCK.search(text)
        lines = block[1].splitlines() if block else []
    items = [match for line in lines if line.strip() and (match := _ITEM.match(line))]
    names = [match[2].strip().strip("\"'") for match in items]
    numbers = [int(match[1]) for match in items if match[1]]
    if len(numbers) == len(names) and sorted(numbers) == list(range(len(names))):
        names = [name for _, name in sorted(zip(numbers, names, strict=True))]
    return names


def read_yolo(file: Path, names: Sequence[str] | None) -> list[Box] | None:
    """Return the boxes of a file, in shares of the image; None if it holds something else.

    Without `names`, classes are called by their numbers.
    """
    boxes: list[Box] = []
    for line, text in enumerate(_read(file).splitlines(), 1):
        words = text.split()
        if not words:
            continue
        corners = _corners([read_number(word) for word in words[1:]])
        if corners is None or not words[0].isdecimal():
            return None
        index = int(words[0])
        named = names is not None and index < len(names)
        boxes.append(Box(names[index] if names and named else words[0], corners, line))
    return boxes


def _corners(numbers: Sequence[float]) -> Corners | None:
    """Return the corners of the numbers behind a class; None if they are no box."""
    if len(numbers) in (_BOX - 1, _SCORED - 1):
        across, down, wide, high = numbers[:4]
        return across - wide / 2, down - high / 2, across + wide / 2, down + high / 2
    if len(numbers) < 6 or len(numbers) % 2:
        return None
    columns, rows = numbers[::2], numbers[1::2]
    return min(columns), min(rows), max(columns), max(rows)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST).decode("utf-8-sig", "replace")
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
