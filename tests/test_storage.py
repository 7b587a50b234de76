"""Files are written whole or not at all, whichever call of the system fails; locks exclude."""

from __future__ import annotations

import errno
import io
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pytest

from striate import storage
from striate.errors import BusyError, StorageError
from striate.storage import (
    copy,
    lock,
    make_folder,
    read_json,
    read_json_lines,
    remove_partials,
    storage_error,
    write,
)

NEW = b"seventeen letters"
FAULTS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "input/output error",
    errno.EACCES: "permission denied",
}


class Killed(BaseException):
    """Stands for a kill: nothing of ours runs after it."""


class Disk:
    """Records the calls that some work makes, lets them through or fails some of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self._watching = False
        self._fault: BaseException | None = None
        self._failing = range(0)
        opened = Path.open
        patch.setattr(
            Path, "open", lambda path, *rest, **more: self._file(opened, path, rest, more)
        )
        for name in ("replace", "link", "open", "mkdir", "fsync"):
            patch.setattr(os, name, self._watched(name, getattr(os, name)))

    def run(
        self, work: Callable[[], object], fault: BaseException | None = None, first: int = 1,
        last: int = 1000,
    ) -> None:  # fmt: skip
        """Do the work; its calls from `first` to `last`, counted from 1, raise the fault."""
        self.calls.clear()
        self._watching, self._fault, self._failing = True, fault, range(first, last + 1)
        try:
            work()
        finally:
            self._watching = False

    def call(self, what: str) -> None:
        if self._watching:
            self.calls.append(what)
            if self._fault and len(self.calls) in self._failing:
                raise self._fault

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*rest: Any, **more: Any) -> Any:
            names = [Path(f"/proc/self/fd/{rest[0]}").readlink()] if name == "fsync" else rest[:2]
            shown = [Path(each).name for each in names if isinstance(each, str | Path)]
            self.call(" ".join([name, *shown]))
            return real(*rest, **more)

        return watched

    def _file(self, opened: Any, path: Path, rest: Any, more: Any) -> Any:
        self.call(f"open {path.name}")
        return _File(opened(path, *rest, **more), self)


class _File:
    """A file that tells its disk before it writes."""

    def __init__(self, file: io.IOBase, disk: Disk) -> None:
        self.file, self.disk = file, disk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, data: bytes) -> int:
        self.disk.call("write")
        return self.file.write(data)

    def truncate(self, size: int) -> int:
        self.disk.call("truncate")
        return self.file.truncate(size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def every_fault(
    disk: Disk, work: Callable[[], object], before: Callable[[], object] = bool
) -> Iterator[tuple[int, str, StorageError]]:
    """The work done for each call it makes and each fault, once or lasting; the call, the error."""
    before()
    disk.run(work)
    for number, said in FAULTS.items():
        for first in range(1, len(disk.calls) + 1):
            for last in (first, 1000):
                before()
                calls = list(disk.calls)
                with pytest.raises(StorageError) as caught:
                    disk.run(work, OSError(number, os.strerror(number)), first, last)
                disk.calls = calls
                yield first, said, caught.value


def test_content_is_on_the_disk_before_its_name_and_the_name_before_it_returns(
    disk: Disk, tmp_path: Path
) -> None:
    disk.run(lambda: write(tmp_path / "note", NEW))
    assert disk.calls == [
        "open note.partial",
        "write",
        "fsync note.partial",
        "replace note.partial note",
        f"open {tmp_path.name}",
        f"fsync {tmp_path.name}",
    ]
    assert contents(tmp_path) == {"note": NEW}


@pytest.mark.parametrize("before", [{}, {"note": b"old"}], ids=["new file", "over an old file"])
def test_any_call_of_a_write_may_fail(disk: Disk, tmp_path: Path, before: dict[str, bytes]) -> None:
    path, seen = tmp_path / "note", 0

    def fresh() -> None:
        path.unlink(missing_ok=True)
        for name, data in before.items():
            (tmp_path / name).write_bytes(data)

    for first, said, error in every_fault(disk, lambda: write(path, NEW), fresh):
        assert str(error) == f"{path}: {said}; 17 bytes are needed"
        # The name is taken by the fourth call: what fails later leaves the new file.
        assert contents(tmp_path) == (before if first <= 4 else {"note": NEW})
        seen += 1
    assert seen == 6 * len(FAULTS) * 2


def test_a_kill_at_any_call_leaves_the_old_file_or_the_new(disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "note"
    for first in range(1, 7):
        write(path, b"old")
        with pytest.raises(Killed):
            disk.run(lambda: write(path, NEW), Killed(), first)
        assert path.read_bytes() == (b"old" if first <= 4 else NEW)
        remove_partials(tmp_path)
        assert set(contents(tmp_path)) == {"note"}


def test_the_systems_own_limit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "note"
    write(path, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageError) as caught:
            write(path, b"x" * 30_001)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == f"{path}: file too large; 30,001 bytes are needed"
    assert contents(tmp_path) == {"note": b"old"}


def test_the_reason_is_told_even_when_nothing_can_be_cleaned_up(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "stuck")

    monkeypatch.setattr(os, "unlink", stuck)
    with pytest.raises(StorageError, match="the disk is full"):
        disk.run(lambda: write(tmp_path / "note", NEW), OSError(errno.ENOSPC, "full"), 2)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("missing/note", "{}/missing/note: no such file or directory; 3 bytes are needed"),
        ("file/note", "{}/file/note: not a directory; 3 bytes are needed"),
        ("folder", "{}/folder: is a directory; 3 bytes are needed"),
        ("n" * 260, "{}/" + "n" * 260 + ": file name too long; 3 bytes are needed"),
        (
            "missing/a\nb\udc80",
            r"{}/missing/a\nb\udc80: no such file or directory; 3 bytes are needed",
        ),
    ],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError) as caught:
        write(tmp_path / place, "abc")
    assert str(caught.value) == message.format(tmp_path)
    assert set(contents_of_folder(tmp_path)) == {"file", "folder"}


def contents_of_folder(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_path_without_a_name_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match=r"^\.: .*; 3 bytes are needed$"):
        write(Path(), "abc")
    assert contents(tmp_path) == {}


def test_text_is_utf_8_and_undecodable_bytes_of_names_are_those_bytes(tmp_path: Path) -> None:
    write(tmp_path / "note", "Zürich caf\udce9\n")
    assert (tmp_path / "note").read_bytes() == b"Z\xc3\xbcrich caf\xe9\n"


def test_a_copy_is_a_link_and_replaces_what_was_there(disk: Disk, tmp_path: Path) -> None:
    source, target = tmp_path / "last", tmp_path / "best"
    source.write_bytes(NEW)
    target.write_bytes(b"old")
    disk.run(lambda: copy(source, target))
    assert disk.calls == [
        "link last best.partial",
        "replace best.partial best",
        f"open {tmp_path.name}",
        f"fsync {tmp_path.name}",
    ]
    assert source.samefile(target)
    write(source, b"newer")
    assert contents(tmp_path) == {"last": b"newer", "best": NEW}


def test_a_link_left_by_a_kill_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "previous").write_bytes(b"older")
    (tmp_path / "best.partial").hardlink_to(tmp_path / "previous")
    (tmp_path / "last").write_bytes(NEW)
    copy(tmp_path / "last", tmp_path / "best")
    assert contents(tmp_path) == {"previous": b"older", "last": NEW, "best": NEW}


def test_a_copy_that_is_there_already_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "last").write_bytes(NEW)
    for _ in range(2):
        copy(tmp_path / "last", tmp_path / "best")
    assert contents(tmp_path) == {"last": NEW, "best": NEW}


def test_where_the_disk_cannot_link_bytes_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", unable)
    (tmp_path / "last").write_bytes(NEW)
    (tmp_path / "best.partial").write_bytes(b"left by a kill")
    copy(tmp_path / "last", tmp_path / "best")
    assert contents(tmp_path) == {"last": NEW, "best": NEW}
    assert not (tmp_path / "last").samefile(tmp_path / "best")


def test_any_call_of_a_copy_may_fail(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "last", tmp_path / "best"
    source.write_bytes(NEW)

    def unable(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", unable)  # where links go, a failed one becomes a copy

    def fresh() -> None:
        target.unlink(missing_ok=True)
        target.write_bytes(b"old")

    disk.run(lambda: copy(source, target))
    renamed = disk.calls.index("replace best.partial best") + 1
    seen = 0
    for first, said, error in every_fault(disk, lambda: copy(source, target), fresh):
        assert str(error) == f"{target}: {said}; it should be a copy of {source}"
        assert contents(tmp_path) == {"last": NEW, "best": b"old" if first <= renamed else NEW}
        seen += 1
    assert seen == 7 * len(FAULTS) * 2


def test_a_folder_that_exists_is_never_used_again(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").write_text("untouched")
    (tmp_path / "run-3").write_text("a file")
    (tmp_path / "run-4").symlink_to(tmp_path / "nowhere")
    made = [make_folder(tmp_path / "run") for _ in range(2)]
    assert made == [tmp_path / "run-2", tmp_path / "run-5"]
    assert contents(tmp_path / "run") == {"mine": b"untouched"}


def test_parents_are_made(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b" / "run.v2") == tmp_path / "a" / "b" / "run.v2"
    assert make_folder(tmp_path / "a" / "b" / "run.v2") == tmp_path / "a" / "b" / "run.v2-2"


def test_twenty_that_start_together_get_twenty_folders(tmp_path: Path) -> None:
    together = threading.Barrier(20)

    def start(_: int) -> Path:
        together.wait()
        return make_folder(tmp_path / "runs" / "photos")

    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(start, range(20)))
    assert len(set(made)) == 20
    assert set(made) == set((tmp_path / "runs").iterdir())


def test_the_folder_one_stands_in_gets_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "home")
    assert make_folder(Path()) == tmp_path / "home-2"
    monkeypatch.chdir(tmp_path / "home" / "inner")
    assert make_folder(Path("..")) == tmp_path / "home-3"


def test_a_folder_that_cannot_be_made_is_named(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        make_folder(tmp_path / "file" / "run")
    assert str(caught.value) == (
        f"{tmp_path / 'file'}: file exists; choose another place with --out"
    )
    with pytest.raises(StorageError) as caught:
        make_folder(tmp_path / "file" / "runs" / "run")
    assert str(caught.value) == (
        f"{tmp_path / 'file' / 'runs'}: not a directory; choose another place with --out"
    )
    with pytest.raises(StorageError) as caught:
        disk.run(lambda: make_folder(tmp_path / "a\tb"), OSError(errno.EROFS, "read-only"), 2)
    assert str(caught.value) == (
        rf"{tmp_path}/a\tb: the disk is read-only; choose another place with --out"
    )


def test_there_is_an_end_to_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: object, **__: object) -> None:
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(Path, "mkdir", lambda path, **more: None if more else taken())
    with pytest.raises(StorageError) as caught:
        make_folder(tmp_path / "run")
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: 9,999 folders of that name exist; choose another with --out"
    )


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("")
    run = tmp_path / "run"
    (run / "checkpoints" / "key.partial" / "inner.partial").mkdir(parents=True)
    (run / "key.partial").symlink_to(tmp_path / "outside")
    for name in ("note.partial", "note", "partial", "checkpoints/last.partial", "checkpoints/last"):
        (run / name).write_text("")
    remove_partials(run)
    left = sorted(str(path.relative_to(run)) for path in run.rglob("*"))
    assert left == ["checkpoints", "checkpoints/last", "note", "partial"]
    assert contents(tmp_path / "outside") == {"kept": b""}
    remove_partials(tmp_path / "missing")


def test_a_leftover_that_cannot_be_removed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    (tmp_path / "note.partial").write_text("")
    monkeypatch.setattr(os, "unlink", stuck)
    remove_partials(tmp_path)
    assert set(contents(tmp_path)) == {"note.partial"}


HOLDER = """
import pathlib, sys
from striate.storage import lock
with lock(pathlib.Path(sys.argv[1]), "the run"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_excludes_another_process_names_it_and_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError) as caught, lock(path, "the run runs/a"):
            pytest.fail("two hold the lock")
        assert str(caught.value) == (
            f"the run runs/a is in use by process {holder.pid} on {os.uname().nodename}; "
            "wait, or stop it first"
        )
        holder.kill()
        holder.wait()
    with lock(path, "the run runs/a"):
        assert path.read_text() == f"process {os.getpid()} on {os.uname().nodename}"


