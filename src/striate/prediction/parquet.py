"""Rows of JSON as a Parquet file, in groups of a fixed number: memory does not grow with them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
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
        schema = _unified(schema, pa.Table.from_pylist(rows).schema)
    with storage.replacing(path, "make room") as made:
        with parquet.ParquetWriter(made, schema) as writer:
            for rows in _groups(lines()):
                writer.write_table(pa.Table.from_pylist(rows, schema))
        descriptor = os.open(made, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def to_parquet(lines: Iterable[str]) -> bytes:
    """Return lines as a Parquet file, whose types are those of their values."""
    import pyarrow as pa

    return _content(pa.Table.from_pylist(list(map(_row, lines))))


def read_types(content: bytes) -> bytes:
    """Return the types of a Parquet file, in the form that Arrow sends them in."""
    return _table(content).schema.serialize().to_pybytes()


def unify_types(types: Iterable[bytes]) -> bytes:
    """Return types that hold the values of all."""
    import pyarrow as pa

    schemas = (pa.ipc.read_schema(pa.BufferReader(each)) for each in types)
    return reduce(_unified, schemas).serialize().to_pybytes()


def retype(content: bytes, types: bytes) -> bytes:
    """Return a Parquet file with types that hold its values too."""
    import pyarrow as pa

    schema = pa.ipc.read_schema(pa.BufferReader(types))
    return _content(pa.Table.from_pylist(_table(content).to_pylist(), schema))


def count_failed(content: bytes) -> tuple[int, int]:
    """Return the rows of a Parquet file, and how many have an error."""
    told = _table(content).column("error").to_pylist()
    return len(told), sum(map(bool, told))


def _unified(one: Any, other: Any) -> Any:
    import pyarrow as pa

    return pa.unify_schemas([one, other], promote_options="permissive")


def _table(content: bytes) -> Any:
    from pyarrow import BufferReader, parquet

    return parquet.read_table(BufferReader(content))


def _content(table: Any) -> bytes:
    from pyarrow import BufferOutputStream, parquet

    written = BufferOutputStream()
    parquet.write_table(table, written)
    return written.getvalue().to_pybytes()


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
