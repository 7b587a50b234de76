"""Tables of classes are read in the forms that data sets have; a wrong line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from striate.data.listing.masks import MaskCodes, index_codes
from striate.data.listing.samples import IGNORE
from striate.data.readers.class_table import ClassTable, find_table, read_table
from striate.errors import DataError


def table(folder: Path, text: str) -> ClassTable:
    (folder / "classes.txt").write_text(text, "utf-8")
    return read_table(folder / "classes.txt")


def test_names_alone_stand_for_the_numbers_of_their_lines(tmp_path: Path) -> None:
    found = table(tmp_path, "\ufeffsky\r\n\r\ntraffic light\r\n# comment\r\n// too\r\nclass 3\r\n")
    assert found == ClassTable(("sky", "traffic light", "class 3"), index_codes(3))
    assert (found.spec.kind, found.spec.constants) == ("mask", {})


@pytest.mark.parametrize("word", ["unlabelled (ignore)", "Void", "ignore", "unlabeled"])
def test_a_line_may_say_that_its_pixels_are_of_no_class(tmp_path: Path, word: str) -> None:
    found = table(tmp_path, f"sky\n{word}\nroad\n")
    values = ((0, 0), (1, IGNORE), (2, 1), (IGNORE, IGNORE))
    assert found == ClassTable(("sky", "road"), MaskCodes(values))


def test_values_may_be_any_and_several_may_stand_for_one_class(tmp_path: Path) -> None:
    found = table(tmp_path, "255 road\n0: void\n7, sky\n8 road\n")
    assert found == ClassTable(("road", "sky"), MaskCodes(((255, 0), (0, IGNORE), (7, 1), (8, 0))))


@pytest.mark.parametrize(
    "text",
    [
        "128 0 0\t\tsky\n0 0 9 old road\n0 0 0 Void\n",
        "sky 128 0 0\nold road,0,0,9\nVoid 0 0 0\n",
        "sky #800000\n#000009 old road\nVoid #000000\n",
    ],
)
def test_colors_stand_before_names_or_after_them(tmp_path: Path, text: str) -> None:
    found = table(tmp_path, text)
    codes = MaskCodes((), ((0x800000, 0), (9, 1), (0, IGNORE)))
    assert found == ClassTable(("sky", "old road"), codes, (0x800000, 9))
    assert found.spec.constants == {"colors": (128, 0, 0, 0, 0, 9)}


def test_values_may_be_those_of_16_bits(tmp_path: Path) -> None:
    found = table(tmp_path, "0 sky\n65535 road\n")
    values = ((0, 0), (65535, 1), (255, IGNORE))
    assert found == ClassTable(("sky", "road"), MaskCodes(values))


def test_names_may_end_in_numbers(tmp_path: Path) -> None:
    assert table(tmp_path, "grade 1\ngrade 2\n").names == ("grade 1", "grade 2")
    assert table(tmp_path, "2 sky 1\n1 road 2\n").names == (
        "sky 1",
        "road 2",
    )
    assert table(tmp_path, "facade\ncar (parked)\n").names == ("facade", "car (parked)")


@pytest.mark.parametrize("text", ["3 sky 128 0 0\n", "3 sky #800000\n", "3 128 0 0 sky\n"])
def test_a_line_may_hold_value_and_color(tmp_path: Path, text: str) -> None:
    values = ((3, 0), (IGNORE, IGNORE))
    expected = ClassTable(("sky",), MaskCodes(values, ((0x800000, 0),)), (0x800000,))
    assert table(tmp_path, text) == expected


FORMS = (
    "expected a value, a name and a color,\nany but the name left out, as in '7 sky #808080' or "
    "'sky 128 128 128', and comments on lines of their own"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "sky\n1 2 3\n",
            "line 2: '1 2 3' names no class; expected a name, with its value before it or its "
            "color after it, as in 'sky 128 128 128'",
        ),
        (
            "1 sky\nroad\n",
            "line 2: no value, but line 1 has one; give every class a value, or none",
        ),
        (
            "sky\n2 road\n",
            "line 2: a value, but line 1 has none; give every class a value, or none",
        ),
        (
            "sky 1 2 3\n\nroad\n",
            "line 3: no color, but line 1 has one; give every class a color, or none",
        ),
        (
            "4 sky\n4 road\n",
            "line 2: the value 4 stands in line 1 too; each stands for one class",
        ),
        (
            "sky 0 0 9\nroad #000009\n",
            "line 2: the color #000009 stands in line 1 too; each stands for one class",
        ),
        (
            "0 sky\n1 Sky\n",
            "line 2: 'Sky' is 'sky' in line 1; write a class in one way",
        ),
        (
            "\nroad 7\nnight sky 0\n",
            "line 2: 'road 7' ends in a number, as all lines do; write a value before its name: "
            "'7 road'",
        ),
        ("sky #000\n", f"line 1: the name 'sky #000' holds '#'; {FORMS}"),
        ("sky 0x800000\n", f"line 1: the name 'sky 0x800000' holds '0x8'; {FORMS}"),
        ("sky\nroad 800000\n", f"line 2: the name 'road 800000' holds '800000'; {FORMS}"),
        ("sky (0, 0, 9)\n", f"line 1: the name 'sky (0 0 9)' holds '(0'; {FORMS}"),
        ("sky = 0\n", f"line 1: the name 'sky = 0' holds '='; {FORMS}"),
        ("sky # blue\n", f"line 1: the name 'sky # blue' holds '#'; {FORMS}"),
        ('{"0": "sky"}\n', f"line 1: the name '{{\"0\" \"sky\"}}' holds '{{'; {FORMS}"),
        ("\n// nothing\nvoid\n", "no class; expected 1 to 254, one a line"),
        ("\n".join(f"c{n}" for n in range(255)), "255 classes; expected 1 to 254, one a line"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        table(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'classes.txt'}: {message}"


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "classes.txt"
    file.write_bytes(b"caf\xe9")
    with pytest.raises(DataError) as caught:
        read_table(file)
    assert str(caught.value) == f"{file}: not UTF-8; save it as UTF-8"
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "codes.txt")
    assert str(caught.value) == f"{tmp_path / 'codes.txt'}: no such file or directory"


def test_the_first_table_that_is_there_is_taken(tmp_path: Path) -> None:
    assert find_table(str(tmp_path)) is None
    for name in ("codes.txt", "label_colors.txt", "classes.txt"):
        (tmp_path / name).touch()
        assert find_table(str(tmp_path)) == tmp_path / name
