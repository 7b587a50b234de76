"""Ways in which a file may be damaged, and a place where root may not read what is closed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

_VERSION_3 = 0x20080522
_READS_ALL = 0b110  #: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


def _content(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        content = change(file.read_bytes())
        file.unlink()  # it may be linked to another that stays whole
        file.write_bytes(content)

    return damage


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


#: what happened -> what it does to a file
DAMAGES: dict[str, Callable[[Path], None]] = {
    "empty": _content(lambda _: b""),
    "cut": _content(lambda whole: whole[: len(whole) // 2]),
    "zeros": _content(lambda whole: bytes(len(whole))),
    "binary": _content(lambda _: bytes(range(256)) * 9 + b"\n"),
    "text": _content(lambda _: b"<html>not found</html>\n"),
    "a number": _content(lambda _: b"5\n"),
    "null": _content(lambda _: b"null\n"),
    "a list": _content(lambda _: b"[1, 2]\n"),
    "an empty object": _content(lambda _: b"{}\n"),
    "other values": _content(lambda _: b'{"event": "Epoch", "photos": [], "path": 3, "x": 1}\n'),
    "not a number": _content(lambda _: b'{"processes": NaN, "event": "Epoch"}\n'),
    "open brackets": _content(lambda _: b"[" * 5000 + b"\n"),
    "deep": _content(lambda _: b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"\n"),
    "huge number": _content(lambda _: b'{"processes": ' + b"9" * 5000 + b"}\n"),
    "more behind it": _content(lambda whole: whole + b"5\n"),
    "a folder": _folder,
    "a pipe": _pipe,
    "closed": lambda file: file.chmod(0),
}


def undo(file: Path, whole: Path) -> None:
    """Put back what a damage did to a file."""
    if file.is_dir():
        shutil.rmtree(file)
    file.unlink(missing_ok=True)
    shutil.copy(whole, file)


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read and write everything; in this block the thread may only what anybody may."""
    libc = ctypes.CDLL(None, use_errno=True)
    head, sets = (ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(head, sets) == 0
    before = list(sets)
    sets[0] &= ~_READS_ALL  # of what is in effect
    assert libc.capset(head, sets) == 0
    try:
        yield
    finally:
        sets[:] = before
        assert libc.capset(head, sets) == 0
