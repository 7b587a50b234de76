"""What a pattern stands for, and names that come on standard input."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import cast

import pytest

from striate.data.readers.patterns import match_paths
from striate.errors import DataError
from striate.prediction.inputs import given_paths, sources
from striate.prediction.paths import read_names
from tests.data.images import encoded, noise

FILES = (
    *("photos/b.jpg", "photos/a.jpg", "photos/a.png", "photos/.hidden.jpg", "photos/x.csv.partial"),
    *("photos/cat/1.jpg", "photos/cat/2.png", "photos/cat/deep/3.jpg", "photos/dog/4.jpg"),
    *("photos/.git/5.jpg", "[1].jpg", "é 🐈.jpg", "a\nb.jpg"),
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(encoded(noise(9, 9)))
    Path("photos/loop").symlink_to(".")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("photos/*.jpg", ["photos/a.jpg", "photos/b.jpg"]),
        ("photos/?.*", ["photos/a.jpg", "photos/a.png", "photos/b.jpg"]),
        ("photos/[!a].jpg", ["photos/b.jpg"]),
        ("photos/.*.jpg", ["photos/.hidden.jpg"]),
        ("photos/[!l]*/*.jpg", ["photos/cat/1.jpg", "photos/dog/4.jpg"]),
        ("photos/l*/*.jpg", ["photos/loop/a.jpg", "photos/loop/b.jpg"]),
        ("photos/*t/../*.png", ["photos/cat/../a.png"]),
        ("./p*s/a.png", ["./photos/a.png"]),
        (
            "photos/**/*.jpg",
            [
                *("photos/a.jpg", "photos/b.jpg", "photos/cat/1.jpg", "photos/cat/deep/3.jpg"),
                "photos/dog/4.jpg",
            ],
        ),
        ("**/3.jpg", ["photos/cat/deep/3.jpg"]),
        ("photos/**/deep/*", ["photos/cat/deep/3.jpg"]),
        ("photos/cat/**", ["photos/cat/1.jpg", "photos/cat/2.png", "photos/cat/deep/3.jpg"]),
        ("photos/c*", ["photos/cat/1.jpg", "photos/cat/2.png", "photos/cat/deep/3.jpg"]),
        ("[1].jpg", ["[1].jpg"]),  # a file of this name goes first
        ("*🐈*", ["é 🐈.jpg"]),
        ("a?b.jpg", ["a\nb.jpg"]),
        ("photos/x*", []),
        ("photos/a.jpg/*", []),
        ("nowhere/*.jpg", []),
    ],
)  # fmt: skip
def test_a_pattern_stands_for_files_and_folders_as_in_a_shell(
    here: Path, pattern: str, found: list[str]
):
    for prefix in ("", f"{here}/"):
        shown = prefix + pattern.removeprefix("./") if prefix else pattern
        expected = [prefix + name.removeprefix("./") for name in found]
        if expected:
            assert [image.shown for image in sources([shown])] == expected
        else:
            with pytest.raises(DataError) as caught:
                sources([shown])
            assert str(caught.value) == f"{shown}: no file is called like this"


def test_a_path_without_a_pattern_that_is_not_there_is_refused(here: Path):
    with pytest.raises(DataError) as caught:
        sources(["photos/a.jpg", "photos/c.jpg"])
    assert str(caught.value) == "photos/c.jpg: no such file or folder"


def test_a_pattern_counts_as_the_files_it_stands_for(here: Path):
    assert list(given_paths(["photos/*.png", Path("[1].jpg")])) == [
        Path("photos/a.png"),
        Path("[1].jpg"),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="made for root, who may drop rights")
def test_a_folder_that_cannot_be_read_is_named(here: Path, monkeypatch: pytest.MonkeyPatch):
    real = os.scandir

    def refused(path: str) -> object:
        if path == "photos/cat/":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert list(match_paths("photos/**/*.png")) == ["photos/a.png", "photos/cat/"]


class Slow(io.BytesIO):
    """A pipe whose writer gives a few bytes at a time."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(min(8, size or 8))


def named(content: bytes) -> list[str]:
    return [file.shown for file in read_names(cast(io.BufferedIOBase, Slow(content)))]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"a.jpg\nb c.jpg\n", ["a.jpg", "b c.jpg"]),
        (b"a.jpg", ["a.jpg"]),
        (b"\n\na.jpg\n\nb.jpg", ["a.jpg", "b.jpg"]),
        (b"a\n.jpg\0c.jpg\0", ["a\n.jpg", "c.jpg"]),
        (b"a long name of a file.jpg\0c\nd.jpg", ["a long name of a file.jpg", "c\nd.jpg"]),
        (b"caf\xe9.jpg\n\xff\n", [os.fsdecode(b"caf\xe9.jpg"), os.fsdecode(b"\xff")]),
        ("é 🐈.jpg\n*.jpg\n".encode(), ["é 🐈.jpg", "*.jpg"]),
    ],
)
def test_names_come_with_line_breaks_or_nuls_between_them(content: bytes, names: list[str]):
    assert named(content) == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "standard input: no names came"),
        (b"\n\n", "standard input: no names came"),
        (b"\0", "standard input: no names came"),
        (
            encoded(noise(40, 40)),
            "standard input: expected names of files, but a PNG came; give the file instead",
        ),
        (
            b"x" * 200_000,
            "expected names of files, but one of 100,000 bytes or more came",
        ),
        (
            b"a.jpg\n" + b"x" * 200_000,
            "expected names of files, but one of 100,000 bytes or more came",
        ),
    ],
)
def test_what_holds_no_names_is_refused(content: bytes, message: str):
    with pytest.raises(DataError) as caught:
        named(content)
    assert str(caught.value) == message


def test_names_are_read_as_they_are_asked_for():
    stream = Slow(b"a.jpg\n" * 1000)
    files = iter(read_names(cast(io.BufferedIOBase, stream)))
    assert next(files).shown == "a.jpg"
    assert stream.tell() < 30
