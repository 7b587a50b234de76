"""Manifests of several labels or of numbers: what columns mean, and the line of what is refused."""

from pathlib import Path

import numpy as np
import pytest

from striate.data.readers.scan import scan
from striate.data.targets.classes import ClassTargets
from striate.data.targets.label_sets import LabelSets
from striate.data.targets.numbers import NumberTargets
from striate.errors import DataError
from tests.data.layout_table import plant

ONE, TWO, THREE = "1.jpg", "2.jpg", "3.jpg"


@pytest.fixture(autouse=True)
def _images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plant(tmp_path, ONE, TWO, THREE)


def read(text: str | bytes, kind: str | None = None):
    Path("list.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return scan("list.csv", kind)


def sets(text: str | bytes, kind: str | None = None) -> list[list[str]]:
    targets = read(text, kind).targets
    assert isinstance(targets, LabelSets)
    return [targets.entry(row)["labels"] for row in range(len(targets))]


def numbers(
    text: str | bytes, kind: str | None = None
) -> tuple[tuple[str, ...], list[list[float]]]:
    targets = read(text, kind).targets
    assert isinstance(targets, NumberTargets)
    return targets.spec.names, targets.values.tolist()


PETS = [["cat", "dog"], ["dog"], []]
SPELLINGS = {
    "semicolons": "path,labels\n1.jpg,cat;dog\n2.jpg,dog\n3.jpg,\n",
    "bars": "path,labels\n1.jpg,dog|cat\n2.jpg,dog\n3.jpg,\n",
    "quoted beside semicolons": 'path;labels\n1.jpg;"cat;dog"\n2.jpg;dog\n3.jpg;\n',
    "bars beside semicolons": "path;labels\n1.jpg;cat|dog\n2.jpg;dog\n3.jpg;\n",
    "a mark and Windows line ends": b"\xef\xbb\xbfPath,Labels\r\n1.jpg,cat;dog\r\n"
    b"2.jpg,dog\r\n3.jpg,\r\n",
    "0 and 1": "path,cat,dog\n1.jpg,1,1\n2.jpg,0,1\n3.jpg,0,0\n",
    "as pandas writes them": "path,cat,dog\n1.jpg,1.0,1.0\n2.jpg,0.0,1.0\n3.jpg,0.0,0.0\n",
    "words": "cat,path,dog\nyes,1.jpg,TRUE\nno,2.jpg,True\nno,3.jpg,false\n",
    "a running number": ",path,cat,dog\n0,1.jpg,1,1\n1,2.jpg,0,1\n2,3.jpg,0,0\n",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_labels_may_be_written_in_many_ways(text: str | bytes):
    assert sets(text) == PETS


def test_columns_of_0_and_1_keep_their_order_and_case():
    text = "path,Zebra,ant,split\n1.jpg,1,0,train\n2.jpg,0,1,val\n"
    listing = read(text)
    assert listing.targets.spec.names == ("Zebra", "ant")
    assert [sample.split for sample in listing.samples] == ["train", "validation"]


def test_columns_may_be_numbered_labels():
    assert sets("path,label_1,label_2\n1.jpg,1,0\n2.jpg,0,1\n") == [["label_1"], ["label_2"]]


def test_a_label_wins_over_other_columns_unless_a_task_asks_for_them():
    text = "path,label,age,smiles\n1.jpg,cat,2.5,1\n2.jpg,dog,,0\n"
    assert isinstance(read(text).targets, ClassTargets)
    assert read(text).class_names == ("cat", "dog")
    names, values = numbers(text, "numbers")
    assert names == ("age", "smiles")
    np.testing.assert_equal(values, [[2.5, 1], [np.nan, 0]])


def test_numbers_may_be_missing_and_keep_the_unit_of_their_column():
    text = "id,path,Angle [°],speed\n7,1.jpg,-1.5,0\n8,2.jpg,,1e1\n9,3.jpg,+.25,7.\n"
    names, values = numbers(text)
    assert names == ("Angle [°]", "speed")
    np.testing.assert_equal(values, [[-1.5, 0], [np.nan, 10], [0.25, 7]])


def test_any_number_but_0_and_1_makes_all_columns_numbers():
    assert numbers("path,smiles,age\n1.jpg,1,0\n2.jpg,0,3\n")[1] == [[1, 0], [0, 3]]
    assert numbers("path,cat,dog\n1.jpg,1,0\n2.jpg,0,1\n", "numbers")[1] == [[1, 0], [0, 1]]


def test_one_column_of_0_and_1_is_asked_about():
    text = "path,smiles\n1.jpg,1\n2.jpg,0\n"
    assert refused(text) == (
        "the column 'smiles' holds 0 and 1: a label that an image may have, a number, or one of "
        "two classes;\nsay --task multilabel or --task regression, or call the column 'label'"
    )
    assert sets(text, "labels") == [["smiles"], []]
    assert numbers(text, "numbers") == (("smiles",), [[1], [0]])


def test_a_comma_may_be_of_a_name_where_other_signs_separate_them():
    text = 'path,labels\n1.jpg,"lion, male;cub"\n2.jpg,cub\n'
    assert sets(text) == [["cub", "lion, male"], ["cub"]]


def test_numbers_in_the_column_of_classes_are_asked_to_be_named():
    text = "path,label\n1.jpg,1.5\n2.jpg,2\n"
    assert read(text).class_names == ("1.5", "2")
    assert refused(text, "numbers") == (
        "line 1: the column 'label' holds classes; name it after what its numbers measure, as in "
        "'age', for --task regression"
    )


def test_a_blank_around_a_name_is_a_finding_with_its_line():
    text = "path,labels\n1.jpg,cat; dog\n2.jpg,dog\n3.jpg,dog \n"
    assert sets(text) == [["cat", "dog"], ["dog"], ["dog"]]
    found = [(f.kind, f.path, f.detail) for f in read(text).findings]
    assert found == [
        ("stray blank", "1.jpg", "line 2 has 'cat; dog'"),
        ("stray blank", "3.jpg", "line 4 has 'dog '"),
    ]


def test_a_row_may_repeat_the_labels_of_another_in_any_order():
    assert sets("path,labels\n1.jpg,cat;dog\n./1.jpg,dog;cat\n2.jpg,dog\n") == PETS[:2]


def refused(text: str | bytes, kind: str | None = None) -> str:
    with pytest.raises(DataError) as refusal:
        read(text, kind)
    return str(refusal.value).removeprefix("list.csv: ")


NUMBER = "expected a number as in -1.5, or an empty cell where it is not known"
FINITE = "expected a finite number, or an empty cell where it is not known"
TEXT = (
    "and no line has a number there; call the column 'label' if it\nholds classes, 'mask' if it "
    "holds the paths of masks, write 1 and 0 if it is a label that an image has or not,\n"
    "else remove the column"
)
REFUSALS = {
    "headings that are not UTF-8": (
        b"path,Gr\xf6\xdfe\n1.jpg,1\n",
        "line 1: not UTF-8; save the manifest as 'CSV UTF-8'",
    ),
    "separators of thousands": (
        'path,a\n1.jpg,2\n2.jpg,"1,234,500.25"\n',
        "line 3: 'a' is '1,234,500.25'; write it without separators of thousands: 1234500.25",
    ),
    "points between thousands": (
        "path;a\n1.jpg;2\n2.jpg;1.500,5\n",
        "line 3: 'a' is '1.500,5'; write it without separators of thousands: 1500.5",
    ),
    "blanks between thousands": (
        "path,a\n1.jpg,-1 500\n",
        "line 2: 'a' is '-1 500'; write it without separators of thousands: -1500",
    ),
    "a comma that may be either": (
        'path,a\n1.jpg,2\n2.jpg,"1,500"\n',
        "line 3: 'a' is '1,500'; write 1500 if the comma separates thousands, 1.500 if it is a "
        "decimal comma",
    ),
    "percent": (
        "path,share\n1.jpg,12.5%\n",
        "line 2: 'share' is '12.5%'; write the number alone, and its unit in the heading, as in "
        "'share [%]'",
    ),
    "unit": (
        "path,weight\n1.jpg,2 kg\n",
        "line 2: 'weight' is '2 kg'; write the number alone, and its unit in the heading, as in "
        "'weight [kg]'",
    ),
    "currency": (
        "path,price\n1.jpg,$3.50\n",
        "line 2: 'price' is '$3.50'; write the number alone, and its unit in the heading, as in "
        "'price [$]'",
    ),
    "a minus of typesetters": (
        "path,a\n1.jpg,\u22121.5\n",
        "line 2: 'a' is '\u22121.5'; write the minus as a hyphen: -1.5",
    ),
    "a date": ("path,a\n1.jpg,2024-01-31\n", f"line 2: 'a' is '2024-01-31'; {NUMBER}"),
    "a date that Excel made": ("path,a\n1.jpg,01. Mai\n", f"line 2: 'a' is '01. Mai'; {NUMBER}"),
    "a column of text": (
        "path,a,class\n1.jpg,1,\n2.jpg,x,cat\n3.jpg,3,dog\n",
        f"line 3: 'class' is 'cat', {TEXT}",
    ),
    "labels in another language": (
        "path,rot,rund\n1.jpg,WAHR,FALSCH\n2.jpg,FALSCH,WAHR\n",
        f"line 2: 'rot' is 'WAHR', {TEXT}",
    ),
    "commas between labels": (
        'path,labels\n1.jpg,dog\n2.jpg,"cat, dog"\n',
        "line 3: the label 'cat, dog' holds a comma, and no line has ';' or '|'; write 'cat;dog' "
        "for several labels,\nor call the column 'label' if every image has one",
    ),
    "n/a": ("path,a\n1.jpg,2\n2.jpg,n/a\n", f"line 3: 'a' is 'n/a'; {NUMBER}"),
    "decimal comma": (
        'path,a\n1.jpg,2\n2.jpg,"1,5"\n',
        "line 3: 'a' is '1,5'; write the decimal comma as a point: 1.5",
    ),
    "decimal comma between semicolons": (
        "path;a\n1.jpg;2\n2.jpg;1,5\n",
        "line 3: 'a' is '1,5'; write the decimal comma as a point: 1.5",
    ),
    "inf": ("path,a\n1.jpg,2\n2.jpg,-inf\n", f"line 3: 'a' is '-inf'; {FINITE}"),
    "too large": ("path,a\n1.jpg,2\n2.jpg,1e999\n", f"line 3: 'a' is '1e999'; {FINITE}"),
    "nan": ("path,a\n1.jpg,2\n2.jpg,nan\n", f"line 3: 'a' is 'nan'; {NUMBER}"),
    "digits of another script": ("path,a\n1.jpg,2\n2.jpg,٣\n", f"line 3: 'a' is '٣'; {NUMBER}"),
    "no column but the path": (
        "path\n1.jpg\n",
        "line 1: expected the columns 'path,label' or 'path,label,split', found 'path'",
    ),
    "a column twice": (
        "path,a,b,a\n1.jpg,1,0,1\n",
        "line 1: a column stands twice in 'path,a,b,a'; keep one of the two",
    ),
    "label and labels": (
        "path,label,labels\n1.jpg,cat,cat\n",
        "line 1: the columns 'label' and 'labels' both stand there; keep one, or say which is "
        "meant with --task classification or --task multilabel",
    ),
    "more values than headings": (
        "path,a,b\n1.jpg,1,0\n2.jpg,1,0,1\n",
        "line 3: expected 3 values, one a column, found 4; put quotes around a value that holds "
        "a comma, and write 1,5 as 1.5",
    ),
    "labels that look like columns": (
        "path;labels\n1.jpg;cat;dog\n",
        "line 2: expected 2 values, one a column, found 3; put quotes around a value that holds "
        "a semicolon",
    ),
    "no 0 or 1": (
        "path,cat,dog\n1.jpg,1,0\n2.jpg,x,1\n",
        "line 3: the label 'cat' is 'x'; expected 1 where the image has it, else 0",
    ),
    "neither 0 nor 1": (
        "path,cat,dog\n1.jpg,1,0\n2.jpg,,1\n",
        "line 3: the label 'cat' is empty; expected 1 where the image has it, else 0",
    ),
    "an empty name": (
        "path,labels\n1.jpg,cat\n2.jpg,cat;;dog\n",
        "line 3: a name is empty in the labels 'cat;;dog'; remove the separator",
    ),
    "a separator at the end": (
        "path,labels\n1.jpg,cat; \n",
        "line 2: a name is empty in the labels 'cat;'; remove the separator",
    ),
    "only separators": (
        "path,labels\n1.jpg,;\n",
        "line 2: all names are empty in the labels ';'; remove the separator",
    ),
    "a name twice": (
        "path,labels\n1.jpg,cat;dog;cat\n",
        "line 2: the label 'cat' stands twice in 'cat;dog;cat'; remove one",
    ),
    "labels that are not UTF-8": (
        b"path,labels\n1.jpg,k\xf6ter;dog\n",
        "line 2: the labels 'k\\udcf6ter;dog' are not UTF-8; save the manifest as 'CSV UTF-8'",
    ),
    "NUL byte": (
        "path,labels\n1.jpg,c\0t\n",
        "line 2: the labels hold a NUL byte; write the manifest anew",
    ),
    "other labels": (
        "path,labels\n1.jpg,cat;dog\n1.jpg,cat\n",
        "line 3: '1.jpg' has the labels 'cat', but 'cat;dog' in line 2; remove the wrong line",
    ),
    "another number": (
        "path,a,b\n1.jpg,1,2\n1.jpg,1,3\n",
        "line 3: '1.jpg' has '3' in 'b', but '2' in line 2; remove the wrong line",
    ),
    "another split": (
        "path,labels,split\n1.jpg,cat,train\n1.jpg,cat,test\n",
        "line 3: '1.jpg' is in test, but in train in line 2; remove one of the lines",
    ),
    "a misspelled column": (
        "path,lables\n1.jpg,cat\n",
        "line 1: no column is called 'lables'; did you mean 'labels'?",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_wrong_is_refused_with_its_line(text: str | bytes, message: str):
    assert refused(text) == message
