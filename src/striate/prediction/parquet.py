"""Rows of JSON as a Parquet file, in groups of a fixed number: memory does not grow with them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from striate import storage
from striate.errors import OptionError, printable

PARQUET = ".parquet"
_GROUP = 16_384  #: rows of a group


def check_parquet(path: Path, instead: str) -> None:
    """Raise OptionError if a .parquet file is asked for without pyarrow."""
    if path.suffix.lower() == PARQUET and find_spec("pyarrow") is None:
        raise OptionError(
            f"{printable(str(path))}: writing Parquet needs pyarrow; install it with "
            f"pip install 'striate[parquet]', or write {instead}"
        )


def write_parquet(path: Path, lines: Callable[[], Iterable[str]]) -> None:
    """Write lines, each a JSON object with the same keys, atomically. Raises StorageError.

    They are read twice, first for the types of their values: the same lines give the same bytes.
    Bytes of a name that are no text are escaped, as Parquet has no place for them.
    """
    import pyarrow as pa  # lazy: an extra of 50 MB
    from pyarrow import parquet

    schema = pa.schema([])
    for rows in _groups(lines()):
        found = pa.Table.from_pylist(rows).schema
        schema = pa.unify_schemas([schema, found], promote_options="permissive")
    with storage.replacing(path, "make room") as made:
        with parquet.ParquetWriter(made, schema) as writer:
            for rows in _groups(lines()):
                writer.write_table(pa.Table.from_pylist(rows, schema))
        descriptor = os.open(made, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _groups(lines: Iterable[str]) -> Iterator[list[Any]]:
    rows = map(_row, lines)
    while group := list(islice(rows, _GROUP)):
        yield group


def _row(line: str) -> dict[str, Any]:
    """Return a row; an empty object is none, as Parquet has no place for it either."""
    row = json.loads(line)
    if "\\ud" in line:
        row = _as_text(row)
    return {name: None if value == {} else value for name, value in row.items()}


def _as_text(value: Any) -> Any:
    """Return a value whose texts have escapes for bytes that are none."""
    if isinstance(value, dict):
        return {_as_text(name): _as_text(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(_as_text, value))
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
