"""Parquet manifests give what CSV manifests give, with rows in place of lines."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from striate.data.readers.scan import scan
from striate.errors import DataError, OptionError
from tests.data.layout_table import plant


@pytest.fixture(autouse=True)
def _images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plant(tmp_path, "1.jpg", "2.jpg", "3.jpg")


def read(**columns):
    table = pa.table({"path": ["1.jpg", "2.jpg", "3.jpg"], **columns})
    parquet.write_table(table, "list.parquet")
    return scan("list.parquet")


def refused(**columns) -> str:
    with pytest.raises(DataError) as refusal:
        read(**columns)
    return str(refusal.value)


def test_classes_and_splits_are_read():
    listing = read(label=["cat", "dog", "cat"], split=["train", "val", "test"], seen=[1.5, 2, 3])
    assert listing.class_names == ("cat", "dog")
    assert listing.samples.labels.tolist() == [0, 1, 0]
    assert [sample.split for sample in listing.samples] == ["train", "validation", "test"]


@pytest.mark.parametrize(
    "columns",
    [
        {"labels": [["cat", "dog"], [], ["dog"]]},
        {"labels": ["cat;dog", None, "dog"]},
        {"cat": [True, False, False], "dog": [True, False, True]},
        {"cat": [1, 0, 0], "dog": [1, 0, 1]},
    ],
)
def test_labels_are_lists_text_or_columns(columns):
    targets = read(**columns).targets
    assert targets.spec.kind == "labels"
    assert [targets.entry(row)["labels"] for row in range(3)] == [["cat", "dog"], [], ["dog"]]


def test_numbers_may_be_missing():
    targets = read(angle=[1.5, None, 1e-7], speed=[1, 2, 3]).targets
    assert targets.spec.names == ("angle", "speed")
    np.testing.assert_equal(targets.values, [[1.5, 1], [np.nan, 2], [1e-7, 3]])


def test_what_is_wrong_is_refused_with_its_row():
    assert refused(angle=["1", "n/a", "2"]) == (
        "list.parquet: row 2: 'angle' is 'n/a'; expected a number as in -1.5, or an empty cell "
        "where it is not known"
    )
    assert refused(labels=[["cat"], ["a;b"], []]) == (
        "list.parquet: row 2: the label 'a;b' holds a separator of labels; rename it"
    )
    assert refused(labels=[["cat"], ["dog", None], []]) == (
        "list.parquet: row 2: a value is missing in the list in 'labels'; remove it"
    )


def test_a_damaged_file_is_refused():
    Path("list.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(DataError) as refusal:
        scan("list.parquet")
    start, _, reason = str(refusal.value).partition(" read: ")
    assert start == "list.parquet: not a Parquet file that can be"
    assert reason


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    Path("list.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OptionError) as refusal:
        scan("list.parquet")
    assert str(refusal.value) == (
        "list.parquet: reading Parquet needs pyarrow; install it with "
        "pip install 'striate[parquet]', or save the manifest as CSV"
    )
