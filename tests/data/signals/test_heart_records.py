"""Folders of heart records: beats as signals, their classes and splits, and what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import striate
from striate.data.check import inspect
from striate.data.readers.scan import scan
from striate.errors import DataError, OptionError
from striate.model_file import load
from striate.verbs.look import look
from tests.data.signals.records import (
    BASELINE,
    GAIN,
    make_steps,
    write_patients,
    write_record,
)

MARKS = [(20, "N"), (200, "+"), (300, "L"), (400, "V"), (500, "A"), (990, "N")]


def test_beats_are_cut_around_their_annotations(tmp_path: Path) -> None:
    steps = make_steps(0)
    write_record(tmp_path / "100", steps, MARKS)
    listing = scan(tmp_path)
    assert (listing.inputs, listing.layout, listing.class_names) == (
        "signal", "beats of WFDB records", ("N", "S", "V"),
    )  # fmt: skip
    shown = [(each.path, listing.class_names[each.label]) for each in listing.samples]
    assert shown == [("100.hea#300", "N"), ("100.hea#400", "V"), ("100.hea#500", "S")]
    assert listing.arrays is not None
    values = ((steps - BASELINE) / GAIN).astype(np.float32)
    assert np.array_equal(
        listing.arrays, np.stack([values[at - 50 : at + 50] for at in (300, 400, 500)])
    )
    assert [(each.kind, each.path) for each in listing.findings] == [
        ("at the edge", "100.hea#20"), ("at the edge", "100.hea#990"),
    ]  # fmt: skip


def test_a_size_is_the_length_of_the_windows(tmp_path: Path) -> None:
    write_record(tmp_path / "100", make_steps(0), MARKS)
    listing = scan(tmp_path, window=20)
    assert listing.arrays is not None
    assert listing.arrays.shape == (5, 20, 2)


def test_a_table_names_the_classes(tmp_path: Path) -> None:
    write_record(tmp_path / "100", make_steps(0), MARKS)
    (tmp_path / "classes.txt").write_text("usual N L\n\nV\n")
    listing = scan(tmp_path)
    assert listing.class_names == ("V", "usual")
    assert ("other beat", "100.hea", "1 of 'A'") in [
        (each.kind, each.path, each.detail) for each in listing.findings
    ]


@pytest.mark.parametrize(
    ("line", "what"), [("paced x", "'x' is no symbol of a beat"), ("late N", "'N' stands twice")]
)
def test_a_table_with_a_strange_symbol_is_refused(line: str, what: str, tmp_path: Path) -> None:
    write_record(tmp_path / "100", make_steps(0), MARKS)
    (tmp_path / "classes.txt").write_text(f"usual N L\n{line}\n")
    with pytest.raises(DataError) as caught:
        scan(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/classes.txt: line 2: {what}; expected a class and its symbols, of "
        "N L R a V F J A S E j / Q B ? e n f r"
    )


def test_no_record_and_no_patient_is_in_two_splits(tmp_path: Path) -> None:
    write_patients(tmp_path / "flat", range(100, 112))
    for patient in range(10):
        write_patients(tmp_path / "nested" / f"p{patient}", (2 * patient, 2 * patient + 1))
    for root, count in ((tmp_path / "flat", 12), (tmp_path / "nested", 10)):
        groups = scan(root).samples.groups
        assert groups is not None
        assert len(groups.names) == count


def test_folders_of_splits_are_told(tmp_path: Path) -> None:
    write_patients(tmp_path / "train", (100, 101))
    write_patients(tmp_path / "test", (102,))
    splits = {each.path.partition("#")[0]: each.split for each in scan(tmp_path).samples}
    assert splits == {
        "test/102.hea": "test", "train/100.hea": "train", "train/101.hea": "train",
    }  # fmt: skip


def test_records_that_cannot_be_used_are_named_and_left_out(tmp_path: Path) -> None:
    write_patients(tmp_path, range(100, 103))
    write_record(tmp_path / "fast", make_steps(1, leads=1), MARKS, rate=360, leads=("MLII",))
    write_record(tmp_path / "two", make_steps(1), MARKS)
    write_record(tmp_path / "v5", make_steps(1, leads=1), MARKS, leads=("V5",))
    (write_record(tmp_path / "bare", make_steps(1, leads=1), [], leads=("MLII",))).with_suffix(
        ".atr"
    ).unlink()
    (tmp_path / "odd.hea").write_text("odd 1 100\nodd.dat 310\n")
    inspection = inspect(tmp_path)
    assert [(each.kind, each.path, each.detail) for each in inspection.findings] == [
        ("unsupported", "odd.hea", "line 2: format 310; formats 16, 24, 32, 61, 80, 160, 212 of "
         "one rate are read"),
        ("other rate", "fast.hea", "360 Hz, not 100"),
        ("other channels", "two.hea", "2, not 1"),
        ("other leads", "v5.hea", "V5, not MLII"),
        ("no annotations", "bare.hea", "bare.atr: no such file or directory"),
        ("at the edge", "v5.hea#20", ""),
        ("at the edge", "v5.hea#990", ""),
    ]  # fmt: skip
    assert inspection.images == 3 * 19 + 3


def test_one_header_is_no_data_set(tmp_path: Path) -> None:
    write_patients(tmp_path, (100,))
    with pytest.raises(DataError) as caught:
        scan(tmp_path / "100.hea")
    assert str(caught.value) == (f"{tmp_path}/100.hea: one record; give the folder that it is in")


def test_a_network_of_beats_is_trained_judged_and_used(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "hearts", range(100, 110))
    run = striate.train(data, epochs=3, size=40, out=tmp_path / "run", threads=1)
    splits = {(each["path"].partition(".")[0], each["split"]) for each in run.samples()}
    assert len(splits) == 10
    results = striate.evaluate(run.folder, data)
    assert results.scores()[0].value > 0.9
    answers = striate.predict(run.folder, data / "100.hea")
    assert [each.path for each in answers] == [
        f"{data}/100.hea#{at}" for at in range(100, 1950, 100)
    ]


def test_records_of_another_rate_than_was_learned_from_are_refused(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "hearts", range(100, 106))
    other = write_patients(tmp_path / "others", range(100, 106), rate=250)
    runs = tmp_path / "run", tmp_path / "fast"
    for seed, (out, place) in enumerate(zip(runs, (data, other), strict=True)):
        striate.train(place, epochs=1, size=40, out=out, threads=1, seed=seed)
    model = load(runs[0])
    assert model.preprocess.describe() == "40 samples at 100 Hz, 1 channel, letterbox"
    (answer,) = striate.predict(model, other / "100.hea")
    assert answer.error == "other rate: 250 Hz, not 100"
    for call, error, message in (
        (lambda: striate.evaluate(runs[0], other), DataError,
         f"{other}: the model learned at another rate: 250 Hz, not 100; resample the records, or "
         "train on them"),
        (lambda: look(model, other / "100.hea", show="classes", out=tmp_path), DataError,
         f"{other}/100.hea: none of its signals can be used: other rate, 250 Hz, not 100"),
        (lambda: striate.ensemble(*runs, out=tmp_path / "both.safetensors"), OptionError,
         f"{runs[1]}: takes signals of 250 Hz, not 100 as {runs[0]}; their answers cannot be "
         "averaged"),
    ):  # fmt: skip
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == message
