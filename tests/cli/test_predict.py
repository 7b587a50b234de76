"""`striate predict`: what it writes, what it refuses, and how it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyarrow import parquet

from striate.cli import main
from striate.model_file import save
from striate.prediction import parquet as writing_parquet
from tests.data.images import encoded, noise
from tests.prediction.map_models import make_classifier


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model file, and images of which one is none."""
    monkeypatch.chdir(tmp_path)
    save(make_classifier(), Path("model.safetensors"))
    Path("photos").mkdir()
    for number in range(5):
        Path(f"photos/{number}.png").write_bytes(encoded(noise(20, 20, seed=number)))
    Path("photos/3.png").write_bytes(b"")
    return tmp_path


def predict(*words: str) -> int:
    return main(["predict", "model.safetensors", *words])


def test_the_three_kinds_of_files_say_the_same(here: Path, capsys: pytest.CaptureFixture[str]):
    for suffix in ("csv", "jsonl", "parquet"):
        assert predict("photos", "--out", f"found.{suffix}") == 0
        told = f"table     found.{suffix}\n1 of 5 files could not be read\n"
        assert capsys.readouterr() == ("", told)
    rows = [json.loads(line) for line in Path("found.jsonl").read_text().splitlines()]
    assert parquet.read_table("found.parquet").to_pylist() == rows
    assert [row["path"] for row in rows] == [f"photos/{number}.png" for number in range(5)]
    cells = [[row["path"], row["class"], f"{row['probability']:.6f}", "", ""] for row in rows]
    cells[3] = ["photos/3.png", "", "", "empty", ""]
    lines = ["path,class,probability,error,notes", *map(",".join, cells)]
    assert Path("found.csv").read_text().splitlines() == lines
    assert predict("photos", "--json") == 0
    assert json.loads(capsys.readouterr().out) == rows


def test_a_file_that_exists_is_replaced_only_if_asked(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    Path("found.csv").write_text("mine")
    told = "striate: error: found.csv exists; replace it with --overwrite, or choose another\n"
    for more in ((), ("--json",)):
        assert predict("photos", "--out", "found.csv", *more) == 2
        assert capsys.readouterr() == ("", told)
        assert Path("found.csv").read_text() == "mine"
    assert predict("photos", "--out", "found.csv", "--overwrite") == 0
    assert len(Path("found.csv").read_text().splitlines()) == 6


def test_strict_ends_with_3_whether_rows_are_shown_or_written(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    assert predict("photos", "--strict") == 3
    assert predict("photos", "--strict", "--out", "found.csv") == 3
    assert predict("photos/0.png", "--strict", "--out", "one.csv") == 0


def test_parquet_without_pyarrow_is_refused_beforehand(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writing_parquet, "find_spec", lambda _: None)
    assert predict("photos", "--out", "found.parquet") == 2
    assert capsys.readouterr().err == (
        "striate: error: found.parquet: writing Parquet needs pyarrow; install it with "
        "pip install 'striate[parquet]', or write a .csv or .jsonl file\n"
    )
    assert sorted(path.name for path in here.iterdir()) == ["model.safetensors", "photos"]
