"""CSV manifests: what is read, and the line of what is refused."""

import contextlib
import csv
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.data.listing.samples import Sample
from striate.data.readers.scan import scan
from striate.errors import DataError
from tests.data.layout_table import UNDECODABLE, linked, plant

HEAD = b"path,label\n"
MORE = b"cat/1.jpg,cat\ndog/2.jpg,dog\n"


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images of a cat and two dogs, and the working directory."""
    monkeypatch.chdir(tmp_path)
    return plant(tmp_path, "cat/1.jpg", "dog/2.jpg", "dog/3.jpg")


def listed(content: bytes | str) -> list[tuple[str, str, str | None]]:
    """Path, label and split of what a manifest in the working directory lists."""
    data = content if isinstance(content, bytes) else content.encode()
    Path("list.csv").write_bytes(data)
    listing = scan("list.csv")
    assert listing.layout == "manifest"
    names = listing.class_names
    assert list(names) == sorted(set(names))
    return [(sample.path, names[sample.label], sample.split) for sample in listing.samples]


def refused(content: bytes | str) -> str:
    with pytest.raises(DataError) as refusal:
        listed(content)
    return str(refusal.value)


TWO = [("cat/1.jpg", "cat", None), ("dog/2.jpg", "dog", None)]
SPELLINGS = {
    "plain": HEAD + MORE,
    "no last line end": HEAD + MORE.rstrip(b"\n"),
    "byte-order mark": b"\xef\xbb\xbf" + HEAD + MORE,
    "CRLF": (HEAD + MORE).replace(b"\n", b"\r\n"),
    "CR": (HEAD + MORE).replace(b"\n", b"\r"),
    "quotes": b'"path","label"\n"cat/1.jpg","cat"\n"dog/2.jpg","dog"\n',
    "blank lines": b"path,label\n\ncat/1.jpg,cat\n\n\ndog/2.jpg,dog\n\n",
    "columns the other way round": b"label,path\ncat,cat/1.jpg\ndog,dog/2.jpg\n",
    "other columns": b'id,path,note,label\n1,cat/1.jpg,"a, b",cat\n2,dog/2.jpg,\xff,dog\n',
    "capitals and blanks in the head": b"Path, LABEL\n" + MORE,
    "blanks around labels": b"path,label\ncat/1.jpg, cat\ndog/2.jpg,dog \n",
    "blanks before quotes": b'path,label\n"cat/1.jpg", "cat"\n"dog/2.jpg",  "dog"\n',
    "blanks before some quotes": b'path,label\ncat/1.jpg,cat\n"dog/2.jpg", "dog"\n',
    "blanks behind all commas": b'"label", "path"\n"cat", "cat/1.jpg"\ndog, dog/2.jpg\n',
    "blank before the first quotes": b'path,label\n "cat/1.jpg",cat\ndog/2.jpg,dog\n',
    "semicolons": b"path;label\ncat/1.jpg;cat\ndog/2.jpg;dog\n",
    "semicolons, quotes and a mark": b'\xef\xbb\xbf"path";"label"\r\n"cat/1.jpg"; "cat"\r\n'
    b'"dog/2.jpg";"dog"\r\n',
    "semicolons around a comma": b"path;note, if any;label\ncat/1.jpg;;cat\ndog/2.jpg;a, b;dog\n",
    "tabs": b"path\tlabel\ncat/1.jpg\tcat\ndog/2.jpg\tdog\n",
    "bars": b"path|label\ncat/1.jpg|cat\ndog/2.jpg|dog\n",
    "roundabout paths": b"path,label\n./cat//1.jpg,cat\ncat/../dog/./2.jpg,dog\n",
}


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS)
def test_a_manifest_may_be_written_in_many_ways(content: bytes, photos: Path):
    assert listed(content) == TWO


def test_a_split_column_tells_the_split_in_any_of_its_words(photos: Path):
    rows = "path,label,split\ncat/1.jpg,cat,Train\ndog/2.jpg,dog,valid\ndog/3.jpg,dog, test\n"
    expected = [
        ("cat/1.jpg", "cat", "train"),
        ("dog/2.jpg", "dog", "validation"),
        ("dog/3.jpg", "dog", "test"),
    ]
    assert listed(rows) == expected
    assert listed(rows.replace("split", "part").replace("valid", "val")) == expected
    assert listed(rows.replace("valid", "validation")) == expected


@pytest.mark.parametrize("column", ["split", "part", "subset", "Partition"])
@pytest.mark.parametrize("word", ["dev", "Valid", "VAL_SET", "validation1", " development "])
def test_a_split_goes_by_the_same_words_as_a_folder(column: str, word: str, photos: Path):
    rows = f"path,label,{column}\ncat/1.jpg,cat,training_set\ndog/2.jpg,dog,{word}\n"
    splits = [split for _, _, split in listed(rows)]
    assert splits == ["train", "validation"]


def test_a_tsv_file_is_a_manifest_too(photos: Path):
    listed(b"path\tlabel\ncat/1.jpg\tcat\ndog/2.jpg\tdog\n")
    Path("list.csv").rename("LIST.TSV")
    assert scan("LIST.TSV").class_names == ("cat", "dog")


def test_a_subset_beside_a_split_is_another_column(photos: Path):
    rows = "path,label,subset,split\ncat/1.jpg,cat,north,train\ndog/2.jpg,dog,south,test\n"
    assert [split for _, _, split in listed(rows)] == ["train", "test"]


def test_a_comma_and_a_blank_inside_quotes_keep_the_blank_of_a_name(photos: Path):
    plant(photos, " lead.jpg")
    rows = 'path,label\ncat/1.jpg,"a, ""b"""\n lead.jpg,"c, "\n'
    assert listed(rows) == [("cat/1.jpg", 'a, "b"', None), (" lead.jpg", "c,", None)]


