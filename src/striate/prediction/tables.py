"""Images in Parquet: a column of their bytes, and one of their names."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from striate.data.cache.read_files import File
from striate.data.decoding.files import Refused, scratch
from striate.data.listing.samples import os_reason
from striate.data.readers.patterns import has_pattern, match_paths
from striate.data.shards.remote import answered, open_store, refuse_web, remote_address
from striate.errors import DataError, OptionError, printable
from striate.prediction.parquet import PARQUET

_ROWS = 64  #: read at once
_EXPECTED = "expected a .parquet file, or a folder of such"


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns that hold the bytes of images, and their names."""

    images: str
    names: str


@dataclass(frozen=True, slots=True)
class Table:
    """A Parquet file of images, on disk or at an address."""

    place: str
    columns: Columns
    told: str = ""  #: its place as it was given, if that is another

    @property
    def shown(self) -> str:
        """Its place in the names of rows that have none."""
        return self.told or self.place

    def count(self) -> int:
        """Return the number of its rows. Raises DataError for a file without such columns."""
        with self._opened() as (file, _, _):
            return file.metadata.num_rows

    def images(self, first: int = 0, end: int | None = None) -> Iterator[File]:
        """Yield the images of these rows; a row without a name is called by its number.

        Their bytes are kept in temporary files, in memory, until they are decoded. Raises
        DataError.
        """
        with self._opened() as (file, image, name):
            rows = file.metadata.num_rows if end is None else end
            start = 0
            for group in range(file.num_row_groups):
                if start < rows and start + file.metadata.row_group(group).num_rows > first:
                    wanted = [image] if name is None else [image, name]
                    for batch in file.iter_batches(_ROWS, row_groups=[group], columns=wanted):
                        low, high = max(0, first - start), max(0, rows - start)
                        part = batch.slice(low, max(0, high - low))
                        yield from self._kept(part, max(start, first), image, name)
                        start += len(batch)
                else:
                    start += file.metadata.row_group(group).num_rows

    def _kept(self, batch: Any, start: int, image: str, name: str | None) -> Iterator[File]:
        """Yield the images of some rows, whose bytes are written into one temporary file."""
        names = [None] * len(batch) if name is None else batch.column(name).to_pylist()
        held, at = _Held(), 0
        home = f"/proc/{os.getpid()}/fd/{held.file.fileno()}"
        for row, (value, told) in enumerate(zip(batch.column(image), names, strict=True), start):
            content = value.as_py()
            if isinstance(content, dict):
                told = told or content.get("path")
                content = content["bytes"]
            shown = str(told) if told else f"{self.shown}[{row}]"
            if not content:
                yield File(Refused("empty", ""), shown)
                continue
            held.file.write(content)
            held.file.flush()
            yield File((home, at, len(content)), shown, held=held)
            at += len(content)

    @contextlib.contextmanager
    def _opened(self) -> Generator[tuple[Any, str, str | None]]:
        """Open the file, and find its columns of images and, if there is one, of names."""
        import pyarrow as pa  # lazy: an extra of 50 MB
        from pyarrow import parquet

        shown = printable(self.place)
        with contextlib.ExitStack() as held:
            if address := remote_address(self.place):
                store, path = open_store(address)
                held.enter_context(answered(address, _EXPECTED))
                content = held.enter_context(store.open(path, "rb"))
            else:
                content = held.enter_context(contextlib.closing(_open(self.place)))
            try:
                file = parquet.ParquetFile(content)
                yield file, *self._found(pa, file.schema_arrow)
            except (pa.ArrowException, OSError) as error:
                reason = printable(" ".join(str(error).split()), 200)
                raise DataError(f"{shown}: not a Parquet file, or damaged: {reason}") from error

    def _found(self, pa: Any, schema: Any) -> tuple[str, str | None]:
        images, names = self.columns.images, self.columns.names
        kind = schema.field(images).type if images in schema.names else None
        held = kind
        if kind is not None and pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            held = kind.field("bytes").type
        if held is None or not (pa.types.is_binary(held) or pa.types.is_large_binary(held)):
            shown, has = printable(self.place), printable(", ".join(schema.names), 200)
            raise DataError(
                f"{shown}: expected a column {printable(images)} with the bytes of images; the "
                f"columns are {has}; name it with --image-column"
            )
        return images, names if names in schema.names else None


class _Held:
    """A temporary file, closed when the last of its images is decoded."""

    def __init__(self) -> None:
        self.file = scratch()

    def __del__(self) -> None:
        self.file.close()


def expand_tables(data: Iterable[Any], columns: Columns) -> list[Any]:
    """Return the data with the images of Parquet files in place of their paths.

    A path that ends in .parquet is such a file, or a folder or pattern of them. Raises OptionError
    without pyarrow, DataError for what is no such file, before the first image is asked for.
    """
    return [
        [table.images() for table in find_tables(each, columns)] if is_table(each) else each
        for each in data
    ]


def is_table(given: Any) -> bool:
    return isinstance(given, str | os.PathLike) and str(given).lower().endswith(PARQUET)


def find_tables(given: Any, columns: Columns) -> Sequence[Table]:
    """Return the Parquet files that a path stands for. Raises OptionError, DataError."""
    shown = printable(str(given))
    if find_spec("pyarrow") is None:
        raise OptionError(
            f"{shown}: reading Parquet needs pyarrow; install it with pip install "
            "'striate[parquet]'"
        )
    found = [Table(place, columns) for place in _places(str(given))]
    if not found:
        raise DataError(f"{shown}: no .parquet file is there; {_EXPECTED}")
    found[0].count()
    return found


def _places(given: str) -> Iterable[str]:
    if home := remote_address(given):
        refuse_web(home)
        store, root = open_store(home)
        with answered(home, _EXPECTED):
            names = store.glob(root if has_pattern(root) else f"{root}/*{PARQUET}")
            return sorted(map(store.unstrip_protocol, names)) or [home]
    if Path(given).is_dir():
        return sorted(str(path) for path in Path(given).glob(f"*{PARQUET}"))
    if not os.path.lexists(given) and has_pattern(given):
        return list(match_paths(given))
    return [given]


def _open(place: str) -> BinaryIO:
    try:
        return Path(place).open("rb")
    except OSError as error:
        raise DataError(f"{printable(place)}: {os_reason(error)}") from error
