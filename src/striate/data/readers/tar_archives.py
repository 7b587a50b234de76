"""Members of tar archives, also packed ones, listed as they are needed.

Names are for display alone: nothing is unpacked under them. Members of a packed archive are
unpacked into temporary files, a few ahead of those that are decoded. References: POSIX.1-2017 pax,
GNU tar's manual.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from striate.data.decoding.files import Refused
from striate.data.listing.samples import Piece
from striate.data.readers.zip_archives import passed_over
from striate.errors import DataError, printable
from striate.storage import storage_error

#: ending -> how such an archive is read
OPENERS: dict[str, Any] = {
    **dict.fromkeys((".tar.gz", ".tgz"), gzip.open),
    **dict.fromkeys((".tar.bz2", ".tbz2", ".tbz"), bz2.open),
    **dict.fromkeys((".tar.xz", ".txz"), lzma.open),
}
_BLOCK = 512
_AT_ONCE = 2**20
_LONGEST_NAME = 2**16  #: bytes of a header that holds a name
_LARGEST = 2**31  #: bytes of a member that is unpacked
_SEGMENT = 2**26  #: bytes of members in a temporary file
_LARGEST_NUMBER, _DIGITS = 2**62, 18
_HEADER = "a header that cannot be read"
_MOST_TIMES, _FREE_BYTES = 200, 10**8  #: unpacked bytes a packed byte, and in any case


class TarMember(NamedTuple):
    """A candidate in an archive, and the temporary file that it needs until it is decoded."""

    name: str
    place: Piece | Refused
    held: Any = None


class _DamagedError(Exception):
    """The archive cannot be read further."""


def list_tar(path: Path) -> Iterator[TarMember]:
    """Yield the candidates in a tar archive, in the order stored.

    Folders, links, hidden files and companion files are passed over. Where the archive is damaged,
    the last member is called "" and says so. Raises DataError for a file that is no tar archive.
    """
    name = path.name.lower()
    opener = next((each for end, each in OPENERS.items() if name.endswith(end)), None)
    with path.open("rb") as packed:
        stream = _Stream(opener(packed) if opener else packed, packed)
        store = None if opener is None else _Store()
        begun = False
        try:
            for member in _members(path, stream, store):
                begun = True
                yield member
        except _DamagedError as error:
            if not begun:
                shown = printable(str(path))
                raise DataError(f"{shown}: not a tar archive, or damaged: {error}") from error
            yield TarMember("", Refused("unreadable", f"the archive is damaged: {error}"))


def _members(path: Path, stream: _Stream, store: _Store | None) -> Iterator[TarMember]:
    told = dict[str, str]()  # by headers before that of the member
    while (head := stream.head()) is not None:
        kind, size = head[156:157], _number(head[124:136])
        if kind in b"xL":
            told |= _told(kind, stream.read(size, _LONGEST_NAME))
            stream.skip(-size % _BLOCK)
            continue
        name = told.get("path") or _name(head)
        size = _decimal(told["size"]) if "size" in told else size
        sparse = kind == b"S" or any(word.startswith("GNU.sparse") for word in told)
        told = told if kind in b"gK" else {}
        if kind not in b"\x000S7" or passed_over(name):
            stream.skip(size)
        elif sparse:
            yield TarMember(name, Refused("unsupported", "a sparse file; unpack it first"))
            stream.skip(size)
        elif store is None:
            yield TarMember(name, (str(path), stream.position, size))
            stream.skip(size)
        elif size > _LARGEST:
            yield TarMember(name, Refused("huge", f"{size:,} bytes; unpack it first"))
            stream.skip(size)
        else:
            yield store.keep(name, stream, size)
        stream.skip(-size % _BLOCK)


def _name(head: bytes) -> str:
    name, prefix = _field(head[:100]), _field(head[345:500])
    return f"{prefix}/{name}" if prefix and head[257:262] == b"ustar" else name


def _field(value: bytes) -> str:
    return os.fsdecode(value.partition(b"\0")[0])


def _told(kind: bytes, content: bytes) -> dict[str, str]:
    """Return what an extended header says of the member behind it."""
    if kind == b"L":
        return {"path": _field(content)}
    told = dict[str, str]()
    while content:
        length, _, _ = content.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(content):
            raise _DamagedError(_HEADER)
        word, _, value = content[len(length) + 1 : int(length) - 1].partition(b"=")
        told[os.fsdecode(word)] = os.fsdecode(value)
        content = content[int(length) :]
    return told


def _number(field: bytes) -> int:
    """Return a number in octal digits, or of base 256."""
    if field[0] == 0x80:
        number = int.from_bytes(field[1:], "big")
    else:
        digits = field.strip(b"\0 ")
        number = _LARGEST_NUMBER if digits.strip(b"01234567") else int(digits or b"0", 8)
    if number >= _LARGEST_NUMBER:
        raise _DamagedError(_HEADER)
    return number


def _decimal(digits: str) -> int:
    if not digits.isdecimal() or len(digits) > _DIGITS:
        raise _DamagedError(_HEADER)
    return int(digits)


class _Stream:
    """Bytes of an archive, read forwards."""

    def __init__(self, file: BinaryIO, packed: BinaryIO) -> None:
        self.position = 0
        self._file, self._packed = file, packed
        self._plain = file is packed

    def head(self) -> bytes | None:
        """Return the next header; None at the end."""
        head = self._some(_BLOCK)
        if not head.strip(b"\0"):
            return None
        checked = head[:148] + b" " * 8 + head[156:]
        if len(head) < _BLOCK or _number(head[148:156]) != sum(checked):
            raise _DamagedError(_HEADER)
        return head

    def read(self, size: int, most: int) -> bytes:
        """Return the next bytes, of which there may be `most`."""
        if size > most:
            raise _DamagedError(f"a header of {size:,} bytes")
        content = self._some(size)
        if len(content) < size:
            raise _DamagedError("its end is missing")
        return content

    def skip(self, size: int) -> None:
        if self._plain:
            self.position = self._file.seek(size, os.SEEK_CUR)
            if size and self.position > os.fstat(self._file.fileno()).st_size:
                raise _DamagedError("its end is missing")
            return
        while size > 0:
            size -= len(self.read(min(size, _AT_ONCE), _AT_ONCE))

    def _some(self, size: int) -> bytes:
        """Return at most `size` bytes; fewer only at the end."""
        try:
            content = self._file.read(size)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise _DamagedError(" ".join(str(error).split()).lower()) from error
        self.position += len(content)
        if not self._plain and self.position > _FREE_BYTES + _MOST_TIMES * self._packed.tell():
            what = f"it unpacks to more than {_MOST_TIMES} times its size, as a bomb does"
            raise _DamagedError(what)
        return content


class _Segment:
    """A temporary file, closed when the last of its members is decoded."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below

    def __del__(self) -> None:
        self.file.close()


class _Store:
    """Temporary files of unpacked members."""

    def __init__(self) -> None:
        self._segment: _Segment | None = None

    def keep(self, name: str, stream: _Stream, size: int) -> TarMember:
        """Unpack the next bytes of a stream. Raises StorageError."""
        try:
            if self._segment is None or self._segment.file.tell() > _SEGMENT:
                self._segment = _Segment()
            file = self._segment.file
            start, left = file.tell(), size
            while left > 0:
                left -= file.write(stream.read(min(left, _AT_ONCE), _AT_ONCE))
            file.flush()
        except OSError as error:
            where, advice = Path(tempfile.gettempdir()), "make room, or set TMPDIR elsewhere"
            raise storage_error(where, error, advice) from error
        place = f"/proc/{os.getpid()}/fd/{file.fileno()}", start, size
        return TarMember(name, place, self._segment)
