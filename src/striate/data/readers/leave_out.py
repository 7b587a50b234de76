"""Images that the user leaves out: a list of their paths, beside the images or elsewhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, os_reason
from striate.data.readers.csv_rows import find_dialect, read_rows
from striate.data.readers.manifest_folder import wrong
from striate.data.readers.manifest_header import PATH_COLUMNS
from striate.errors import DataError, printable, unknown

_TABLES = (".csv", ".tsv")
_MOST_NAMES = 20_000  #: paths among which a similar one is looked for


def without_listed(listing: Listing, file: Path) -> Listing:
    """Return a listing without the images that a file names, each with a finding.

    The others keep their splits, which their content decides. Raises DataError if the file cannot
    be read or names no image, for a path that is none of the listing and if no image would be left.
    In the folder of a run, whose list was read once, images that are gone are passed over.
    """
    shown, lines = printable(str(file)), read_list(file)
    named = [row for row, image in enumerate(listing.samples) if image.path in lines]
    strange = lines.keys() - {listing.samples.path(row) for row in named}
    if strange and not (file.parent / "options.json").is_file():
        first = min(strange, key=lines.__getitem__)
        others = f"; {len(strange):,} of {len(lines):,} are none" if len(strange) > 1 else ""
        raise wrong(file, lines[first], f"{_similar(first, listing)}{others}")
    if len(named) == len(listing.samples):
        raise DataError(f"{shown}: leaves out all {len(named):,} images; keep some to work with")
    kept = np.ones(len(listing.samples), bool)
    kept[named] = False
    told = (Finding("listed", listing.samples.path(row)) for row in named)
    rest = listing.select(np.flatnonzero(kept))
    return replace(rest, findings=(*listing.findings, *told))


def read_list(file: Path) -> dict[str, int]:
    """Return path -> line of a text file of a path a line, or of a table with a column of paths.

    Empty lines and those that begin with # are passed over. Raises DataError.
    """
    table = file.suffix.lower() in _TABLES
    found = dict[str, int]()
    for line, path in _table_paths(file) if table else _text_paths(file):
        found.setdefault(path.removeprefix("./"), line)
    if not found:
        expected = "expected a path on each line, as in cat/1.jpg"
        raise DataError(f"{printable(str(file))}: names no image to leave out; {expected}")
    return found


def format_list(paths: Iterable[str]) -> bytes:
    """Return a table with a column of paths, as `read_list` reads it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("path",), *((path,) for path in paths)])
    return text.getvalue().encode("utf-8", "surrogateescape")


def _text_paths(file: Path) -> Iterator[tuple[int, str]]:
    try:
        text = file.read_text("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise DataError(f"{printable(str(file))}: {os_reason(error)}") from error
    for line, path in enumerate(map(str.strip, text.split("\n")), 1):
        if path and not path.startswith("#"):
            yield line, path


def _table_paths(file: Path) -> Iterator[tuple[int, str]]:
    delimiter, blanks = find_dialect(file, PATH_COLUMNS)
    rows = read_rows(file, delimiter, blanks=blanks)
    names = [name.strip().lower() for name in next(rows, (1, []))[1]]
    column = next((names.index(name) for name in PATH_COLUMNS if name in names), None)
    if column is None:
        found = repr(",".join(names)) if names else "nothing"
        raise wrong(file, 1, f"expected a column 'path', found {found}")
    for line, values in rows:
        path = values[column] if column < len(values) else ""
        if path.strip() and not values[0].startswith("#"):
            yield line, path


def _similar(path: str, listing: Listing) -> str:
    """Return that no image is called so, and what is called similarly."""
    paths = map(listing.samples.path, range(min(len(listing.samples), _MOST_NAMES)))
    return str(unknown("image", path, paths))
