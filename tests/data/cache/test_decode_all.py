"""Every image is decoded in child processes, and a bad one costs only itself."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.data.cache import workers
from striate.data.cache.decode_all import decode_all, read_headers
from striate.data.decoding.decode import decode
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Samples
from striate.data.listing.listing import Listing
from striate.data.listing.samples import Finding, Record, Sample
from striate.data.targets.classes import ClassTargets
from striate.errors import StorageError, StriateError
from tests.data.images import class_folders, corners, encoded, noise

pytestmark = pytest.mark.usefixtures("new_interpreters")
FAULTY = ("-P", "-m", "tests.data.faulty")


def listing_of(root: Path) -> Listing:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    names = tuple(sorted({path.parent.name for path in paths}))
    found = Samples.of(
        Sample(str(path.relative_to(root)), names.index(path.parent.name)) for path in paths
    )
    return Listing(root, "class folders", ClassTargets.of(names, found), found)


def surveyed(listing: Listing, **options: object) -> dict[str, Record]:
    found = dict(decode_all(listing, **options))  # type: ignore[arg-type]
    assert sorted(found) == list(range(len(listing.samples)))
    return {listing.samples[index].path: record for index, record in found.items()}


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_a_survey_gives_what_decoding_gives(tmp_path: Path, workers: int | None) -> None:
    class_folders(tmp_path, {"cat": 40, "dog": 30})
    (tmp_path / "dog" / "bad.png").write_bytes(b"hello, this is text")
    (tmp_path / "dog" / "none.jpg").write_bytes(b"")
    listing = listing_of(tmp_path)
    expected = {p.path: decode(tmp_path / p.path, p.path)[1] for p in listing.samples}
    assert surveyed(listing, workers=workers) == expected
    assert [f.kind for f in expected["dog/bad.png"].findings] == ["not an image"]


def test_the_pixels_land_in_the_row_of_their_image(tmp_path: Path) -> None:
    class_folders(tmp_path / "in", {"cat": 9, "dog": 8}, side=24)
    (tmp_path / "in" / "cat" / "wide.jpg").write_bytes(encoded(corners(400, 300), "JPEG"))
    listing = listing_of(tmp_path / "in")
    preprocess = Preprocess(20, 3, "crop")
    rows = np.lib.format.open_memmap(
        tmp_path / "rows.npy", "w+", np.uint8, (len(listing.samples), 20, 20, 3)
    )
    surveyed(listing, preprocess=preprocess, pixels=tmp_path / "rows.npy", workers=2)
    for row, pixels in zip(rows, listing.samples, strict=True):
        image = decode(listing.root / pixels.path, "", preprocess=preprocess)[0]
        assert image is not None
        assert (row == preprocess.to_array(image)).all()


def test_what_kills_or_holds_its_process_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "COMMAND", FAULTY)
    paths = class_folders(tmp_path, {"cat": 60})
    for number, name in ((3, "crash"), (20, "leave"), (21, "crash2"), (40, "hang"), (59, "crash3")):
        paths[number].rename(paths[number].with_stem(name))
    start = time.monotonic()
    found = surveyed(listing_of(tmp_path), workers=2, seconds=0.4)
    assert time.monotonic() - start < 10
    bad = {path: record.findings for path, record in found.items() if not record.usable}
    assert bad == {
        "cat/crash.png": (
            Finding("unreadable", "cat/crash.png", "the decoder crashed on it (SIGSEGV)"),
        ),
        "cat/crash2.png": (
            Finding("unreadable", "cat/crash2.png", "the decoder crashed on it (SIGSEGV)"),
        ),
        "cat/crash3.png": (
            Finding("unreadable", "cat/crash3.png", "the decoder crashed on it (SIGSEGV)"),
        ),
        "cat/leave.png": (
            Finding("unreadable", "cat/leave.png", "the decoder crashed on it (exit 7)"),
        ),
        "cat/hang.png": (
            Finding("too slow", "cat/hang.png", "decoding it takes longer than 0.4 seconds"),
        ),
    }
    assert len(found) == 60


def test_a_reader_that_pauses_longer_than_an_image_may_take_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "COMMAND", FAULTY)
    for path in class_folders(tmp_path, {"cat": 60}):
        path.rename(path.with_stem("slow" + path.stem))
    found: list[Record] = []
    for _, record in decode_all(listing_of(tmp_path), workers=2, seconds=0.3):
        if len(found) in {0, 7}:
            time.sleep(0.5)
        found.append(record)
    assert [record.usable for record in found] == [True] * 60
    # None was taken for hanging and replaced.
    assert len(list(tmp_path.glob("*.pid"))) == 2


def test_a_bug_of_ours_in_a_child_comes_out_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "COMMAND", FAULTY)
    class_folders(tmp_path, {"cat": 2})
    (tmp_path / "cat" / "bug.png").write_bytes(encoded(noise()))
    with pytest.raises(StriateError) as caught:
        surveyed(listing_of(tmp_path))
    said = str(caught.value)
    assert said.startswith("cat/bug.png: the decoder failed, which is a bug\nTraceback ")
    assert said.endswith("KeyError: 'bug'\n")


def test_a_child_that_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "COMMAND", ("-c", "import striate.nowhere"))
    class_folders(tmp_path, {"cat": 2})
    with pytest.raises(StriateError) as caught:
        surveyed(listing_of(tmp_path))
    said = str(caught.value)
    assert said.startswith("the process that decodes images failed (exit 1): Traceback ")
    assert said.endswith("No module named 'striate.nowhere'")


def test_fewer_children_do_where_the_system_allows_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = [1, 0]
    start = subprocess.Popen.__init__

    def limited(self: subprocess.Popen[bytes], *arguments: Any, **options: Any) -> None:
        if allowed[0] == 0:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        allowed.pop(0)
        start(self, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", limited)
    monkeypatch.setattr(subprocess.Popen, "__del__", lambda _: None)
    class_folders(tmp_path, {"cat": 6})
    assert len(surveyed(listing_of(tmp_path), workers=4)) == 6
    with pytest.raises(StorageError) as caught:
        surveyed(listing_of(tmp_path), workers=4)
    assert str(caught.value) == (
        "no process can be started to decode images: resource temporarily unavailable; "
        "end other programs, or raise the limits that `ulimit -a` shows"
    )


def test_a_disk_that_takes_no_more_pixels_is_said(tmp_path: Path) -> None:
    class_folders(tmp_path, {"cat": 3})
    rows = tmp_path / "rows.npy"
    np.save(rows, np.zeros((3, 8, 8, 3), np.uint8))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        with pytest.raises(StorageError) as caught:
            surveyed(listing_of(tmp_path / "cat"), preprocess=Preprocess(8, 3), pixels=rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(caught.value) == f"{rows}: file too large; free some space, or use another disk"


def _hanging(tmp_path: Path) -> Path:
    class_folders(tmp_path, {"cat": 3})
    (tmp_path / "cat" / "hang.png").write_bytes(encoded(noise()))
    return tmp_path / "cat" / "hang.pid"


def _pid(file: Path) -> int:
    for _ in range(500):
        if file.exists() and (text := file.read_text()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError("the child has not come to the image")


def test_leaving_early_ends_the_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "COMMAND", FAULTY)
    file = _hanging(tmp_path)
    work = decode_all(listing_of(tmp_path), workers=1)
    next(work)
    child = _pid(file)
    assert running(child)
    work.close()
    assert not running(child)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_the_children_of_a_killed_process_die_in_the_middle_of_an_image(tmp_path: Path) -> None:
    file = _hanging(tmp_path)
    program = (
        "import sys; from pathlib import Path; from striate.data.cache import workers\n"
        "from tests.data.cache.test_decode_all import FAULTY, listing_of\n"
        "from striate.data.cache.decode_all import decode_all\n"
        "workers.COMMAND = FAULTY\n"
        "list(decode_all(listing_of(Path(sys.argv[1])), workers=1))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], env=environment)
    child = _pid(file)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(200):
        if not running(child):
            break
        time.sleep(0.01)
    assert not running(child)


@pytest.mark.parametrize(
    "name",
    [b"new\nline.png", b"tab\t\x1b[31m.png", b"\xff\xfe\x80.png", "🐈 é.png".encode(), b'"=.png'],
)
def test_any_name_comes_back_as_it_is(name: bytes, tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    path = Path("cat", os.fsdecode(name))
    (tmp_path / path).write_bytes(encoded(noise().convert("RGBA"))[:-1])
    expected = Finding("truncated", str(path), "the end of the PNG is missing")
    assert surveyed(listing_of(tmp_path))[str(path)].findings == (expected,)


def test_a_child_cannot_take_all_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "COMMAND", FAULTY)
    class_folders(tmp_path, {"cat": 2})
    (tmp_path / "cat" / "greedy.png").write_bytes(encoded(noise()))
    assert surveyed(listing_of(tmp_path))["cat/greedy.png"].usable


def test_the_largest_image_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(encoded(noise(1000, 700)))
    (record,) = surveyed(listing_of(tmp_path), largest_megabytes=2).values()
    detail = "1,000 x 700 pixels need 4 MB, the limit is 2 MB"
    assert record.findings == (Finding("huge", "cat/a.png", detail),)


def test_headers_are_of_images_spread_over_the_listing(tmp_path: Path) -> None:
    class_folders(tmp_path, {"cat": 30})
    for number in range(30):
        path = tmp_path / "cat" / f"{number:03}.png"
        path.write_bytes(encoded(noise(10 + number, 32).convert("L")))
    found = read_headers(listing_of(tmp_path), most=7)
    assert found == [Record("", 10 + number, 32, 1) for number in (0, 5, 10, 15, 20, 25)]
    assert len(read_headers(listing_of(tmp_path))) == 30


def test_rows_of_an_array_need_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "COMMAND", ("-c", "raise SystemExit(3)"))
    arrays = np.stack([np.asarray(noise(12, 10, seed=seed)) for seed in (0, 1, 0)])
    named = Samples.of(Sample(f"a.npz#{row}", 0) for row in range(3))
    listing = Listing(tmp_path, "NPZ", ClassTargets.of(("cat",), named), named, arrays=arrays)
    np.save(tmp_path / "rows.npy", np.zeros((3, 6, 6, 1), np.uint8))
    preprocess = Preprocess(6, 1)
    found = surveyed(listing, preprocess=preprocess, pixels=tmp_path / "rows.npy")
    first, second, third = found.values()
    assert (first.width, first.height, first.channels, first.findings) == (12, 10, 3, ())
    assert first.digest == third.digest != second.digest
    rows = np.load(tmp_path / "rows.npy")
    assert (rows[1] == preprocess.to_array(noise(12, 10, seed=1))).all()
    assert read_headers(listing, most=2) == [Record("", 12, 10, 3)] * 2


def test_nothing_of_torch_or_numpy_is_loaded_by_a_child() -> None:
    program = (
        "import sys, striate.data.cache.worker\n"
        "print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_a_worker_that_is_begun_is_the_first_of_the_next_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders(tmp_path, {"cat": 3})
    with workers.begin_worker():
        (begun,) = workers._begun
        monkeypatch.setattr(workers, "COMMAND", ("-c", "raise SystemExit(3)"))  # of any other
        assert len(surveyed(listing_of(tmp_path), workers=1)) == 3
        assert workers._begun == []
    assert begun.process.returncode is not None


def test_a_worker_that_is_begun_and_not_used_ends() -> None:
    with workers.begin_worker():
        (begun,) = workers._begun
    assert workers._begun == []
    assert begun.process.returncode is not None
