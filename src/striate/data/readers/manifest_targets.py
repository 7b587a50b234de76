"""Targets from the cells of a manifest: a class, labels, 0 and 1, numbers, or path of a mask."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from striate.data.listing.columns import Samples
from striate.data.listing.target_spec import TargetSpec
from striate.data.listing.targets import Targets
from striate.data.readers.manifest_folder import Row, wrong
from striate.data.readers.manifest_header import Roles
from striate.data.readers.number_cells import is_number, parse_numbers
from striate.data.targets.classes import ClassTargets
from striate.data.targets.images import NoTargets
from striate.data.targets.label_sets import LabelSets
from striate.data.targets.numbers import NumberTargets
from striate.errors import DataError, printable

#: 0.0 and 1.0 are what pandas writes of a column that had empty cells once
_BINARY = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "no": 0, "yes": 1}
_SEPARATORS = re.compile(r"[;|]")


def parse_cells(file: Path, line: int, values: Sequence[str], roles: Roles) -> tuple[str, ...]:
    """Return the class, names of labels, the path of the mask, or the cells of all columns."""
    if roles.target == "columns":
        return tuple(values[at].strip() for at in roles.targets)
    cell = values[roles.targets[0]]
    if roles.target == "mask":
        return (_mask(file, line, cell),)
    text, noun = cell.strip(), roles.target
    if text.startswith('"') and cell != text:
        raise wrong(file, line, f"a blank stands before the quotes of the {noun}; remove it")
    if (roles.target == "label" and not text) or "\0" in text:
        hold = "hold" if roles.target == "labels" else "holds"
        what = f"{hold} a NUL byte; write the manifest anew" if text else "is empty"
        raise wrong(file, line, f"the {noun} {what}")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        which = f"the {noun} {text!r}"
        are = "is" if noun == "label" else "are"
        raise wrong(file, line, f"{which} {are} not UTF-8; save the manifest as 'CSV UTF-8'")
    if roles.target == "label" or not text:
        return (text,) if text else ()
    names = tuple(name.strip() for name in _SEPARATORS.split(text))
    if "" in names:
        which = "a name is empty" if any(names) else "all names are empty"
        raise wrong(file, line, f"{which} in the labels {text!r}; remove the separator")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise wrong(file, line, f"the label {twice!r} stands twice in {text!r}; remove one")
    return names


def parse_path(file: Path, line: int, noun: str, cell: str) -> str:
    """Return the path in a cell, with the bytes that stand there."""
    if not cell or "\0" in cell:
        what = "holds a NUL byte; write the manifest anew" if cell else "is empty"
        raise wrong(file, line, f"the {noun} {what}")
    return os.fsdecode(cell.encode("utf-8", "surrogateescape"))


def _mask(file: Path, line: int, cell: str) -> str:
    text = cell.strip().lower()
    if not text:
        raise wrong(file, line, "the mask is empty; give its path, or remove the line")
    if text in _BINARY or is_number(text):
        raise wrong(
            file,
            line,
            f"the mask is {cell!r}; expected the path of a file; if it is a label or a number, "
            "say --task multilabel or --task regression",
        )
    return parse_path(file, line, "mask", cell)


def stray_blanks(values: Sequence[str], roles: Roles) -> str:
    """Return the cell of labels if a blank stands around one of its names, else ""."""
    if roles.target != "labels":
        return ""
    cell = values[roles.targets[0]]
    return cell * any(name != name.strip() for name in _SEPARATORS.split(cell) if cell.strip())


def check_agreement(file: Path, row: Row, kept: Row, roles: Roles) -> None:
    """Raise DataError if a row repeats the image of an earlier one with something else."""
    if row.cells != kept.cells:
        then = f"in {kept.place}"
        if roles.target == "label":
            (new,), (old,) = row.cells, kept.cells
            what = f"is labeled {new!r}, but {old!r} {then}"
        elif roles.target == "mask":
            (new,), (old,) = row.cells, kept.cells
            what = f"has the mask {new!r}, but {old!r} {then}"
        elif roles.target == "labels":
            named, earlier = (repr(";".join(each.cells)) for each in (row, kept))
            if sorted(row.cells) == sorted(kept.cells):
                return _check_split(file, row, kept)
            what = f"has the labels {named}, but {earlier} {then}"
        else:
            cells = zip(roles.names, row.cells, kept.cells, strict=True)
            name, new, old = next(each for each in cells if each[1] != each[2])
            what = f"has {new!r} in {name!r}, but {old!r} {then}"
        raise wrong(file, row.line, f"{row.path!r} {what}; remove the wrong line")
    return _check_split(file, row, kept)


def _check_split(file: Path, row: Row, kept: Row) -> None:
    for one, other in ((row.split, kept.split), (row.group, kept.group)):
        if one != other:
            what = f"{row.path!r} is in {one}, but in {other} in {kept.place}"
            raise wrong(file, row.line, f"{what}; remove one of the lines")


def make_targets(
    file: Path, rows: Sequence[Row], roles: Roles, images: Samples, kind: str | None
) -> Targets:
    """Return the targets of the rows. Raises DataError for the first cell that is none."""
    if kind == "image":
        return NoTargets.of(len(images))
    names = class_names(rows)
    if roles.target == "label":
        if kind == "numbers" and all(map(is_number, names)):
            raise wrong(
                file,
                1,
                "the column 'label' holds classes; name it after what its numbers measure, as in "
                "'age', for --task regression",
            )
        _refuse_several(file, rows, set(names))
        return ClassTargets.of(names, images)
    if roles.target == "labels":
        _refuse_commas(file, rows)
        place = {name: at for at, name in enumerate(names)}
        matrix = np.zeros((len(rows), len(names)), np.uint8)
        for number, row in enumerate(rows):
            matrix[number, [place[name] for name in row.cells]] = 1
        return LabelSets.of(names, matrix)
    if (kind if kind in ("labels", "numbers") else _told(file, rows, roles)) == "labels":
        binary = [[_binary(file, row.line, *each) for each in _named(row, roles)] for row in rows]
        return LabelSets.of(roles.names, np.array(binary, np.uint8))
    numbers = parse_numbers(file, rows, roles.names)
    return NumberTargets(TargetSpec("numbers", roles.names), numbers)


def class_names(rows: Sequence[Row]) -> list[str]:
    """Return the different names of all rows in code-point order."""
    return sorted({name for row in rows for name in row.cells})


def _refuse_several(file: Path, rows: Sequence[Row], names: set[str]) -> None:
    """Raise DataError for a class that is written as several, of which another row has one."""
    for row in rows:
        parts = [part.strip() for part in _SEPARATORS.split(row.cells[0])]
        if len(parts) > 1 and names.intersection(parts):
            what = f"the label {row.cells[0]!r} holds several of the classes"
            raise wrong(
                file,
                row.line,
                f"{what}; call the column 'labels' if an image may have several, else keep one",
            )


def _refuse_commas(file: Path, rows: Sequence[Row]) -> None:
    """Raise DataError if only commas stand between names."""
    row = next((row for row in rows if any("," in name for name in row.cells)), None)
    if row and not any(len(row.cells) > 1 for row in rows):
        name = next(name for name in row.cells if "," in name)
        raise wrong(
            file,
            row.line,
            f"the label {name!r} holds a comma, and no line has ';' or '|'; write "
            f"{re.sub(', *', ';', name)!r} for several labels,\nor call the column 'label' if "
            "every image has one",
        )


def _named(row: Row, roles: Roles) -> zip[tuple[str, str]]:
    return zip(roles.names, row.cells, strict=True)


def _told(file: Path, rows: Sequence[Row], roles: Roles) -> str:
    """Return the kind that the cells tell: any number but 0 and 1 makes all of them numbers.

    Raises DataError where a single column of 0 and 1 may be either.
    """
    cells = {cell.lower() for row in rows for cell in row.cells} - {""}
    if any(is_number(cell) and cell not in _BINARY for cell in cells):
        return "numbers"
    name, *others = roles.names
    if others or not cells & _BINARY.keys():
        return "labels" if cells & _BINARY.keys() else "numbers"
    raise DataError(
        f"{printable(str(file))}: the column {name!r} holds 0 and 1: a label that an "
        "image may have, a number, or one of two classes;\nsay --task multilabel or --task "
        "regression, or call the column 'label'"
    )


def _binary(file: Path, line: int, name: str, cell: str) -> int:
    if (value := _BINARY.get(cell.lower())) is None:
        came = repr(printable(cell, 60)) if cell else "empty"
        raise wrong(
            file,
            line,
            f"the label {name!r} is {came}; expected 1 where the image has it, else 0",
        )
    return value
