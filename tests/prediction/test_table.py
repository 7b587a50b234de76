"""Predictions as files: exact, whole, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from striate.errors import OptionError, StorageError
from striate.prediction import table
from striate.prediction.predictor import Prediction
from striate.prediction.table import Predictions, Rows, as_json_line
from striate.tasks.classification.answer import ClassAnswer
from striate.tasks.regression.answer import NumbersAnswer

COLUMNS = ClassAnswer().csv_columns
CAT = Prediction(
    "a/cat, black.png", ClassAnswer("cat", 0.98765432, (("cat", 0.98765432), ("dog", 0.0125)))
)
SAID = Prediction(
    'say "b".jpg',
    ClassAnswer("dög", 0.5, (("dög", 0.5), ("cat", 0.5))),
    notes=("rotated", "wrong suffix"),
)
BROKEN = Prediction("c.png", ClassAnswer(), error="truncated: the end of the PNG is missing")


def as_csv(
    predictions: list[Prediction], columns: Sequence[str] = COLUMNS, *, raw: bool = False
) -> str:
    rows = Rows.of(Path("a.csv"), columns, raw_csv=raw)
    return rows.head + "".join(map(rows.text, predictions))


def as_jsonl(predictions: list[Prediction]) -> str:
    return "".join(map(as_json_line, predictions))


def sure(path: str, name: str = "cat", notes: tuple[str, ...] = ()) -> Prediction:
    return Prediction(path, ClassAnswer(name, 0.25), notes)


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_a_table_is_rfc_4180() -> None:
    assert as_csv([CAT, SAID, BROKEN]) == (
        "path,class,probability,error,notes\r\n"
        '"a/cat, black.png",cat,0.987654,,\r\n'
        '"say ""b"".jpg",dög,0.500000,,rotated wrong suffix\r\n'
        "c.png,,,truncated: the end of the PNG is missing,\r\n"
    )
    assert as_csv([]) == "path,class,probability,error,notes\r\n"


def test_a_line_of_json_holds_a_row() -> None:
    lines = as_jsonl([CAT, SAID, BROKEN]).splitlines()
    assert [json.loads(line) for line in lines] == [row.to_json() for row in (CAT, SAID, BROKEN)]
    assert lines[0] == (
        '{"path": "a/cat, black.png", "class": "cat", "probability": 0.987654, "top": '
        '[{"class": "cat", "probability": 0.987654}, {"class": "dog", "probability": 0.0125}], '
        '"notes": [], "error": ""}'
    )
    assert as_jsonl([]) == ""


def test_a_number_below_0_stays_a_number_and_a_head_is_no_formula() -> None:
    answer = NumbersAnswer({"=x": -12.5, "y": -1e-9, "z": 3.0})
    told = Prediction("a.png", answer)
    assert as_csv([told], answer.csv_columns) == (
        "path,'=x,y,z,error,notes\r\na.png,-12.5,-1e-09,3,,\r\n"
    )
    assert as_csv([told], answer.csv_columns, raw=True).startswith("path,=x,y,z,error")


FORMULAS = [
    "=1+1.png",
    "+1.png",
    "-1+1.png",
    "@SUM(A1).png",
    "\t=1.png",
    "\r=1.png",
    "\n=1.png",
    " =1.png",
    "   @x",
    "\u00a0=1.png",
    "\u3000=1.png",
    "\u200b=1.png",
    "\ufeff=1.png",
    " \u00a0 +1.png",
    "＝1+1.png",
    "＋1.png",
    "－1.png",
    "＠x.png",
    "holiday\n=1+1.png",
    "holiday\r\n @x.png",
    "a\u2028=1.png",
    '=HYPERLINK("http://x","y").png',
    "=cmd|' /C calc'!A0",
    "-rf",
]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_name_that_looks_like_a_formula_is_behind_a_quote(name: str) -> None:
    row = sure(name, name, (name,))
    assert rows(as_csv([row]))[1] == ["'" + name, "'" + name, "0.250000", "", "'" + name]
    assert rows(as_csv([Prediction("a", ClassAnswer(), error=name)]))[1] == [
        "a",
        "",
        "",
        "'" + name,
        "",
    ]
    assert rows(as_csv([row], raw=True))[1] == [name, name, "0.250000", "", name]


@pytest.mark.parametrize(
    "name", ["a=1.png", "a-b", "a @b", "a\nb", "a\n b=3", "", "7", "'=1", "猫.png", "a\u2028b"]
)
def test_other_names_stay_as_they_are(name: str) -> None:
    for raw in (False, True):
        assert rows(as_csv([sure(name)], raw=raw))[1][0] == name


STRANGE = [
    b"caf\xe9.png",
    b"a\nb.png",
    b"a\r\nb",
    "🐈\u200d👓.png".encode(),
    b'"',
    b",",
    b"\x1b[31m",
]


def test_names_of_files_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    predictions = [sure(os.fsdecode(name)) for name in STRANGE]
    table.write(tmp_path / "rows.csv", predictions, COLUMNS)
    with (tmp_path / "rows.csv").open(
        encoding="utf-8", errors="surrogateescape", newline=""
    ) as file:
        read = [row["path"] for row in csv.DictReader(file, strict=True)]
    assert [os.fsencode(name) for name in read] == STRANGE
    table.write(tmp_path / "rows.jsonl", predictions, COLUMNS)
    lines = (tmp_path / "rows.jsonl").read_text("ascii").splitlines()
    assert [os.fsencode(json.loads(line)["path"]) for line in lines] == STRANGE


def test_the_suffix_says_which(tmp_path: Path) -> None:
    for name, text in (("a.csv", as_csv([CAT])), ("a.jsonl", as_jsonl([CAT]))):
        table.write(tmp_path / name, [CAT], COLUMNS)
        assert (tmp_path / name).read_bytes() == text.encode()
    row = sure("=1")
    table.write(tmp_path / "raw.csv", [row], COLUMNS, raw_csv=True)
    assert rows((tmp_path / "raw.csv").read_text())[1][0] == "=1"


@pytest.mark.parametrize("name", ["a.txt", "a", "csv", "a.json", "a.csv.gz", "b\n.xlsx"])
def test_another_suffix_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shown = str(path).replace("\n", r"\n")
    with pytest.raises(OptionError) as caught:
        table.write(path, [CAT], COLUMNS)
    assert str(caught.value) == f"{shown}: expected a file that ends in .csv or .jsonl or .parquet"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_table_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.csv"
    table.write(path, [CAT], COLUMNS)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        table.write(path, [CAT, SAID], COLUMNS)
    size = len(as_csv([CAT, SAID]).encode())
    assert str(caught.value) == f"{path}: the disk is full; {size} bytes are needed"
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_on_the_terminal_has_the_errors_in_the_last_column_of_the_answers() -> None:
    assert repr(Predictions((CAT, SAID, BROKEN))).splitlines() == [
        "image             class  confidence  other classes or error                    notes",
        "a/cat, black.png  cat        98.8 %  dog 1.2 %",
        'say "b".jpg       dög        50.0 %  cat 50.0 %'
        "                                rotated, wrong suffix",
        "c.png             –               –  truncated: the end of the PNG is missing",
    ]
    assert repr(Predictions(())) == "image  answer or error  notes"


@dataclass(frozen=True)
class Bright:
    """An answer of another task."""

    lightness: float

    csv_columns = ("lightness",)
    columns = ("lightness",)

    def csv_cells(self) -> tuple[str, ...]:
        return (f"{self.lightness}",)

    cells = csv_cells

    def details(self) -> list[tuple[str, str]]:
        return [("number", "value"), ("lightness", f"{self.lightness}")]

    def to_json(self) -> dict[str, float]:
        return {"lightness": self.lightness}


def test_answers_of_another_task_have_their_own_columns() -> None:
    row = Prediction("a.png", Bright(0.5), ("rotated",))
    bad = Prediction("b.png", Bright(0), error="empty")
    assert as_csv([row, bad], Bright.csv_columns) == (
        "path,lightness,error,notes\r\na.png,0.5,,rotated\r\nb.png,,empty,\r\n"
    )
    assert row.to_json() == {"path": "a.png", "lightness": 0.5, "notes": ["rotated"], "error": ""}
    assert repr(Predictions((row, bad))).splitlines() == [
        "image  lightness or error  notes",
        "a.png  0.5                 rotated",
        "b.png  empty",
    ]
    assert '>lightness</td><td style="text-align:right">0.5</td>' in row._repr_html_()
    assert row.lightness == 0.5
