"""Tables with a signal a row, with headings and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from striate.data.check import inspect
from striate.data.listing.listing import Listing
from striate.data.readers.scan import scan
from striate.errors import DataError, OptionError


def listed(folder: Path, text: str, kind: str | None = None, name: str = "a.csv") -> Listing:
    (folder / name).write_text(text)
    return scan(folder / name, kind)


def classes(listing: Listing) -> list[str]:
    return [listing.class_names[sample.label] for sample in listing.samples]


def samples(listing: Listing) -> list[list[float]]:
    assert listing.arrays is not None
    return listing.arrays[:, :, 0].tolist()


@pytest.mark.parametrize(
    "text",
    [
        "t0,t1,t2,label\n0.5,1,2,a\n0.25,4,5,b\n",
        "label,0,1,2\na,0.5,1,2\nb,0.25,4,5\n",
        "id;x_1;x_2;x_3;class\n7;0.5;1;2;a\n8;0.25;4;5;b\n",
        "0.5,1,2,a\n0.25,4,5,b\n",
        "a\t0.5\t1\t2\nb\t0.25\t4\t5\n",
    ],
)
def test_a_table_is_read_with_headings_and_without(text: str, tmp_path: Path) -> None:
    listing = listed(tmp_path, text)
    assert (listing.inputs, listing.layout) == ("signal", "signals in rows")
    assert classes(listing) == ["a", "b"]
    assert samples(listing) == [[0.5, 1, 2], [0.25, 4, 5]]


def test_a_class_written_as_a_whole_number_loses_its_decimals(tmp_path: Path) -> None:
    text = "1.50e-01,2.5e+00,3.0e-01,0.000000000000000000e+00\n0.5,0.25,0.75,1.0000e+00\n"
    assert classes(listed(tmp_path, text)) == ["0", "1"]


def test_paths_tell_the_line(tmp_path: Path) -> None:
    listing = listed(tmp_path, "t0,t1,t2,label\n1,2,3,a\n\n4,5,6,b\n")
    assert [sample.path for sample in listing.samples] == ["a.csv#2", "a.csv#4"]


def test_splits_and_several_labels_stand_in_columns(tmp_path: Path) -> None:
    text = "t0,t1,t2,labels,split\n1,2,3,a;b,train\n4,5,6,,test\n"
    listing = listed(tmp_path, text)
    assert [sample.split for sample in listing.samples] == ["train", "test"]
    assert listing.targets.values.tolist() == [[1, 1], [0, 0]]


def test_other_columns_are_numbers(tmp_path: Path) -> None:
    listing = listed(tmp_path, "t0,t1,t2,pulse\n1,2,3,60.5\n4,5,6,\n")
    assert listing.targets.spec.names == ("pulse",)
    assert np.array_equal(listing.targets.values, [[60.5], [np.nan]], equal_nan=True)


def test_an_empty_end_is_that_of_a_shorter_signal_and_a_gap_is_none(tmp_path: Path) -> None:
    text = "t0,t1,t2,t3,label\n1,2,3,4,a\n1,2,3,,a\n1,,3,4,b\n1,2,3,5,b\n1,2,4,5,b\n"
    listed(tmp_path, text)
    found = [(each.kind, each.path, each.detail) for each in inspect(tmp_path / "a.csv").findings]
    assert found == [
        ("other length", "a.csv#3", "3 samples, not 4"),
        ("not a number", "a.csv#4", "sample 2 of 4"),
    ]


def test_two_tables_of_a_folder_are_splits(tmp_path: Path) -> None:
    (tmp_path / "ECG_TRAIN.tsv").write_text("1\t0.5\t0.25\t1.5\n2\t0.5\t1.25\t2.5\n")
    (tmp_path / "ECG_TEST.tsv").write_text("1\t0.5\t0.25\t1.5\t7.5\n")
    listing = scan(tmp_path)
    told = [(sample.path, sample.split) for sample in listing.samples]
    assert told == [
        ("ECG_TEST.tsv#1", "test"), ("ECG_TRAIN.tsv#1", "train"), ("ECG_TRAIN.tsv#2", "train"),
    ]  # fmt: skip
    assert classes(listing) == ["1", "1", "2"]
    assert listing.arrays is not None
    assert listing.arrays.shape == (3, 4, 1)
    assert np.isnan(listing.arrays[1:, 3]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "0.5,1.5,2.5\n3.5,4.5,5.5\n",
            "which column is the class? Neither the first nor the last alone holds whole numbers "
            "or text;\nwrite a heading above: label over the class, t0, t1, ... over the samples",
        ),
        ("t0,t1,t2,label\n1,2,a\n", "line 2: expected 4 values, one a column, found 3"),
        ("t0,t1,t2,label\n1,x,3,a\n", "line 2: sample 2 is 'x'; expected a number"),
        ("t0,t1,t2,label\n1,2,3,\n", "line 2: the label is empty"),
        ("t0,t1,t2,label\n", "the table holds no signals; add a line for each"),
        (
            "t0,t1,t2,label,labels\n1,2,3,a,b\n",
            "line 1: the columns 'label' and 'labels' both hold targets; keep one",
        ),
        (
            "t0,t1,t2,label,split\n1,2,3,a,later\n",
            "line 2: the split is 'later'; expected 'train', 'validation' or 'test'",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises((DataError, OptionError)) as caught:
        listed(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/a.csv: {message}"


def test_a_manifest_is_still_one(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        listed(tmp_path, "path,label\na.png,x\n")
    assert str(caught.value) == f"{tmp_path}/a.csv: line 2: no such file: 'a.png'"