def test_an_absolute_path_inside_the_folder_becomes_relative(photos: Path):
    assert listed(f"path,label\n{photos}/cat/1.jpg,cat\n") == [("cat/1.jpg", "cat", None)]


def test_a_link_inside_the_folder_stands_for_what_it_leads_to(photos: Path):
    linked(photos, "hounds", "dog")
    linked(photos, "dog/again.jpg", "../cat/1.jpg")
    rows = "path,label\nhounds/2.jpg,dog\ndog/2.jpg,dog\ndog/again.jpg,cat\n"
    assert listed(rows) == [("dog/2.jpg", "dog", None), ("cat/1.jpg", "cat", None)]


def test_a_row_that_repeats_another_is_counted_once(photos: Path):
    listed("path,label\ncat/1.jpg,cat\ndog/2.jpg,dog\n./cat/1.jpg,cat\n")
    listing = scan("list.csv")
    assert len(listing.samples) == 2
    (finding,) = listing.findings
    assert (finding.kind, finding.path) == ("repeated row", "cat/1.jpg")
    assert finding.detail == "line 4 repeats line 2"


def test_rows_without_a_value_are_skipped(photos: Path):
    rows = b"path;label\r\ncat/1.jpg;cat\r\n;\r\ndog/2.jpg;dog\r\n;\r\n; \r\n  \r\n\r\n"
    assert listed(rows) == [("cat/1.jpg", "cat", None), ("dog/2.jpg", "dog", None)]


def test_any_file_name_survives_a_round_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names = [" lead.jpg", "=1,2.jpg", "\n\t.jpg", "\u202e😀.jpg", UNDECODABLE, "'\".jpg", "n" * 255]
    plant(tmp_path, *names)
    text = io.StringIO()
    csv.writer(text).writerows([("path", "label"), *((name, "x") for name in names)])
    rows = text.getvalue().encode("utf-8", "surrogateescape")
    assert [path for path, _, _ in listed(rows)] == names


def test_the_root_is_the_folder_of_the_manifest_itself(photos: Path, tmp_path_factory):
    listed(HEAD + MORE)
    elsewhere = linked(tmp_path_factory.mktemp("elsewhere"), "list.csv", photos / "list.csv")
    listing = scan(elsewhere / "list.csv")
    assert listing.root == photos.resolve()
    assert listing.samples == (Sample("cat/1.jpg", 0), Sample("dog/2.jpg", 1))


