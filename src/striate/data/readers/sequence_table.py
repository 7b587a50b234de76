"""Reader of tables with a column of sequences: a CSV or TSV file with DNA in `sequence` or `seq`.

Class, labels, numbers, split and groups stand in other columns, as in a table of signals.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from striate.data.listing.columns import Samples
from striate.data.listing.groups import Groups
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Sample
from striate.data.readers.manifest_folder import Row, wrong
from striate.data.readers.manifest_targets import class_names, make_targets
from striate.data.readers.sequences import checked, join_codes
from striate.data.readers.signal_table import find_table_roles, read_table_lines, read_table_row
from striate.data.targets.classes import ClassTargets
from striate.errors import DataError, printable

_COLUMNS = ("sequence", "seq", "dna")


def is_sequence_table(file: Path) -> bool:
    """Return whether a table has a column of sequences."""
    first = next((values for _, values in read_table_lines(file)), [])
    return find_column(first) is not None


def find_column(header: Sequence[str]) -> int | None:
    """Return the place of the column of sequences; None without one."""
    names = [name.strip().lower() for name in header]
    return next((names.index(name) for name in _COLUMNS if name in names), None)


def read_sequence_table(file: Path, kind: str | None = None, group: str | None = None) -> Listing:
    """List the sequences of a table. Raises DataError with the line of the first invalid row."""
    (_, header), *lines = read_table_lines(file)
    column = find_column(header)
    assert column is not None
    if not lines:
        raise DataError(
            f"{printable(str(file))}: the table holds no sequences; add a line for each"
        )
    names = [name.strip().lower() for name in header]
    roles = find_table_roles(file, header, names, [column], kind, group)
    findings, rows, found = list[Finding](), list[Row](), list[np.ndarray]()
    for line, values in lines:
        if len(values) != len(names):
            what = f"expected {len(names):,} values, one a column, found {len(values):,}"
            raise wrong(file, line, what)
        row = read_table_row(file, line, values, roles)
        codes = checked(values[column].strip().encode(), row.path, findings)
        if codes is not None:
            rows.append(row)
            found.append(codes)
    classes = class_names(rows) if roles.target == "label" else []
    labels = {name: at for at, name in enumerate(classes)}
    images = Samples.of(
        Sample(row.path, labels[row.cells[0]] if labels else 0, row.split) for row in rows
    )
    if group is not None:
        images = images.with_groups(Groups.of([row.group for row in rows]))
    if roles.targets:
        targets = make_targets(file, rows, roles, images, kind)
    else:
        targets = ClassTargets.of(("sequence",), images)
    root = Path(os.path.realpath(file)).parent
    arrays = join_codes(found)
    return Listing(
        root, "sequences in rows", targets, images, tuple(findings), None, arrays, "sequence"
    )
