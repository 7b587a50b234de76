"""Points are read from CSV as spreadsheets write it; what is wrong is told with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.errors import DataError, OptionError
from striate.samples import moons, read_points
from striate.samples.csv_points import load_points
from tests.points.refusals import refusal

ROWS = "1,2,cat\n-3.5,4e1,dog\n5,6,cat\n7,8,dog\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        f"x,y,label\n{ROWS}".encode(),
        f"\ufeffx,y,label\n{ROWS}".encode(),
        f"X , y,Label\n{ROWS}\n\n".replace("\n", "\r\n").encode(),
        f"x,y,label\n{ROWS}".replace("\n", "\r").encode(),
        f"x,y,label\n{ROWS}".replace(",", ";").encode(),
        f"x,y,label\n{ROWS}".replace(",", "\t").encode(),
        b'"label","note","y","x"\n"cat","a, b",2,1\ndog,,40,-3.5\n cat ,,6,5\ndog,,8,7',
    ],
)
def test_points_are_read_as_spreadsheets_write_them(content: bytes):
    Path("my points.csv").write_bytes(content)
    points = read_points("my points.csv")
    assert points.xy.tolist() == [[1, 2], [-3.5, 40], [5, 6], [7, 8]]
    assert points.labels.tolist() == [0, 1, 0, 1]
    assert points.class_names == ("cat", "dog")
    assert points.name == "my points"
    assert (points.xy.dtype, points.labels.dtype) == (np.float32, np.int64)


WRONG = [
    ("", "line 1: the column 'x' is missing; expected 'x,y,label', found ''"),
    ("x,y,z\n", "line 1: the column 'label' is missing; expected 'x,y,label', found 'x,y,z'"),
    (
        "x,y,x,label\n",
        "line 1: the column 'x' stands twice; expected 'x,y,label', found 'x,y,x,label'",
    ),
    ("x,y,label\n", "no points; write a line of x, y and label for each"),
    ("x,y,label\n1,2,a\n3,4\n", "line 3: expected 3 values, found 2"),
    ("x,y,label\n1,2,a\n\n3,4,b,5\n", "line 4: expected 3 values, found 4"),
    ("x,y,label\n1,n/a,a\n", "line 2: y is 'n/a', no finite number"),
    ("x,y,label\n1,,a\n", "line 2: y is '', no finite number"),
    ("x,y,label\ninf,2,a\n", "line 2: x is 'inf', no finite number"),
    ("x,y,label\n1,nan,a\n", "line 2: y is 'nan', no finite number"),
    ("x,y,label\n1e39,2,a\n", "line 2: x is '1e39', no finite number"),
    ("x,y,label\n1_0,2,a\n", "line 2: x is '1_0', no finite number"),
    (
        "x;y;label\n1,5;2;a\n",
        "line 2: x is '1,5', no finite number; write it with a decimal point",
    ),
    ("x,y,label\n1,2,a\n3,4, \n", "line 3: the label is empty"),
    ("x,y,label\n1,2,a\n3,4,a\n", "one label only, 'a'; there is nothing to tell apart"),
    (
        "x,y,label\n1,2,a\n3,4,b\n5,6,b\n",
        "one point only with the label 'a'; expected two or more, to train and to test",
    ),
    (
        "x,y,label\n" + "".join(f"1,2,{at}\n3,4,{at}\n" for at in range(9)),
        "9 labels; expected 2 to 8",
    ),
    ('x,y,label\n1,2,"a\n', "line 2: not valid CSV: unexpected end of data"),
]


@pytest.mark.parametrize(("content", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told_with_its_line(content: str, message: str):
    Path("p.csv").write_text(content)
    assert refusal(DataError, read_points, "p.csv") == f"p.csv: {message}"


def test_a_file_in_another_encoding_or_none_at_all_is_told():
    Path("p.csv").write_bytes("x,y,label\n1,2,größe\n".encode("latin-1"))
    told = "p.csv: not UTF-8 text; save it as 'CSV UTF-8'"
    assert refusal(DataError, read_points, "p.csv") == told
    assert refusal(DataError, read_points, "q.csv") == "q.csv: no such file or directory"
    Path("folder").mkdir()
    assert refusal(DataError, load_points, "folder", {}) == "folder: is a directory"


def test_a_name_draws_a_set_and_a_path_reads_a_file():
    Path("p.csv").write_text(f"x,y,label\n{ROWS}")
    assert len(load_points("p.csv", {"seed": 3})) == 4
    drawn = load_points("moons", {"n": 30, "noise": 0.5, "seed": 3})
    assert drawn.xy.tobytes() == moons(30, 0.5, 3).xy.tobytes()


@pytest.mark.parametrize(
    ("source", "drawn", "message"),
    [
        ("spiral", {}, "no point set is called 'spiral'; did you mean 'spirals'?"),
        ("moons", {"classes": 3}, "moons has two classes; leave classes out"),
        ("p.csv", {"n": 30}, "p.csv has its own points; leave n out"),
    ],
)
def test_a_source_that_has_no_use_for_an_argument_says_so(
    source: str, drawn: dict[str, Any], message: str
):
    assert refusal(OptionError, load_points, source, drawn) == message
