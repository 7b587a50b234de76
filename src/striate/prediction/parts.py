"""Images in parts, as the workers of a cluster are told of them: where they are, not their bytes.

A part has a whole number of batches, so that its answers are those of one process. The first parts
are small, so that few images keep many workers busy; later ones are large, so that there are few.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from striate.data.cache.read_files import File
from striate.data.decoding.files import Refused, ZipMember
from striate.errors import DataError, printable
from striate.prediction.tables import Columns, Table

_DOUBLED = 32  #: parts after which they become twice as large
_MOST_BATCHES = 256


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a Parquet file of images."""

    table: Table
    first: int
    end: int

    def __len__(self) -> int:
        return self.end - self.first


Item = File | Rows


def split_parts(given: Iterable[Any], batch: int) -> Iterator[list[Item]]:
    """Yield the images in parts of whole batches, in order.

    Raises DataError for images that no other process finds, as members of a packed archive.
    """
    part, room, number = list[Item](), batch, 0
    for item in _items(given):
        left: Item | None = item
        while left is not None:
            taken, left = _cut(left, room)
            part.append(taken)
            room -= _count(taken)
            if room == 0:
                yield part
                number += 1
                part, room = [], batch * min(_MOST_BATCHES, 2 ** (number // _DOUBLED))
    if part:
        yield part


def _items(given: Iterable[Any]) -> Iterator[Item]:
    for each in given:
        if isinstance(each, Table):
            if rows := each.count():
                yield Rows(each, 0, rows)
            continue
        if not isinstance(each, File) or each.held is not None:
            shown = printable(str(getattr(each, "shown", "an image in memory")))
            raise DataError(
                f"{shown}: a cluster reads images from files, and this is unpacked or in memory; "
                "unpack it into a folder first"
            )
        yield each


def _cut(item: Item, most: int) -> tuple[Item, Item | None]:
    if isinstance(item, File) or len(item) <= most:
        return item, None
    middle = item.first + most
    return Rows(item.table, item.first, middle), Rows(item.table, middle, item.end)


def _count(item: Item) -> int:
    return len(item) if isinstance(item, Rows) else 1


def count(part: Iterable[Item]) -> int:
    """Return the number of images of a part."""
    return sum(map(_count, part))


def read_part(content: bytes) -> Iterator[File]:
    """Yield the images of a part that was written by `write_part`."""
    for told in json.loads(content):
        if "table" in told:
            table = Table(told["table"], Columns(**told["columns"]), told["shown"])
            yield from table.images(told["first"], told["end"])
        else:
            yield File(_place(told["place"]), told["shown"], bytes.fromhex(told["digest"]))


def write_part(part: Iterable[Item]) -> bytes:
    return json.dumps(list(map(_told, part))).encode("ascii")


def _told(item: Item) -> dict[str, Any]:
    if isinstance(item, Rows):
        columns = asdict(item.table.columns)
        place = _absolute(item.table.place)
        return {
            "table": place,
            "shown": item.table.shown,
            "columns": columns,
            "first": item.first,
            "end": item.end,
        }
    place = item.place
    if not isinstance(place, Refused):
        place = _absolute(place) if isinstance(place, Path) else (_absolute(place[0]), *place[1:])
    return {"place": place, "shown": item.shown, "digest": item.digest.hex()}


def _absolute(place: str | Path) -> str:
    return place if isinstance(place, str) and "://" in place else str(Path(place).absolute())


def _place(told: Any) -> Any:
    """Return the place of a file, of which each kind has another number of values."""
    if isinstance(told, str):
        return Path(told)
    kinds: dict[int, Any] = {len(kind._fields): kind for kind in (Refused, ZipMember)}
    return kinds.get(len(told), lambda *values: values)(*told)
