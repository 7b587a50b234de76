"""Atomic file writes, validated JSON reading, and file locks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import math
import os
import shutil
import stat
import tokenize
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from striate.errors import BusyError, OptionError, StorageError, printable

#: exceptions NumPy raises for a damaged array header, which it parses as Python literals
ARRAY_DAMAGE = (
    *(ValueError, TypeError, KeyError, SyntaxError, EOFError, OverflowError),
    *(tokenize.TokenError, MemoryError, RecursionError),
)
MODEL_FILE = "model.safetensors"  #: name of the model file in a run folder
_PARTIAL = ".partial"
_ELSEWHERE = "choose another place with --out"
_RESTORE = "put back a copy of it, or train anew"


def write(path: Path, content: bytes | str) -> None:
    """Write a file atomically: after a kill or a full disk it has the old content or the new.

    Writes a temporary file in the same folder, fsyncs, renames and fsyncs the folder.
    Raises StorageError naming the path and the bytes needed.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    with replacing(path, f"{len(data):,} bytes are needed") as partial:
        _write_through(partial, data)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write ASCII lines atomically, as `write` does, without holding all of them in memory."""
    with replacing(path, "make room") as partial, partial.open("w", encoding="ascii") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def read_json(path: Path, advice: str = _RESTORE) -> dict[str, Any]:
    """Read a JSON object from a file. Raises StorageError naming the damaged line."""
    return parse_json(path, b"".join(read_lines(path, advice)), advice)


def read_json_lines(path: Path, advice: str = _RESTORE) -> Iterator[dict[str, Any] | StorageError]:
    """Yield the JSON object in each line of a file; a StorageError for a damaged line."""
    for number, line in enumerate(read_lines(path, advice), 1):
        try:
            yield parse_json(path, line.rstrip(b"\n"), advice, number)
        except StorageError as error:
            yield error


def read_lines(path: Path, advice: str = _RESTORE) -> Iterator[bytes]:
    """Yield the lines of a file with their line ends. Raises StorageError."""
    try:
        with _regular(path, advice).open("rb") as file:
            yield from file
    except StorageError:
        raise
    except OSError as error:
        raise storage_error(path, error, advice) from error


def parse_json(path: Path, content: bytes, advice: str = _RESTORE, line: int = 1) -> dict[str, Any]:
    """Parse a JSON object whose content begins at `line` of a file.

    Raises StorageError, also for non-finite numbers and too deep nesting.
    """
    try:
        value = json.loads(
            content.decode(), parse_int=_whole, parse_float=_finite, parse_constant=_finite
        )
    except UnicodeDecodeError as error:
        line += content.count(b"\n", 0, error.start)
        raise damaged(path, line, "not UTF-8 text", advice) from error
    except json.JSONDecodeError as error:
        raise damaged(path, line + error.lineno - 1, f"not JSON: {error.msg}", advice) from error
    except RecursionError as error:
        raise damaged(path, line, "JSON that is nested too deeply", advice) from error
    except ValueError as error:
        raise damaged(path, line, str(error), advice) from error
    if not isinstance(value, dict):
        found = f"expected a JSON object, found {_KINDS.get(type(value), 'null')}"
        raise damaged(path, line, found, advice)
    return value


_DIGITS = 20  #: most characters of an integer with its sign, as for 64 bits
_KINDS = {list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false"}


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no finite number")
    return number


def damaged(path: Path, line: int, what: str, advice: str = _RESTORE) -> StorageError:
    """Return the StorageError for a damaged line of a file."""
    return StorageError(f"{printable(str(path))}: line {line:,}: {printable(what, 200)}; {advice}")


def _regular(path: Path, advice: str) -> Path:
    if not stat.S_ISREG(path.stat().st_mode):  # reading from a pipe would block forever
        raise StorageError(f"{printable(str(path))}: not a regular file; {advice}")
    return path


def copy(source: Path, target: Path) -> None:
    """Replace target by a hard link to source, or by a copy where links are not supported.

    Raises StorageError; target is then unchanged.
    """
    if target.exists() and source.samefile(target):
        return  # rename() onto a hard link of the same file does nothing and leaves both names
    with replacing(target, f"it should be a copy of {printable(str(source))}") as partial:
        partial.unlink(missing_ok=True)
        try:
            os.link(source, partial)
        except OSError:
            _write_through(partial, source.read_bytes())


def check_suffix(path: Path, suffixes: Sequence[str]) -> None:
    """Raise OptionError unless the path has one of the suffixes, ignoring case."""
    if path.suffix.lower() not in suffixes:
        expected = " or ".join(suffixes)
        raise OptionError(f"{printable(str(path))}: expected a file that ends in {expected}")


def check_output(path: Path, inputs: Iterable[Path]) -> None:
    """Raise OptionError if writing to the path would replace an input, or what lies in one.

    `inputs` are asked for only if the file exists. Raises StorageError if its folder does not.
    """
    shown, home = printable(str(path)), path.parent.resolve()
    if not home.is_dir():
        folder = printable(str(path.parent))
        raise StorageError(f"{shown}: there is no folder {folder}; make it, or choose another")
    if not os.path.lexists(path):
        return
    for source in inputs:
        if _same(path, source):
            raise OptionError(f"{shown} is an input of this command; choose another name")
        if os.path.isdir(source) and home.is_relative_to(source.resolve()):  # noqa: PTH112
            where = printable(str(source))
            raise OptionError(f"{shown} exists already in {where}, an input; choose another name")


def _same(path: Path, source: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):  # one does not exist, or is no name of a file
        return path.samefile(source)
    return False


def make_folder(path: Path) -> Path:
    """Create the folder, or the first free of path-2, path-3, ..., and return it.

    Raises StorageError.
    """
    path = path.resolve() if path.name in ("", "..") else path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path.parent, error, _ELSEWHERE) from error
    for number in range(1, 10_000):
        candidate = path if number == 1 else path.parent / f"{path.name}-{number}"
        try:
            candidate.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise storage_error(candidate, error, _ELSEWHERE) from error
        return candidate
    shown = printable(str(path))
    raise StorageError(f"{shown}: 9,999 folders of that name exist; choose another with --out")


def beside(path: Path, data: Path) -> Path:
    """Return the path, moved next to the data folder if it would lie inside it."""
    home = data.resolve()
    return home.parent / path if home.is_dir() and path.resolve().is_relative_to(home) else path


def free_name(path: Path) -> Path:
    """Return the path, or the first unused of path-2, path-3, ... (before the suffix).

    Raises StorageError.
    """
    for number in range(1, 10_000):
        tail = "" if number == 1 else f"-{number}"
        candidate = path.with_name(f"{path.stem}{tail}{path.suffix}")
        if not os.path.lexists(candidate):
            return candidate
    shown = printable(str(path))
    raise StorageError(f"{shown}: 9,999 files of that name exist; choose another with --out")


def remove_partials(folder: Path) -> None:
    """Remove temporary files left by killed writers, ignoring errors."""
    for leftover in list(folder.rglob("*" + _PARTIAL)):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                leftover.unlink()


@contextlib.contextmanager
def lock(path: Path, what: str) -> Generator[None]:
    """Hold an exclusive file lock for the block; the kernel releases it when the process dies.

    Raises BusyError naming the process that holds it, or StorageError.
    """
    fresh = not os.path.lexists(path)
    try:
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise storage_error(path, error, _ELSEWHERE) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            file.write(f"process {os.getpid()} on {os.uname().nodename}".encode())
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read(200).decode(errors="replace").strip() or "another process"
            who = printable(holder)
            raise BusyError(f"{what} is in use by {who}; wait, or stop it first") from error
        except OSError as error:
            if fresh:
                path.unlink(missing_ok=True)
            raise storage_error(path, error, _ELSEWHERE) from error
        yield


def storage_error(path: Path, error: OSError, advice: str) -> StorageError:
    """Return the StorageError for an OSError at a path."""
    what = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
    }.get(error.errno or 0, (error.strerror or str(error)).lower())
    return StorageError(f"{printable(str(path))}: {what}; {advice}")


@contextlib.contextmanager
def replacing(path: Path, advice: str) -> Generator[Path]:
    """Yield a temporary path; rename it to `path` after the block, or remove it on an error."""
    partial = path.parent / (path.name + _PARTIAL)
    try:
        yield partial
        partial.replace(path)
        sync_folder(path.parent)
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        if isinstance(error, OSError):
            raise storage_error(path, error, advice) from error
        raise


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
