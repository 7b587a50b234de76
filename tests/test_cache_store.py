"""The cache stays within its size; what was used the longest ago goes, what is in use stays."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from striate.cache_store import evict, list_entries, size_limit
from striate.cli import main
from striate.data.cache.decoded import decode_images
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.listing import DecodedImages
from striate.errors import OptionError
from tests.data.cache.test_decode_all import listing_of
from tests.data.images import class_folders

SIDES = (64, 72, 80)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    class_folders(tmp_path / "photos", {"cat": 4, "dog": 3})
    return tmp_path / "photos"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def decoded(photos: Path, side: int) -> DecodedImages:
    return decode_images(listing_of(photos), Preprocess(side, 3))


def three(photos: Path, home: Path) -> None:
    """Entries of three sizes that nobody uses; the last was used the longest ago."""
    for age, side in enumerate(SIDES):
        decoded(photos, side)
        gc.collect()
        newest = max(home.iterdir(), key=lambda folder: folder.stat().st_mtime)
        os.utime(newest, (time.time() - 100 * (age + 1),) * 2)


def sides(home: Path) -> list[int]:
    """Of the entries that are there, the oldest first."""
    return [int(entry.about.split()[-2].split("x")[0]) for entry in list_entries(home)]


def test_the_entry_used_the_longest_ago_goes_first(photos: Path, home: Path) -> None:
    three(photos, home)
    assert sides(home) == [80, 72, 64]
    again = decoded(photos, 80)  # now it is the newest
    assert sides(home) == [72, 64, 80]
    total = sum(entry.bytes for entry in list_entries(home))
    removed = evict(home, total - 1)
    assert [entry.about for entry in removed] == [f"{photos}, 72x72 pixels"]
    assert sides(home) == [64, 80]
    assert len(again) == 7


def test_an_entry_that_is_used_stays_as_long_as_it_is_seen(photos: Path, home: Path) -> None:
    three(photos, home)
    some_rows = decoded(photos, 72).pixels[2:4]
    gc.collect()
    evict(home, 0)
    assert sides(home) == [72]
    assert list_entries(home)[0].busy
    assert int(some_rows.max()) > 0
    del some_rows
    gc.collect()
    assert not list_entries(home)[0].busy
    evict(home, 0)
    assert list(home.iterdir()) == []


def test_an_entry_that_another_process_uses_stays(photos: Path, home: Path) -> None:
    three(photos, home)
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.test_cache_store import decoded\n"
        "held = decoded(Path(sys.argv[1]), 64); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(photos)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        evict(home, 0)
        assert sides(home) == [64]
        process.kill()
    evict(home, 0)
    assert sides(home) == []


def test_a_new_entry_makes_room_for_itself(
    photos: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(photos, home)
    monkeypatch.setenv(
        "STRIATE_CACHE_GB", str((sum(p.bytes for p in list_entries(home)) + 2000) / 1e9)
    )
    decoded(photos, 16)
    assert sides(home) == [72, 64, 16]


def test_the_limit_is_half_of_what_the_disk_has_left_or_50_gb(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    assert 0 < size_limit(home) <= 50 * 10**9
    monkeypatch.setenv("STRIATE_CACHE_GB", "2.5")
    assert size_limit(home) == 2_500_000_000
    monkeypatch.setenv("STRIATE_CACHE_GB", "much")
    with pytest.raises(OptionError) as caught:
        size_limit(home)
    assert str(caught.value) == (
        "STRIATE_CACHE_GB must be a size in gigabytes, as in 2.5, but 'much' came"
    )


def test_the_command_lists_and_clears(photos: Path, home: Path, capsys) -> None:
    three(photos, home)
    used = decoded(photos, 64)
    assert main(["cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("  in use") for line in lines] == [False, False, True, False]
    assert f"  {photos}, 80x80 pixels" in lines[0]
    assert lines[-1].endswith(f" MB in {home}")
    assert main(["cache", "--clear", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(home)
    assert [pack["about"].split()[-2] for pack in told["removed"]] == ["80x80", "72x72"]
    assert [pack["busy"] for pack in told["packs"]] == [True]
    assert len(used) == 7
    assert main(["cache", "--largest", "-1"]) == 2
    assert capsys.readouterr().err == (
        "striate: error: --largest must be a size in gigabytes, as in 2.5, but '-1' came\n"
    )


def test_a_cache_that_is_not_there_is_empty(home: Path, capsys) -> None:
    assert main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == f"       0.0 MB in {home}\n"