COMMAS = "put quotes around a value that holds a comma"
RELATIVE = "write it from the manifest's folder on, as in 'photos/1.jpg'"
TOO_FEW = "write a comma between values, also beside an empty one"
OUTSIDE = "leads out of the manifest's folder; keep the manifest above its images"
REFUSALS = {
    "empty": (
        b"",
        "line 1: expected the columns 'path,label' or 'path,label,split', found nothing",
    ),
    "only a head": (HEAD, "the manifest names no images; add a line for each"),
    "no head": (
        MORE,
        "line 1: expected the columns 'path,label' or 'path,label,split', found 'cat/1.jpg,cat'",
    ),
    "semicolons below a head with commas": (
        HEAD + b"cat/1.jpg;cat\n",
        f"line 2: expected 2 values, one a column, found 1; {TOO_FEW}",
    ),
    "a semicolon too many": (
        b"path;label\ncat/1.jpg;cat;x\n",
        "line 2: expected 2 values, one a column, found 3; "
        "put quotes around a value that holds a semicolon",
    ),
    "a tab before quotes": (
        HEAD + b'cat/1.jpg,\t"cat"\n',
        "line 2: a blank stands before the quotes of the label; remove it",
    ),
    "misspelled column": (
        b"path,label,spilt\ncat/1.jpg,cat,train\n",
        "line 1: no column is called 'spilt'; did you mean 'split'?",
    ),
    "two columns of one name": (
        b"path,label,label\ncat/1.jpg,cat,dog\n",
        "line 1: a column stands twice in 'path,label,label'; keep one of the two",
    ),
    "split and part": (
        b"path,label,split,part\ncat/1.jpg,cat,train,test\n",
        "line 1: a column stands twice in 'path,label,split,part'; keep one of the two",
    ),
    "UTF-16": (
        "path,label\ncat/1.jpg,cat\n".encode("utf-16"),
        "line 1: not UTF-8; save the manifest as 'CSV UTF-8'",
    ),
    "Latin-1 label": (
        HEAD + MORE + b"dog/3.jpg,k\xf6ter\n",
        "line 4: the label 'k\\udcf6ter' is not UTF-8; save the manifest as 'CSV UTF-8'",
    ),
    "NUL byte in a path": (
        HEAD + MORE + b"dog/\x003.jpg,dog\n",
        "line 4: the path holds a NUL byte; write the manifest anew",
    ),
    "NUL byte in a label": (
        HEAD + b"cat/1.jpg,ca\x00t\n",
        "line 2: the label holds a NUL byte; write the manifest anew",
    ),
    "no path": (HEAD + MORE + b",dog\n", "line 4: the path is empty"),
    "no label": (HEAD + MORE + b"dog/3.jpg, \n", "line 4: the label is empty"),
    "too many values": (
        HEAD + MORE + b"dog/3.jpg,dog,test\n",
        f"line 4: expected 2 values, one a column, found 3; {COMMAS}",
    ),
    "too few values": (
        b"path,label,split\ncat/1.jpg,cat,train\ndog/2.jpg\n",
        f"line 3: expected 3 values, one a column, found 1; {TOO_FEW}",
    ),
    "a comma at the end": (
        HEAD + b"cat/1.jpg,cat, \n",
        "line 2: expected 2 values, one a column, found 3; remove the comma at its end",
    ),
    "unknown split": (
        b"path,label,split\ncat/1.jpg,cat,train\ndog/2.jpg,dog,holdout\n",
        "line 3: the split is 'holdout'; expected 'train', 'validation' or 'test'",
    ),
    "no split": (
        b"path,label,split\ncat/1.jpg,cat,\n",
        "line 2: the split is ''; expected 'train', 'validation' or 'test'",
    ),
    "missing file": (HEAD + MORE + b"dog/9.jpg,dog\n", "line 4: no such file: 'dog/9.jpg'"),
    "missing folder": (HEAD + MORE + b"emu/9.jpg,emu\n", "line 4: no such file: 'emu/9.jpg'"),
    "other case": (
        HEAD + b"cat/1.JPG,cat\n",
        "line 2: no such file: 'cat/1.JPG'; did you mean 'cat/1.jpg'?",
    ),
    "no suffix": (
        HEAD + b"cat/1,cat\n",
        "line 2: no such file: 'cat/1'; did you mean 'cat/1.jpg'?",
    ),
    "blank behind a path": (
        HEAD + b"cat/1.jpg ,cat\n",
        "line 2: no such file: 'cat/1.jpg '; did you mean 'cat/1.jpg'?",
    ),
    "a drive of Windows": (
        HEAD + b"C:\\pets\\cat\\1.jpg,cat\n",
        f"line 2: no such file: 'C:\\\\pets\\\\cat\\\\1.jpg'; {RELATIVE}",
    ),
    "a server of Windows": (
        HEAD + b"\\\\pets\\1.jpg,cat\n",
        f"line 2: no such file: '\\\\\\\\pets\\\\1.jpg'; {RELATIVE}",
    ),
    "several classes in a label": (
        HEAD + MORE + b"dog/3.jpg,cat;dog\n",
        "line 4: the label 'cat;dog' holds several of the classes; call the column 'labels' if an "
        "image may have several, else keep one",
    ),
    "backslashes": (
        HEAD + b"cat\\1.jpg,cat\n",
        "line 2: no such file: 'cat\\\\1.jpg'; write folders with '/'",
    ),
    "folder": (HEAD + b"cat,cat\n", "line 2: 'cat' is a folder; expected an image"),
    "folder above": (HEAD + b"cat/..,cat\n", "line 2: 'cat/..' is a folder; expected an image"),
    "path below a file": (
        HEAD + b"cat/1.jpg/2.jpg,cat\n",
        "line 2: 'cat/1.jpg/2.jpg': not a directory",
    ),
    "path that is too long": (
        HEAD + b"cat/" + b"n" * 256 + b",cat\n",
        f"line 2: 'cat/{'n' * 256}': file name too long",
    ),
    "outside": (
        HEAD + MORE + b"../secret.jpg,cat\n",
        f"line 4: '../secret.jpg' {OUTSIDE}",
    ),
    "outside after a detour": (
        HEAD + b"cat/../../secret.jpg,cat\n",
        f"line 2: 'cat/../../secret.jpg' {OUTSIDE}",
    ),
    "absolute": (
        HEAD + b"/etc/passwd,cat\n",
        f"line 2: '/etc/passwd' {OUTSIDE}",
    ),
    "in the root of the system": (
        HEAD + b"/passwd,cat\n",
        f"line 2: '/passwd' {OUTSIDE}",
    ),
    "other label": (
        HEAD + MORE + b"cat/1.jpg,lion\n",
        "line 4: 'cat/1.jpg' is labeled 'lion', but 'cat' in line 2; remove the wrong line",
    ),
    "other split": (
        b"path,label,split\ncat/1.jpg,cat,train\n./cat/1.jpg,cat,test\n",
        "line 3: './cat/1.jpg' is in test, but in train in line 2; remove one of the lines",
    ),
    "quote that is not closed": (
        HEAD + MORE + b'"dog/3.jpg,dog\n\n\n',
        "line 4: not valid CSV: unexpected end of data; check the quotes",
    ),
    "text after a quote": (
        HEAD + MORE + b'"dog/3.jpg"x,dog\n',
        "line 4: not valid CSV: ',' expected after '\"'; check the quotes",
    ),
    "value that is too long": (
        HEAD + MORE + b"d" * 131_073 + b",dog\n",
        "line 4: not valid CSV: field larger than field limit (131072); check the quotes",
    ),
    "line after a value of two lines": (
        b'path,label,note\ncat/1.jpg,cat,"a\nb"\ndog/9.jpg,dog,c\n',
        "line 4: no such file: 'dog/9.jpg'",
    ),
}


