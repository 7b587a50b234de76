"""Images that a list names are in no split; the list is read strictly, and no file is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.readers.leave_out import format_list, read_list
from striate.data.readers.scan import scan
from striate.errors import DataError

CLASSES = "cat", "dog"
NOTHING = "bad.txt: names no image to leave out; expected a path on each line, as in cat/1.jpg"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for label, name in enumerate(CLASSES):
        Path("set", name).mkdir(parents=True)
        for number in range(20):
            dark = np.random.default_rng((label, number)).integers(0, 60, (16, 16, 3))
            Image.fromarray(dark.astype(np.uint8)).save(f"set/{name}/{number}.png")


def listed(text: str, name: str = "bad.txt") -> Path:
    Path(name).write_text(text)
    return Path(name)


def paths(data: str = "set", name: str = "bad.txt") -> set[str]:
    return {image.path for image in scan(data, leave_out=Path(name)).samples}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bad.txt", "cat/3.png\ndog/7.png\n"),
        ("bad.txt", "# blurred\n\n./cat/3.png\r\n  dog/7.png  \ncat/3.png"),
        ("bad.txt", "\ufeffcat/3.png\ndog/7.png"),
        ("bad", "cat/3.png\ndog/7.png"),
        ("bad.csv", "path,why\ncat/3.png,blurred\n#dog/1.png,no\ndog/7.png,dark\n"),
        ("bad.csv", "why;Image\nblurred;cat/3.png\n;dog/7.png\n;\n"),
        ("bad.tsv", "path\twhy\ncat/3.png\tx\ndog/7.png\ty\n"),
        ("bad.csv", "path\ncat/3.png\ndog/7.png\n"),
    ],
)
def test_the_images_of_a_list_are_left_out(name: str, text: str) -> None:
    listed(text, name)
    all_of_them = {image.path for image in scan("set").samples}
    assert paths(name=name) == all_of_them - {"cat/3.png", "dog/7.png"}
    found = [f.path for f in scan("set", leave_out=Path(name)).findings if f.kind == "listed"]
    assert found == ["cat/3.png", "dog/7.png"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "bad.txt",
            "cat/3.png\ncat/3.jpg",
            "bad.txt: line 2: no image is called 'cat/3.jpg'; did you mean 'cat/3.png', "
            "'cat/13.png' or 'cat/9.png'?",
        ),
        (
            "bad.txt",
            "",
            "bad.txt: names no image to leave out; expected a path on each line, as in cat/1.jpg",
        ),
        (
            "bad.txt",
            "# nothing\n\n",
            "bad.txt: names no image to leave out; expected a path on each line, as in cat/1.jpg",
        ),
        (
            "bad.csv",
            "file,why\ncat/3.png,x",
            "bad.csv: line 1: expected a column 'path', found 'file,why'",
        ),
        ("bad.csv", "", "bad.csv: line 1: expected a column 'path', found nothing"),
        (
            "bad.csv",
            'path,why\n"cat',
            "bad.csv: line 2: not valid CSV: unexpected end of data; check the quotes",
        ),
        (
            "bad.txt",
            "\n".join(f"{name}/{number}.png" for name in CLASSES for number in range(20)),
            "bad.txt: leaves out all 40 images; keep some to work with",
        ),
    ],
)
def test_a_list_that_is_wrong_is_told(name: str, text: str, message: str) -> None:
    listed(text, name)
    with pytest.raises(DataError) as error:
        paths(name=name)
    assert str(error.value) == message


def test_how_many_lines_name_no_image_is_told():
    listed("cat/a.png\ncat/b.png\ncat/3.png")
    with pytest.raises(DataError, match=r"^bad.txt: line 1: no image .*; 2 of 3 are none$"):
        paths()


def test_a_list_that_is_not_there_is_told():
    with pytest.raises(DataError, match=r"^bad.txt: no such file or directory$"):
        paths()


def test_a_list_is_read_back_as_it_was_written():
    names = ["cat/1.png", "a,b.png", 'q"q.png', "two\nlines.png", "caf\udce9.png", " blank.png"]
    Path("kept.csv").write_bytes(format_list(names))
    assert list(read_list(Path("kept.csv"))) == names


def test_every_kind_of_data_can_leave_images_out():
    listed("cat/3.png")
    striate.pack("set", "shards")
    assert paths("shards") == paths("set")
    rows = [f"set/{name}/{n}.png,{name}" for name in CLASSES for n in range(20)]
    Path("set.csv").write_text("\n".join(["path,label", *rows]))
    listed("set/cat/3.png", "rows.txt")
    assert paths("set.csv", "rows.txt") == {f"set/{path}" for path in paths("set")}
    np.savez("set.npz", x=np.zeros((6, 8, 8), np.uint8), y=np.array([0, 1] * 3))
    listed("set.npz/x#2", "third.txt")
    assert len(paths("set.npz", "third.txt")) == 5


def test_shards_are_packed_and_read_without_what_a_list_names():
    listed("cat/3.png\ndog/0.png")
    packed = striate.pack("set", "shards", leave_out="bad.txt")
    assert packed.images == 38
    listed("cat/5.png", "more.txt")
    kept = scan("shards", leave_out=Path("more.txt"))
    assert {image.path for image in kept.samples} == paths("set") - {"cat/5.png"}
    assert kept.shards is not None
    assert len(kept.shards.table) == 37
    assert striate.check("shards", leave_out="more.txt").images == 37


def test_no_file_is_touched():
    listed("cat/3.png")
    before = {file: file.read_bytes() for file in Path("set").rglob("*.png")}
    striate.check("set", leave_out="bad.txt")
    assert {file: file.read_bytes() for file in Path("set").rglob("*.png")} == before


def test_a_class_without_an_image_left_cannot_be_trained_on():
    listed("\n".join(f"cat/{number}.png" for number in range(20)))
    inspection = striate.check("set", leave_out="bad.txt")
    assert inspection.problems[0].startswith("class 'cat' has no images")
