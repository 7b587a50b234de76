"""Members of zip archives, listed as they are needed: memory does not grow with their number.

Names are for display alone: nothing is unpacked under them. Reference: PKWARE's APPNOTE.TXT 6.3.10.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from striate.data.decoding.files import Refused, ZipMember
from striate.data.readers.entries import companion, hidden
from striate.errors import DataError, printable

_END, _END_SIZE = b"PK\5\6", 22
_FAR_END, _LOCATOR, _LOCATOR_SIZE = b"PK\6\6", b"PK\6\7", 20
_ENTRY = struct.Struct("<4s6H3L5H2L")
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED, _UTF8 = 1, 0x800
_MOST_TIMES, _FREE_BYTES = 200, 10**9  #: unpacked bytes a byte of the archive, and in any case


class _Directory(NamedTuple):
    """Where the list of members stands."""

    start: int
    size: int
    members: int
    shift: int  #: bytes before the archive, as of a program that unpacks itself


class _Entry(NamedTuple):
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int  #: of its local header


def list_zip(path: Path) -> Iterator[tuple[str, ZipMember | Refused]]:
    """Return the name and place of each candidate in a zip archive, in the order stored.

    Folders, hidden files and companion files are passed over. Raises DataError for a file that is
    no zip archive, is damaged, or claims to hold more than it can.
    """
    shown = printable(str(path))
    with path.open("rb") as file:
        directory = _find(file, shown)
        _check(file, directory, shown)
    return _members(path, directory, shown)


def _members(
    path: Path, directory: _Directory, shown: str
) -> Iterator[tuple[str, ZipMember | Refused]]:
    with path.open("rb") as file:
        for entry in _entries(file, directory, shown):
            name = _text(entry)
            if passed_over(name):
                continue
            if entry.flags & _ENCRYPTED:
                yield name, Refused("unsupported", "encrypted; unpack it with its password first")
                continue
            place = entry.start + directory.shift, entry.packed, entry.method
            yield name, ZipMember(str(path), *place, entry.size, entry.crc)


def passed_over(name: str) -> bool:
    """Whether a member's name is that of a folder, or of a hidden or companion file."""
    parts = [part for part in name.split("/") if part not in (".", "..")]
    return name.endswith("/") or companion(parts[-1]) or any(map(hidden, parts))


def _find(file: BinaryIO, shown: str) -> _Directory:
    """Return where the members are listed, as the end of the file says."""
    length = file.seek(0, os.SEEK_END)
    first = max(0, length - _END_SIZE - _FULL_16)
    file.seek(first)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or at + _END_SIZE > len(tail):
        raise DataError(f"{shown}: not a zip archive, or its end is missing; make or copy it again")
    disk, _, _, count, size, start = struct.unpack("<4H2L", tail[at + 4 : at + 20])
    end = first + at
    far = tail[at - _LOCATOR_SIZE : at] if at >= _LOCATOR_SIZE else b""
    if far[:4] == _LOCATOR:
        end = int.from_bytes(far[8:16], "little")
        file.seek(min(end, length))
        record = file.read(56)
        if record[:4] != _FAR_END or len(record) < 56:
            raise _damaged(shown)
        disk, _, _, count, size, start = struct.unpack("<2L4Q", record[16:56])
    if disk:
        raise DataError(f"{shown}: one part of a zip archive of several; join them first")
    shift = end - size - start
    if shift < 0:
        raise _damaged(shown)
    return _Directory(start + shift, size, count, shift)


def _entries(file: BinaryIO, directory: _Directory, shown: str) -> Iterator[_Entry]:
    file.seek(directory.start)
    left = directory.size
    while left >= _ENTRY.size:
        head = file.read(_ENTRY.size)
        if len(head) < _ENTRY.size or head[:4] != b"PK\1\2":
            raise _damaged(shown)
        (_, _, _, flags, method, _, _, crc, packed, size, *lengths, _, _, _, start) = _ENTRY.unpack(
            head
        )
        rest = file.read(sum(lengths))
        left -= _ENTRY.size + len(rest)
        if len(rest) < sum(lengths):
            raise _damaged(shown)
        name, extra = rest[: lengths[0]], rest[lengths[0] : lengths[0] + lengths[1]]
        size, packed, start = _far(extra, [size, packed, start])
        yield _Entry(name, flags, method, crc, packed, size, start)


def _far(extra: bytes, values: list[int]) -> list[int]:
    """Return size, packed size and start, with those of 64 bits from the extra field."""
    while len(extra) >= 4:
        kind, length = struct.unpack("<2H", extra[:4])
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == 1:
            for at, value in enumerate(values):
                if value == _FULL_32 and len(field) >= 8:
                    values[at], field = int.from_bytes(field[:8], "little"), field[8:]
    return values


def _check(file: BinaryIO, directory: _Directory, shown: str) -> None:
    """Raises DataError for a list of members that is damaged, or that no honest archive has."""
    count = packed = size = 0
    for entry in _entries(file, directory, shown):
        count, packed, size = count + 1, packed + entry.packed, size + entry.size
    if count != directory.members:
        raise _damaged(shown)
    length = file.seek(0, os.SEEK_END)
    if packed > length:
        raise DataError(
            f"{shown}: its members overlap, as those of a zip bomb do; it is not opened"
        )
    if size > _FREE_BYTES + _MOST_TIMES * length:
        raise DataError(
            f"{shown}: claims to hold {size / 1e9:,.0f} GB in {length / 1e6:,.1f} MB, as a zip "
            "bomb does; unpack it first if it is none"
        )


def _text(entry: _Entry) -> str:
    if entry.flags & _UTF8:
        return entry.name.decode("utf-8", "surrogateescape")
    return entry.name.decode("cp437")


def _damaged(shown: str) -> DataError:
    return DataError(f"{shown}: the zip archive is damaged; make or copy it again")
