"""Headers, samples and annotations of WFDB, compared with the package `wfdb` where it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from striate.data.signals.signal_file import SignalError
from striate.data.signals.wfdb import read_annotations, read_header, read_samples
from tests.data.signals.records import BASELINE, CODES, GAIN, make_steps, write_record

FORMATS = {"16": 16, "24": 24, "32": 30, "61": 16, "80": 8, "160": 16, "212": 12}
MARKS = [(3, "+"), (50, "N"), (400, "V"), (2500, "A"), (90_000, "r")]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("length", [998, 1001])
def test_samples_of_every_format_are_read_in_millivolts(
    kind: str, length: int, tmp_path: Path
) -> None:
    steps = make_steps(1, length, 3, FORMATS[kind])
    header = read_header(write_record(tmp_path / "a", steps, [], kind=kind, leads=("I", "II", "V")))
    assert (header.rate, header.length, header.names) == (100, length, ("I", "II", "V"))
    expected = ((steps - BASELINE) / GAIN).astype(np.float32)
    assert np.array_equal(read_samples(header), expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [*FORMATS])
def test_it_reads_what_the_package_wfdb_reads(kind: str, tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb", reason="wfdb is not installed")
    file = write_record(tmp_path / "a", make_steps(2, 1001, 2, FORMATS[kind]), MARKS, kind=kind)
    theirs, marks = wfdb.rdrecord(str(file.with_suffix(""))), wfdb.rdann(str(tmp_path / "a"), "atr")
    ours = read_samples(read_header(file))
    assert (theirs.sig_name, theirs.fs) == (["MLII", "V1"], 100)
    assert np.array_equal(ours, theirs.p_signal.astype(np.float32), equal_nan=True)
    found = list(read_annotations(file.with_suffix(".atr")))
    assert [at for at, _ in found] == marks.sample.tolist() == [at for at, _ in MARKS]
    assert marks.symbol == [symbol for _, symbol in MARKS]


@pytest.mark.filterwarnings("ignore")
def test_it_reads_what_the_package_wfdb_writes(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb", reason="wfdb is not installed")
    values = np.random.default_rng(3).normal(0, 0.5, (700, 2))
    wfdb.wrsamp("b", 360, ["mV", "mV"], ["MLII", "V5"], values, fmt=["212", "212"],
                write_dir=str(tmp_path))  # fmt: skip
    wfdb.wrann("b", "atr", np.array([10, 300, 1700]), ["N", "/", "F"], write_dir=str(tmp_path))
    ours = read_samples(read_header(tmp_path / "b.hea"))
    theirs = wfdb.rdrecord(str(tmp_path / "b")).p_signal
    assert np.array_equal(ours, theirs.astype(np.float32), equal_nan=True)
    assert list(read_annotations(tmp_path / "b.atr")) == [(10, 1), (300, 12), (1700, 6)]


def test_a_missing_sample_is_none(tmp_path: Path) -> None:
    steps = make_steps(1, 10, 1, 10)
    steps[4] = -2048
    header = read_header(write_record(tmp_path / "a", steps, [], leads=("I",)))
    assert np.flatnonzero(np.isnan(read_samples(header)[:, 0])).tolist() == [4]


def test_microvolts_become_millivolts_and_what_is_not_told_is_as_the_format_has_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.hea").write_text("a 2\na.dat 16 2(10)/uV\na.dat 16\n")
    (tmp_path / "a.dat").write_bytes(np.array([30, 400, 50, 800], "<i2").tobytes())
    header = read_header(tmp_path / "a.hea")
    assert (header.rate, header.length) == (250, 0)
    assert np.allclose(read_samples(header), [[0.01, 2.0], [0.02, 4.0]])


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        ("", "empty", "no record"),
        ("a", "not a record", "line 1: expected a name, a number of leads and a rate, found 'a'"),
        ("a/3 2 360 99\n", "unsupported", "line 1: a record of several segments"),
        ("# x\na 2 360\na.dat 16\n", "not a record", "line 2: 2 leads at 360 Hz, and lines of 1 "
         "follow"),
        ("a 1\na.dat 16 loud\n", "not a record", "line 2: expected a file, its format, gain and "
         "so on, found 'a.dat 16 loud'"),
        ("a 1\na.dat 310\n", "unsupported", "line 2: format 310; formats 16, 24, 32, 61, 80, 160, "
         "212 of one rate are read"),
        ("a 1\na.dat 16x4\n", "unsupported", "line 2: format 16x4; formats 16, 24, 32, 61, 80, "
         "160, 212 of one rate are read"),
    ],
)  # fmt: skip
def test_a_header_that_is_none_is_named_with_its_line(
    text: str, kind: str, detail: str, tmp_path: Path
) -> None:
    (tmp_path / "a.hea").write_text(text)
    with pytest.raises(SignalError) as caught:
        read_header(tmp_path / "a.hea")
    assert caught.value.args == (kind, detail)


def test_samples_that_are_not_as_the_header_says_are_named(tmp_path: Path) -> None:
    file = write_record(tmp_path / "a", make_steps(1, 100), [])
    whole = file.with_suffix(".dat").read_bytes()

    def fails() -> tuple[object, ...]:
        with pytest.raises(SignalError) as caught:
            read_samples(read_header(file))
        return caught.value.args

    file.with_suffix(".dat").write_bytes(whole[:290])
    assert fails() == ("truncated", "line 2: a.dat has 290 bytes, not 300")
    file.with_suffix(".dat").write_bytes(bytes([whole[0] ^ 3, *whole[1:]]))
    total = int(make_steps(1, 100)[:, 0].sum())
    changed = total + (whole[0] ^ 3) - whole[0]
    assert fails() == ("damaged", f"line 2: a.dat has the checksum {changed}, not {total}")
    file.with_suffix(".dat").unlink()
    assert fails() == ("no samples", "line 2: a.dat: no such file or directory")


def test_annotations_far_apart_and_with_text_are_read(tmp_path: Path) -> None:
    file = write_record(tmp_path / "a", make_steps(1, 100), MARKS).with_suffix(".atr")
    found = [(at, CODES[symbol]) for at, symbol in MARKS]
    assert list(read_annotations(file)) == found


def test_annotations_without_an_end_are_truncated(tmp_path: Path) -> None:
    file = write_record(tmp_path / "a", make_steps(1, 100), MARKS).with_suffix(".atr")
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(SignalError) as caught:
        list(read_annotations(file))
    assert caught.value.args == ("truncated", "a.atr ends without the mark of its end")
