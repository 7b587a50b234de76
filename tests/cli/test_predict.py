"""`striate predict`: what it writes, what it refuses, and how it goes on."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
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


def given(monkeypatch: pytest.MonkeyPatch, names: bytes) -> None:
    """Let names come on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names)))


def test_names_on_standard_input_are_predicted_in_their_order(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    given(monkeypatch, b"photos/2.png\0nowhere.png\0photos\0photos/2.png\0")
    assert predict("photos/1.png", "-", "photos/0.png", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["path"], row["error"]) for row in rows] == [
        ("photos/1.png", ""),
        ("photos/2.png", ""),
        ("nowhere.png", "unreadable: no such file or directory"),
        ("photos", "special file: a folder"),
        ("photos/2.png", ""),
        ("photos/0.png", ""),
    ]
    given(monkeypatch, b"")
    assert predict("-") == 3
    assert capsys.readouterr().err == "striate: error: standard input: no names came\n"


def test_a_pattern_in_quotes_is_expanded(here: Path, capsys: pytest.CaptureFixture[str]):
    assert predict("ph*/[0-2].png", "--out", "found.jsonl") == 0
    rows = [json.loads(line)["path"] for line in Path("found.jsonl").read_text().splitlines()]
    assert rows == ["photos/0.png", "photos/1.png", "photos/2.png"]
    assert predict("photos/*.jpg") == 3
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == "striate: error: photos/*.jpg: no file is called like this"


#: `striate` with every batch kept
EAGER = """
import sys
from striate.cli import main
from striate.prediction import writing

writing._SECONDS = 0
main(sys.argv[1:])
"""


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_command_that_is_killed_goes_on_to_the_same_bytes(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, suffix: str
):
    names = [f"photos/{number % 5}.png\n".encode() for number in range(40)]
    given(monkeypatch, b"".join(names))
    assert predict("-", "--batch", "2", "--out", f"whole.{suffix}") == 0
    Path(f"found.{suffix}").write_text("mine")
    words = ["-", "--batch", "2", "--out", f"found.{suffix}", "--overwrite"]
    command = [sys.executable, "-c", EAGER, "predict", "model.safetensors", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.write(b"".join(names[:24]))
        child.stdin.flush()
        journal = Path(f"found.{suffix}.journal.partial")
        while not (journal.exists() and len(journal.read_text().splitlines()) > 4):
            assert child.poll() is None
            time.sleep(0.02)
        child.kill()
    done = json.loads(journal.read_text().splitlines()[-1])["images"]
    assert 4 < done <= 24
    assert Path(f"found.{suffix}").read_text() == "mine"
    capsys.readouterr()
    given(monkeypatch, b"".join(names))
    assert predict(*words) == 0
    told = f"table     found.{suffix}\n8 of 40 files could not be read\n"
    assert capsys.readouterr().err == f"found.{suffix}: goes on behind {done} images\n{told}"
    assert Path(f"found.{suffix}").read_bytes() == Path(f"whole.{suffix}").read_bytes()


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
