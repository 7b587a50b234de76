"""Names of a folder's classes as a model calls them, from a CSV file of pairs."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from striate import storage
from striate.data.listing.targets import Targets
from striate.errors import DataError, OptionError, printable, unknown


def read_renames(path: Path) -> Mapping[str, str]:
    """Return the name in the model of each name that the file lists.

    A line has two columns: the name of the images, then that of the model. Raises DataError for
    any other line and for a name that stands there twice, StorageError if it cannot be read.
    """
    shown, found = printable(str(path)), dict[str, str]()
    content = b"".join(storage.read_lines(path, "give another file"))
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{shown}: its names must be UTF-8 text") from None
    for number, row in enumerate(csv.reader(lines), 1):
        if not row:
            continue
        if len(row) != 2 or not all(each.strip() for each in row):
            raise DataError(
                f"{shown}: line {number} must be a name of the images, a comma and the name of "
                f"the model, but has {printable(repr(lines[number - 1]), 60)}"
            )
        name, known = (each.strip() for each in row)
        if name in found:
            raise DataError(f"{shown}: line {number} names {printable(repr(name))} again")
        found[name] = known
    return found


def rename(targets: Targets, names: Mapping[str, str]) -> Targets:
    """Return targets whose names are as the model calls them; several may become one class.

    Raises OptionError for a name that the targets do not have, and where several labels, numbers
    or classes of masks would become one.
    """
    own = targets.spec.names
    for name in names:
        if name not in own:
            raise unknown(targets.spec.noun, name, own)
    renamed = tuple(names.get(name, name) for name in own)
    if targets.spec.kind != "label" and len(set(renamed)) < len(renamed):
        raise OptionError(
            f"rename must keep {targets.spec.nouns} apart; only classes of whole images may "
            "become one"
        )
    return replace(targets, spec=replace(targets.spec, names=renamed))  # pyright: ignore
