"""Images in Parquet: their bytes in a column, and their names in another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from striate.errors import DataError, OptionError
from striate.prediction import tables
from striate.prediction.predictor import Predictor
from striate.prediction.tables import Columns, Table, expand_tables, find_tables
from tests.data.images import encoded, noise
from tests.prediction.brightness import Brightness

BYTES = [b"" if seed == 4 else encoded(noise(9, 9, seed=seed)) for seed in range(11)]
NAMES = [f"{seed:02}.png" for seed in range(11)]
COLUMNS = Columns("image", "path")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "photos.parquet"
    parquet.write_table(pa.table({"path": NAMES, "image": BYTES}), path, row_group_size=4)
    return path


def answers(*data: Any) -> list[dict[str, Any]]:
    predictor = Predictor(Brightness(), batch=2, threads=1)  # pyright: ignore[reportArgumentType]
    return [prediction.to_json() for prediction in predictor.predict(data)]


def test_images_of_a_table_are_answered_as_those_of_files(table: Path, tmp_path: Path):
    for name, content in zip(NAMES, BYTES, strict=True):
        (tmp_path / name).write_bytes(content)
    expected = answers(*(tmp_path / name for name in NAMES))
    for row in expected:
        row["path"] = Path(row["path"]).name
    for place in (table, f"file://{table}", f"{tmp_path}/ph*.parquet"):
        assert answers(*expand_tables([place], COLUMNS)) == expected


@pytest.mark.parametrize("first", range(12))
@pytest.mark.parametrize("end", [0, 3, 4, 5, 11])
def test_any_rows_of_a_table_can_be_read(
    table: Path, first: int, end: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tables, "_ROWS", 3)
    found = [file.shown for file in Table(str(table), COLUMNS).images(first, end)]
    assert found == NAMES[first:end]


def test_a_row_without_a_name_is_called_by_its_number(tmp_path: Path):
    path = tmp_path / "nameless.parquet"
    parquet.write_table(pa.table({"image": BYTES}), path, row_group_size=4)
    shown = [file.shown for file in Table(str(path), COLUMNS).images()]
    assert shown == [f"{path}[{row}]" for row in range(11)]
    assert [file.shown for file in Table(str(path), COLUMNS).images(6)] == shown[6:]


def test_images_with_names_in_one_column_are_read(tmp_path: Path):
    both = [{"bytes": content, "path": name} for content, name in zip(BYTES, NAMES, strict=True)]
    parquet.write_table(pa.table({"image": both}), tmp_path / "a.parquet")
    (table,) = find_tables(tmp_path / "a.parquet", COLUMNS)
    assert [file.shown for file in table.images()] == NAMES


def refusal(given: Path | str, columns: Columns = COLUMNS) -> str:
    with pytest.raises((DataError, OptionError)) as caught:
        find_tables(given, columns)
    return str(caught.value)


def test_what_is_no_table_of_images_is_told_in_one_line(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert refusal(table, Columns("pixels", "path")) == (
        f"{table}: expected a column pixels with the bytes of images; the columns are path, image; "
        "name it with --image-column"
    )
    assert refusal(table, Columns("path", "path")) == (
        f"{table}: expected a column path with the bytes of images; the columns are path, image; "
        "name it with --image-column"
    )
    other = tmp_path / "other.parquet"
    assert refusal(other) == f"{other}: no such file or directory"
    other.write_bytes(b"no table")
    assert refusal(other).startswith(f"{other}: not a Parquet file, or damaged: ")
    home = tmp_path / "empty.parquet"
    home.mkdir()
    expected = "expected a .parquet file, or a folder of such"
    assert refusal(home) == f"{home}: no .parquet file is there; {expected}"
    monkeypatch.setattr(tables, "find_spec", lambda _: None)
    assert refusal(table) == (
        f"{table}: reading Parquet needs pyarrow; install it with pip install 'striate[parquet]'"
    )


def test_a_table_whose_end_is_damaged_is_told(table: Path):
    content = bytearray(table.read_bytes())
    content[40:400] = bytes(360)
    table.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(Table(str(table), COLUMNS).images())
    assert str(caught.value).startswith(f"{table}: not a Parquet file, or damaged: ")
