"""Reader of Parquet manifests as rows of text, with the extra `striate[parquet]`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from striate.data.listing.samples import os_reason
from striate.data.readers.manifest_folder import wrong
from striate.errors import DataError, OptionError, printable

_AT_ONCE = 65_536  #: rows


def is_parquet(file: Path) -> bool:
    return file.suffix.lower() == ".parquet"


def read_parquet(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the headings, then each row, counted from 1, with its values as a CSV file has them.

    A missing value is empty text, and a list the names of labels. Raises OptionError without
    pyarrow, DataError if the file is damaged.
    """
    shown = printable(str(file))
    try:
        import pyarrow as pa  # lazy: an extra of 50 MB
        from pyarrow import parquet
    except ImportError as error:
        raise OptionError(
            f"{shown}: reading Parquet needs pyarrow; install it with "
            "pip install 'striate[parquet]', or save the manifest as CSV"
        ) from error
    try:
        with parquet.ParquetFile(file) as table:
            names = table.schema_arrow.names
            yield 1, names
            row = 0
            for batch in table.iter_batches(_AT_ONCE):
                columns = (column.to_pylist() for column in batch.columns)
                for values in zip(*columns, strict=True):
                    row += 1
                    cells = zip(names, values, strict=True)
                    yield row, [_text(file, row, name, value) for name, value in cells]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = printable(str(error).partition("\n")[0], 200)
        raise DataError(f"{shown}: not a Parquet file that can be read: {reason}") from error
    except OSError as error:
        raise DataError(f"{shown}: {os_reason(error)}") from error


def _text(file: Path, row: int, name: str, value: Any) -> str:
    """Return a value as it would stand in a CSV file."""
    if value is None or value != value:  # not a number: pandas writes it for a missing value
        return ""
    if not isinstance(value, list):
        return str(value)
    if None in value:
        raise wrong(file, row, f"a value is missing in the list in {name!r}; remove it")
    names: list[str] = [str(each) for each in value]
    odd = next((each for each in names if ";" in each or "|" in each), None)
    if odd and name.strip().lower() == "labels":
        raise wrong(file, row, f"the label {odd!r} holds a separator of labels; rename it")
    return ";".join(names)