@pytest.mark.parametrize(("content", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_wrong_is_refused_with_its_line(content: bytes, message: str, photos: Path):
    assert refused(content) == f"list.csv: {message}"


SPECIAL: dict[str, tuple[Callable[[Path], object], str]] = {
    "link outside": (
        lambda r: linked(r, "dog/x.jpg", "/etc/passwd"),
        f"'dog/x.jpg' {OUTSIDE}",
    ),
    "dangling link": (lambda r: linked(r, "dog/x.jpg", "gone"), "no such file: 'dog/x.jpg'"),
    "loop": (
        lambda r: linked(r, "dog/x.jpg", "x.jpg"),
        "'dog/x.jpg': too many levels of symbolic links",
    ),
    "pipe": (
        lambda r: os.mkfifo(r / "dog/x.jpg"),
        "'dog/x.jpg' is a special file; expected an image",
    ),
}


@pytest.mark.parametrize(("build", "message"), SPECIAL.values(), ids=SPECIAL)
def test_what_is_no_regular_file_inside_is_refused(
    build: Callable[[Path], object], message: str, photos: Path
):
    build(photos)
    assert refused(HEAD + MORE + b"dog/x.jpg,dog\n") == f"list.csv: line 4: {message}"


def test_a_folder_that_is_a_link_outside_is_refused(photos: Path):
    linked(photos, "etc", "/etc")
    message = refused(HEAD + MORE + b"etc/passwd,dog\n")
    assert message == f"list.csv: line 4: 'etc/passwd' {OUTSIDE}"


VALID = b'path,label,split\ncat/1.jpg,cat,train\n"dog/2.jpg",dog,val\ndog/3.jpg,dog,test\n'
PIECES = st.sampled_from(
    [b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"../", b"/", b"\\", b"train", b" "]
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(VALID)), st.integers(0, 8), PIECES | st.binary(max_size=4)),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_manifest_is_read_inside_its_folder_or_refused(photos: Path, changes):
    content = VALID
    for at, removed, added in changes:
        content = content[:at] + added + content[at + removed :]
    with contextlib.suppress(DataError):
        found = {path for path, _, _ in listed(content)}
        assert found <= {"cat/1.jpg", "dog/2.jpg", "dog/3.jpg", "list.csv"}