def test_a_lock_is_free_after_an_error_inside(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), lock(path, "it"):
        raise ZeroDivisionError
    with lock(path, "it"), pytest.raises(BusyError), lock(path, "it"):
        pytest.fail("two hold the lock")


def test_of_twenty_that_start_together_one_holds_the_lock(tmp_path: Path) -> None:
    together, done = threading.Barrier(20), threading.Barrier(20)

    def start(_: int) -> bool:
        together.wait()
        try:
            with lock(tmp_path / "lock", "it"):
                done.wait()
                return True
        except BusyError:
            done.wait()
            return False

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(start, range(20))) == 1


def test_a_strange_lock_file_is_shown_escaped_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock(path, "it"):
        path.write_bytes(b"\xff\x1b[31m" + b"x" * 10_000)
        with pytest.raises(BusyError) as caught, lock(path, "it"):
            pytest.fail("two hold the lock")
    assert str(caught.value) == (
        "it is in use by \ufffd\\x1b[31m" + "x" * 194 + "; wait, or stop it first"
    )


def test_any_call_of_a_lock_may_fail(disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def work() -> None:
        with lock(path, "it"):
            pass

    messages = {str(error) for _, _, error in every_fault(disk, work)}
    assert messages == {
        f"{path}: {said}; choose another place with --out" for said in FAULTS.values()
    }
    work()


def test_a_disk_that_cannot_lock_is_not_a_run_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(storage.fcntl, "flock", unable)
    with pytest.raises(StorageError) as caught, lock(tmp_path / "lock", "it"):
        pytest.fail("held without a lock")
    assert str(caught.value) == (
        f"{tmp_path / 'lock'}: no locks available; choose another place with --out"
    )


def test_an_error_without_a_number_says_what_it_says() -> None:
    error = storage_error(Path("place"), OSError("Something Odd"), "try later")
    assert str(error) == "place: something odd; try later"
    assert error.exit_code == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: not JSON: Expecting value"),
        (b'{"a": 1,\n\n "b": }', "line 3: not JSON: Expecting value"),
        (b'{"a": 1,\n "b": "\xff"}', "line 2: not UTF-8 text"),
        (b"[" * 5000, "line 1: JSON that is nested too deeply"),
        (b'{"a": NaN}', "line 1: NaN is no finite number"),
        (b'{"a": -1e999}', "line 1: -1e999 is no finite number"),
        (b'{"a": ' + b"1" * 5000 + b"}", "line 1: a number of 5,000 digits"),
        (b"5", "line 1: expected a JSON object, found a number"),
        (b"null", "line 1: expected a JSON object, found null"),
        (b"true", "line 1: expected a JSON object, found true or false"),
    ],
)
def test_json_that_is_damaged_is_told_by_its_line(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "a\nb.json"
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        read_json(path)
    advice = "put back a copy of it, or train anew"
    assert str(caught.value) == rf"{tmp_path}/a\nb.json: {said}; {advice}"
    if b"\n" not in content:
        path.write_bytes(b'{"a": 1}\n' + content + b'\n{"a": 2}')
        one, error, two = read_json_lines(path)
        assert (one, two) == ({"a": 1}, {"a": 2})
        assert said.replace("line 1", "line 2") in str(error)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_json_is_read_from_files_alone(tmp_path: Path, make: Callable[[Path], object]):
    make(tmp_path / "a")
    with pytest.raises(StorageError, match=r"/a: not a regular file; put back"):
        read_json(tmp_path / "a")


def test_nothing_is_left_of_lines_that_cannot_be_made(tmp_path: Path):
    def lines() -> Iterator[str]:
        yield "one\n"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        storage.write_lines(tmp_path / "note", lines())
    assert contents(tmp_path) == {}
