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


def damaged_headers(whole: bytes) -> dict[str, bytes]:
    """What is damaged -> an .npy file whose header is, of as many bytes as before."""
    start, end = 10, 10 + int.from_bytes(whole[8:10], "little")
    header = whole[start:end]
    changed = {
        "a bracket": header.replace(b"(", b"\x08", 1),
        "a quote": header.replace(b"'", b" ", 1),
        "a brace": b"[" + header[1:],
        "nothing but brackets": b"(" * len(header),
        "binary": bytes(255 - at % 100 for at in range(len(header))),
        "a name": header.replace(b"descr", b"decsr"),
        "a kind": header.replace(b"'descr': '", b"'descr': ' "[:-1] + b"Q"),
        "objects": header.replace(b"|u1", b"|O ").replace(b"<i8", b"|O "),
        "a huge shape": header.replace(b"(", b"(9999999999999,", 1)[: len(header) - 1] + b"\n",
    }
    return {what: whole[:start] + new.ljust(end - start)[: end - start] + whole[end:]
            for what, new in changed.items()}  # fmt: skip


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
