"""Sheets show what is doubtful, worst first, and never replace a file or lie in the data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.cli import main
from striate.errors import OptionError
from tests.data.listing.test_near_duplicates import save, scene
from tests.data.listing.test_quality import grainy


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(30):
        save(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", grainy(number))
    save(tmp_path / "photos/a/dark.png", grainy(50).point(lambda level: int(level * 0.15)))
    save(tmp_path / "photos/a/darkest.png", grainy(51).point(lambda level: int(level * 0.11)))
    save(tmp_path / "photos/b/<b>.jpg", grainy(3), quality=90)
    return tmp_path / "photos"


def test_each_kind_that_was_found_has_a_sheet(photos: Path, tmp_path: Path):
    inspection = striate.check(photos, sheets=tmp_path / "doubtful")
    names = [sheet.name for sheet in inspection.sheets]
    assert names == ["near-duplicates.png", "dark.png"]
    assert inspection.sheet is None
    dark = np.asarray(Image.open(tmp_path / "doubtful/dark.png").convert("L"), float)
    first, second = (dark[90:180, left : left + 128].mean() for left in (28, 168))
    assert first < second < 30
    pair = np.asarray(Image.open(tmp_path / "doubtful/near-duplicates.png").convert("L"), float)
    tiles = [pair[90:180, left : left + 128].ravel() for left in (28, 168)]
    assert np.corrcoef(tiles)[0, 1] > 0.95


def test_a_second_check_writes_into_another_folder(photos: Path, tmp_path: Path):
    for _ in range(2):
        inspection = striate.check(photos, sheets=tmp_path / "doubtful")
    assert {sheet.parent.name for sheet in inspection.sheets} == {"doubtful-2"}


def test_sheets_never_lie_in_the_data(photos: Path):
    with pytest.raises(OptionError) as error:
        striate.check(photos, sheets=photos / "sheets")
    assert str(error.value) == (
        f"--sheets {photos / 'sheets'} lies in the data; choose a folder outside of it"
    )
    assert not (photos / "sheets").exists()


def test_nothing_is_written_where_nothing_is_doubtful(tmp_path: Path):
    for number in range(4):
        save(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", scene(number))
    assert striate.check(tmp_path / "photos", sheets=tmp_path / "doubtful").sheets == ()
    assert not (tmp_path / "doubtful").exists()


def test_the_command_names_the_sheets(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["check", str(photos), "--sheets", str(tmp_path / "one")]) == 0
    assert capsys.readouterr().out.endswith(f"sheet  {tmp_path / 'one' / 'dark.png'}\n")
    main(["check", str(photos), "--sheets", str(tmp_path / "two"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["near_duplicates"] == [["b/3.png", "b/<b>.jpg"]]
    assert told["files"]["sheets"][1] == str(tmp_path / "two/dark.png")
