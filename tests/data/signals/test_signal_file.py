"""One signal from its file: what is read, and what is said of a file that is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from striate.data.signals.signal_file import SignalError, read_signal_file


def read(folder: Path, text: str, name: str = "a.csv") -> list[list[float]]:
    file = folder / name
    file.write_text(text)
    return read_signal_file(file).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "1\n2\n3.5\n",
        "1,2,3.5\n",
        "1;2;3.5",
        "1 2 3.5\n",
        "1\t2\t3.5\r\n",
        "volts\n1\n2\n3.5\n\n",
        "time,volts\n0,1\n0.1,2\n0.2,3.5\n",
        '"t","volts"\n0,1\n1,2\n2,3.5\n',
        "\ufeff1\n2\n3.5\n",
    ],
)
def test_a_text_of_numbers_is_a_signal_however_it_is_written(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == [[1.0], [2.0], [3.5]]


def test_columns_are_channels(tmp_path: Path) -> None:
    assert read(tmp_path, "left,right\n1,10\n2,20\n") == [[1.0, 10.0], [2.0, 20.0]]
    assert read(tmp_path, "1 10\n\n2 20\n\n") == [[1.0, 10.0], [2.0, 20.0]]
    assert read(tmp_path, "1,10\n2,20\n3,30\n", "a.txt") == [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]


@pytest.mark.parametrize("shape", [(5,), (5, 1), (1, 5)])
def test_an_array_is_a_signal_with_time_along_its_longer_side(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", np.arange(5).reshape(shape))
    signal = read_signal_file(tmp_path / "a.npy")
    assert signal.dtype == np.float32
    assert signal.tolist() == [[0.0], [1.0], [2.0], [3.0], [4.0]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ("empty", "")),
        ("\n \n", ("empty", "no samples")),
        ("volts\n", ("empty", "a heading, but no samples")),
        ("1\n2\nnan\n4\n", ("not a number", "sample 3 of 4")),
        ("1\n2\n\n4,\n", ("not a signal", "line 4 has 2 values, the first 1")),
        ("1,5\n2,\n3,inf\n", ("not a number", "sample 2 of 3, 2 in all")),
        ("1\ntwo\n3\n", ("not a signal", "line 2 has 'two'")),
        ("volts\n1\n2 V\n", ("not a signal", "line 3 has 'V'")),
    ],
)
def test_what_is_no_signal_is_told_with_its_line(
    text: str, told: tuple[str, str], tmp_path: Path
) -> None:
    with pytest.raises(SignalError) as caught:
        read(tmp_path, text)
    assert (caught.value.kind, caught.value.detail) == told


def refused(file: Path) -> tuple[str, str]:
    with pytest.raises(SignalError) as caught:
        read_signal_file(file)
    return caught.value.kind, caught.value.detail


def test_an_array_of_objects_or_of_too_many_sides_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    assert refused(file) == ("not a signal", "holds Python objects; save plain numbers")
    np.save(file, np.zeros((2, 3, 4)))
    assert refused(file) == (
        "not a signal", "float64 of shape (2, 3, 4), expected numbers (samples, channels)",
    )  # fmt: skip
    np.save(file, np.zeros((2, 300)))
    assert refused(file) == (
        "not a signal", "300 channels, at most 255 are taken; turn it: samples are rows",
    )  # fmt: skip
    np.save(file, np.array(["a"]))
    assert refused(file)[0] == "not a signal"


def test_an_array_that_is_cut_or_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.arange(100.0))
    file.write_bytes(file.read_bytes()[:-8])
    assert refused(file) == ("truncated", "its header says float64 of shape (100,)")
    file.write_bytes(b"no array at all")
    assert refused(file) == ("not a signal", "no NumPy array")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe1\n2\n")
    assert refused(tmp_path / "b.csv") == ("not a signal", "not UTF-8 text")
    assert refused(tmp_path / "c.csv") == ("unreadable", "no such file or directory")
