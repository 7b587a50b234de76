"""Reader of manifests: one row per image, with path, targets and optional split.

The first line names the columns (see `manifest_header`); it also determines the delimiter: comma,
semicolon, tab or bar. A near-miss of a known name is an error. Paths of images and masks are
relative to the manifest's folder and stay inside it; the table of the masks' classes lies in it.
UTF-8 with or without a byte-order mark; bytes of a path that are not UTF-8 are kept, so that any
file name can be listed.

Rows without any value, as Excel leaves at the end, are skipped. A row that repeats an earlier one
is a finding. Any other invalid row is an error that names its line: the owner can correct a
manifest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from striate.data.listing.columns import Samples
from striate.data.listing.groups import Groups
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample
from striate.data.listing.split_names import split_of
from striate.data.readers.class_table import find_table, read_table
from striate.data.readers.csv_rows import DELIMITERS, find_dialect, read_rows
from striate.data.readers.manifest_folder import ManifestFolder, Row, place_of, wrong
from striate.data.readers.manifest_header import PATH_COLUMNS, Roles, find_roles
from striate.data.readers.manifest_targets import (
    check_agreement,
    class_names,
    make_targets,
    parse_cells,
    parse_path,
    stray_blanks,
)
from striate.data.readers.mask_folders import list_masks
from striate.data.readers.parquet import is_parquet, read_parquet
from striate.errors import DataError, printable


def read_manifest(file: Path, kind: str | None = None, group: str | None = None) -> Listing:
    """List the images of a manifest; classes and labels by name are in code-point order.

    `kind` of targets is preferred where the columns allow several; the column `group` names the
    group of each image. Raises DataError with the line of the first invalid row.
    """
    folder = ManifestFolder(file)
    first: dict[str, Row] = {}
    findings: list[Finding] = []
    roles, rows = _open(file, kind, group)
    if roles.target == "mask":
        rows = _located_masks(folder, rows)
    for row in rows:
        path = folder.locate(row)
        kept = first.setdefault(path, row)
        if row.stray:
            findings.append(Finding("stray blank", path, f"{row.place} has {row.stray!r}"))
        if kept is not row:
            check_agreement(file, row, kept, roles)
            findings.append(Finding("repeated row", path, f"{row.place} repeats {kept.place}"))
    if not first:
        raise DataError(
            f"{printable(str(file))}: the manifest names no images; add a line for each"
        )
    found, root = list(first.values()), Path(folder.root)
    names = class_names(found) if roles.target == "label" else []
    labels = {name: label for label, name in enumerate(names)}
    images = Samples.of(
        Sample(path, labels[row.cells[0]] if labels else 0, row.split)
        for path, row in first.items()
    )
    if group is not None:
        images = images.with_groups(Groups.of([row.group for row in found]))
    if roles.target == "mask":
        table = find_table(folder.root)
        masks = [row.cells[0] for row in found]
        return list_masks(root, "manifest", images, masks, table and read_table(table), findings)
    targets = make_targets(file, found, roles, images, kind)
    return Listing(root, "manifest", targets, images, tuple(findings))


def _located_masks(folder: ManifestFolder, rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the rows with the existing path of each mask as their cell."""
    for row in rows:
        yield row._replace(cells=(folder.locate(row._replace(path=row.cells[0])),))


def _open(file: Path, kind: str | None, group: str | None) -> tuple[Roles, Iterator[Row]]:
    """Return what the columns are for, and the rows as they are read."""
    if is_parquet(file):
        delimiter, lines = ",", read_parquet(file)
    else:
        delimiter, blanks = find_dialect(file, PATH_COLUMNS)
        lines = read_rows(file, delimiter, blanks=blanks)
    _, header = next(lines, (1, []))
    roles = find_roles(file, header, DELIMITERS[delimiter], kind, group)
    if any("\ud800" <= character <= "\udfff" for name in roles.names for character in name):
        raise wrong(file, 1, "not UTF-8; save the manifest as 'CSV UTF-8'")
    filled = ((line, values) for line, values in lines if any(map(str.strip, values)))
    return roles, (_row(file, line, values, roles) for line, values in filled)


def _row(file: Path, line: int, values: list[str], roles: Roles) -> Row:
    if len(values) != roles.width:
        what = f"expected {roles.width} values, one a column, found {len(values)}"
        raise wrong(file, line, f"{what}; {_width_advice(values, roles)}")
    path = parse_path(file, line, "path", values[roles.path])
    cells = parse_cells(file, line, values, roles)
    place, stray = place_of(file, line), stray_blanks(values, roles)
    group = "" if roles.group is None else values[roles.group].strip()
    if roles.group is not None and not group:
        raise wrong(file, line, f"the group of {path!r} is empty; give each image one")
    if roles.split is None:
        return Row(line, place, path, None, cells, stray, group)
    word = values[roles.split].strip()
    split = split_of(word)
    if split is None:
        raise wrong(file, line, f"the split is {word!r}; expected 'train', 'validation' or 'test'")
    return Row(line, place, path, split, cells, stray, group)


def _width_advice(values: list[str], roles: Roles) -> str:
    """Return what to do about a row of more or fewer values than headings."""
    if len(values) < roles.width:
        return f"write a {roles.between} between values, also beside an empty one"
    if not any(map(str.strip, values[roles.width :])):
        return f"remove the {roles.between} at its end"
    decimals = roles.target == "columns" and roles.between == "comma"
    return f"put quotes around a value that holds a {roles.between}" + (
        ", and write 1,5 as 1.5" if decimals else ""
    )
