"""Kernels are read as they are written, and what cannot be read is answered in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import OptionError, StorageError
from striate.vision import kernel


def said(spelled: str | Path, **arguments: object) -> str:
    with pytest.raises(OptionError) as error:
        kernel(spelled, **arguments)
    return str(error.value)


def test_a_name_carries_arguments_or_they_stand_beside_it():
    expected = kernel("gaussian", size=9, sigma=2)
    np.testing.assert_array_equal(kernel("gaussian(9, sigma=2)"), expected)
    np.testing.assert_array_equal(kernel(" gaussian (size=9,sigma=2) "), expected)
    np.testing.assert_array_equal(kernel("gaussian(9)", sigma=2), expected)


def test_typed_numbers_are_a_kernel():
    sharpen = kernel("sharpen")
    for text in ("0 -1 0; -1 5 -1; 0 -1 0", "0,-1,0;-1,5,-1;0,-1,0;", "0 -1 0\n-1 5 -1\n0 -1 0\n"):
        np.testing.assert_array_equal(kernel(text), sharpen)


def test_fractions_and_powers_of_ten_are_numbers():
    np.testing.assert_array_equal(
        kernel("1/9 -1/4; 2.5e-3 .5/3"), [[1 / 9, -0.25], [0.0025, 0.5 / 3]]
    )


def test_one_row_is_for_signals_and_for_images_when_it_is_ended():
    assert kernel("1 0 1").shape == (3,)
    assert kernel("1 0 1;").shape == (1, 3)
    assert kernel("1; 0; 1").shape == (3, 1)
    assert kernel("7").shape == (1,)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 6).flatmap(
        lambda width: st.lists(
            st.lists(st.floats(-1e9, 1e9), min_size=width, max_size=width), min_size=2, max_size=6
        )
    )
)
def test_numbers_that_python_prints_are_read_as_they_were(rows: list[list[float]]):
    text = ";".join(" ".join(map(repr, row)) for row in rows)
    np.testing.assert_array_equal(kernel(text), np.array(rows))


@pytest.mark.parametrize(
    ("spelled", "answer"),
    [
        ("sobelx", "no kernel is called 'sobelx'; did you mean 'sobel-x'?"),
        ("embos(9)", "no kernel is called 'embos'; did you mean 'emboss' or 'box'?"),
        (
            "gaussian(9, sgima=2)",
            "gaussian takes size=3, sigma=None, axes=2, but (9, sgima=2) came",
        ),
        ("sharpen(3)", "sharpen takes no arguments, but (3) came"),
        ("box(", "box takes size=3, axes=2, but ( came"),
        ("box(3)(5)", "box takes size=3, axes=2, but (3)(5) came"),
        ("box(3), 5", "box takes size=3, axes=2, but (3), 5 came"),
        ("box(size=3, size=5)", "box takes size=3, axes=2, but (size=3, size=5) came"),
        ("box(*(3,))", "box takes size=3, axes=2, but (*(3,)) came"),
        ("box(**{'size': 3})", "box takes size=3, axes=2, but (**{'size': 3}) came"),
        ("box(open('x'))", "box takes size=3, axes=2, but (open('x')) came"),
        ("1 2 3; 4 5; 6 7 8", "the kernel is ragged: row 1 has 3 numbers, but row 2 has 2"),
        ("1 2; 3 x", "the kernel, row 2: expected a number or a fraction, but 'x' came"),
        ("1 2/0", "the kernel, row 1: expected a number or a fraction, but '2/0' came"),
        ("1 1/2/3", "the kernel, row 1: expected a number or a fraction, but '1/2/3' came"),
        ("1 nan", "the kernel has values that are not finite: use numbers only"),
        ("nan 1", "the kernel has values that are not finite: use numbers only"),
        ("-inf", "the kernel has values that are not finite: use numbers only"),
        ("1e999 2", "the kernel has values that are not finite: use numbers only"),
        ("", 'the kernel has no numbers; type some, as in "0 -1 0; -1 5 -1; 0 -1 0"'),
        (" ; ,\n;", 'the kernel has no numbers; type some, as in "0 -1 0; -1 5 -1; 0 -1 0"'),
        ("1 " * 1002, "the kernel is 1002, but a side may be 1,001 at most"),
        ("1 2;" * 1003, "the kernel is 1003 x 2, but a side may be 1,001 at most"),
        ("no/such.npy", "no/such.npy: no such file"),
    ],
)
def test_what_is_no_kernel_is_answered_in_a_sentence(spelled: str, answer: str):
    assert said(spelled) == answer


def test_a_wrong_argument_beside_the_name_is_named():
    assert said("box", sigma=2) == "box takes size=3, axes=2, but sigma came"


def test_a_very_long_call_is_refused_unread():
    assert said(f"box(3{' ' * 300})").startswith("box takes size=3, axes=2, but (3   ")
    assert said(f"box({'(' * 5000})").startswith("box takes size=3, axes=2, but ((((")


def test_a_kernel_of_the_largest_size_is_read():
    assert kernel("1 " * 1001).shape == (1001,)


def test_text_files_hold_rows_of_numbers(tmp_path: Path):
    for name, text in (("k.txt", "1 2\n3 4\n"), ("k.CSV", "\ufeff1,2\r\n3,4\r\n\r\n")):
        (tmp_path / name).write_text(text, "utf-8")
        np.testing.assert_array_equal(kernel(tmp_path / name), [[1, 2], [3, 4]])
        np.testing.assert_array_equal(kernel(str(tmp_path / name)), [[1, 2], [3, 4]])
    (tmp_path / "row.txt").write_text("1 2 1\n")
    assert kernel(tmp_path / "row.txt").shape == (3,)


SOBEL = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
HALVES = [[0.5, 1], [-1.25, 0.05]]


@pytest.mark.parametrize("suffix", [".txt", ".csv"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1;0;-1\n2;0;-2\n1;0;-1\n", SOBEL),
        ("1;0;-1;\n2;0;-2;\n1;0;-1;\n", SOBEL),
        ("1; 0; -1\n2; 0; -2\n1; 0; -1\n;;;\n", SOBEL),
        ("1,0,-1\n2,0,-2\n1,0,-1", SOBEL),
        ("1,0,-1,\n2,0,-2,\n1,0,-1,\n,,,\n", SOBEL),
        ("1, 0, -1\n2, 0, -2\n1, 0, -1", SOBEL),
        ("1\t0\t-1\n2\t0\t-2\n1\t0\t-1\n", SOBEL),
        ("1 \t 0 \t-1\n 2  0  -2 \n1 0 -1\n", SOBEL),
        ("1,\t0,\t-1\n2,\t0,\t-2\n1,\t0,\t-1\n", SOBEL),
        ("1 0 -1; 2 0 -2; 1 0 -1", SOBEL),
        ("1 0 -1;\n2 0 -2;\n1 0 -1;\n", SOBEL),
        ("1 0 -1; 2 0 -2\n1 0 -1", SOBEL),
        ("1,0,-1;2,0,-2\n1,0,-1", SOBEL),
        ("1,0,-1;2,0,-2;1,0,-1", SOBEL),
        ("1 0 \N{MINUS SIGN}1\n2 0 \N{MINUS SIGN}2\n1 0 \N{MINUS SIGN}1", SOBEL),
        ("0,5;1\n-1,25;0,05\n", HALVES),
        ("0.5;1\n-1.25;0.05\n", HALVES),
        ("0,5\t1\n-1,25\t0,05\n", HALVES),
        ("0.5,1\n-1.25,0.05\n", HALVES),
        ("1/2;1\n-5/4;1/20\n", HALVES),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_of_spreadsheets_are_read_as_they_are_meant(
    tmp_path: Path, text: str, expected: list, ends: str, mark: str, suffix: str
):
    file = tmp_path / f"k{suffix}"
    file.write_bytes((mark + text.replace("\n", ends)).encode())
    np.testing.assert_allclose(kernel(file), expected, rtol=1e-15)


def test_one_line_of_a_csv_is_a_row(tmp_path: Path):
    file = tmp_path / "k.csv"
    for text in ("1;0;-1\n", "1,0,-1", "1\t0\t-1\r\n"):
        file.write_bytes(text.encode())
        np.testing.assert_array_equal(kernel(file), [1, 0, -1])
    file.write_text("0,5;1;0,5\n")
    np.testing.assert_array_equal(kernel(file), [0.5, 1, 0.5])


BOTH = (
    "can be read with decimal commas or with commas between its numbers; write points and blanks, "
    'as in "0.5 1; 1 0.5"'
)
MIXED = (
    'has commas and blanks between its numbers; write points and blanks alone, as in "0.5 1; 1 0.5"'
)


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("k.csv", "0,25\n0,5\n0,25\n", f" {BOTH}"),
        ("k.csv", "-0,5\n1,0\n", f" {BOTH}"),
        ("k.csv", "0,5", f" {BOTH}"),
        ("k.txt", "1,2\n3,4\n", f" {BOTH}"),
        ("k.txt", "0,5 1,5\n2,5 3,5\n", f" {MIXED}"),
        ("k.csv", "1,2 3\n4,5 6\n", f" {MIXED}"),
        ("k.csv", "1 2\n3,4\n", f" {MIXED}"),
        ("k.csv", "a;b;c\n1;0;-1\n", ", row 1: expected a number or a fraction, but 'a' came"),
        ("k.csv", "a,b,c\n1,0,-1\n", ", row 1: expected a number or a fraction, but 'a' came"),
        ("k.csv", "1,,2\n3,,4\n", ", row 1: expected a number or a fraction, but '' came"),
        ("k.csv", ";1;2\n;3;4\n", ", row 1: expected a number or a fraction, but '' came"),
        ("k.csv", "1;2\n3;4;5\n", " is ragged: row 1 has 2 numbers, but row 2 has 3"),
        ("k.csv", "1,5\n2;3\n", " is ragged: row 1 has 1 numbers, but row 2 has 2"),
        ("k.csv", '"1","0"\n', """, row 1: expected a number or a fraction, but '"1"' came"""),
        ("k.txt", "1|0|-1\n", ", row 1: expected a number or a fraction, but '1|0|-1' came"),
        ("k.txt", "# 1\n1 2\n", ", row 1: expected a number or a fraction, but '#' came"),
    ],
)
def test_a_file_that_can_be_read_as_two_things_or_as_none_is_refused(
    tmp_path: Path, name: str, text: str, answer: str
):
    file = tmp_path / name
    file.write_text(text)
    assert said(file) == f"{file}{answer}"


def test_typed_numbers_that_can_be_read_as_two_things_are_refused():
    for text in ("0,5; 1,5", "1,2;3,4", "0,5"):
        assert said(text) == f"the kernel {BOTH}"
    assert said("0,5 1; 1 0,5") == f"the kernel {MIXED}"
    np.testing.assert_array_equal(kernel("1,1"), [1, 1])
    np.testing.assert_array_equal(kernel("1, 2; 3, 4"), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(kernel("1,-1;-1,1"), [[1, -1], [-1, 1]])


def test_array_files_are_taken_as_they_are(tmp_path: Path):
    for values in (np.arange(6, dtype=np.uint8).reshape(1, 2, 3), np.array([0.25, 0.5], ">f4")):
        np.save(tmp_path / "k.npy", values)
        read = kernel(tmp_path / "k.npy")
        assert read.dtype == np.float64
        np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        (
            np.zeros((2, 2), complex),
            "expected real numbers with 1 to 3 axes, but complex128 with 2 came",
        ),
        (np.float64(3), "expected real numbers with 1 to 3 axes, but float64 with 0 came"),
        (np.array([[None]]), "cannot be read as a kernel's numbers"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, values: np.ndarray, answer: str):
    np.save(tmp_path / "k.npy", values, allow_pickle=True)
    assert said(tmp_path / "k.npy") == f"{tmp_path / 'k.npy'}: {answer}"


def test_arrays_of_a_wrong_size_are_refused(tmp_path: Path):
    file = tmp_path / "k.npy"
    for shape, answer in (
        ((3, 0), "is 3 x 0 and thus empty"),
        ((2, 1005), "is 2 x 1005, but a side may be 1,001 at most"),
    ):
        np.save(file, np.ones(shape))
        assert said(file) == f"{file} {answer}"


def test_damaged_files_are_refused(tmp_path: Path):
    file = tmp_path / "k.npy"
    whole = tmp_path / "whole.npy"
    np.save(whole, np.ones((5, 5)))
    with (tmp_path / "archive").open("wb") as archive:
        np.savez(archive, a=np.ones(3))
    for content in (
        b"",
        b"not an array",
        whole.read_bytes()[:-9],
        whole.read_bytes()[:50],
        (tmp_path / "archive").read_bytes(),
    ):
        file.write_bytes(content)
        assert said(file) == f"{file}: cannot be read as a kernel's numbers"
    text = tmp_path / "k.txt"
    text.write_bytes(b"\xff\xfe1 2")
    assert said(text) == f"{text}: cannot be read as a kernel's numbers"
    text.write_text("1 two")
    assert said(text) == f"{text}, row 1: expected a number or a fraction, but 'two' came"


def test_files_that_no_kernel_needs_are_not_read(tmp_path: Path):
    assert (
        said(tmp_path / "k.dat")
        == f"{tmp_path / 'k.dat'}: a kernel's file ends in .txt, .csv or .npy"
    )
    with (tmp_path / "k.txt").open("wb") as file:
        file.truncate(70_000_000)
    assert (
        said(tmp_path / "k.txt")
        == f"{tmp_path / 'k.txt'}: too large for a kernel, 70,000,000 bytes"
    )
    (tmp_path / "folder.csv").mkdir()
    assert said(tmp_path / "folder.csv") == f"{tmp_path / 'folder.csv'}: no such file"


def test_a_file_that_the_system_refuses_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "k.txt").write_text("1")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(StorageError) as error:
        kernel(tmp_path / "k.txt")
    assert str(error.value) == f"{tmp_path / 'k.txt'}: permission denied; choose another file"
