"""Images in parts, as workers are told of them, and the folder that they write."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from striate.data.cache.read_files import File
from striate.data.decoding.files import Refused, ZipMember
from striate.errors import DataError, OptionError, StorageError
from striate.prediction.inputs import Made, sources
from striate.prediction.parquet import read_types, retype, to_parquet, unify_types
from striate.prediction.part_folder import About, PartFolder, listed, named
from striate.prediction.parts import Rows, count, read_part, split_parts, write_part
from striate.prediction.tables import Columns, Table

COLUMNS = Columns("image", "path")


def files(number: int) -> list[File]:
    return [File(Path(f"/photos/{at}.jpg"), f"{at}.jpg") for at in range(number)]


def test_parts_are_whole_batches_that_grow():
    parts = list(split_parts(files(3 * (32 + 2 * 32) + 4 * 3 + 1), batch=3))
    assert [len(part) for part in parts] == [3] * 32 + [6] * 32 + [12, 1]
    assert [file for part in parts for file in part] == files(3 * (32 + 2 * 32) + 4 * 3 + 1)


def test_a_table_is_cut_where_a_part_ends(tmp_path: Path):
    path = tmp_path / "a.parquet"
    rows = {"path": [f"row {row}" for row in range(5)], "image": [b"x"] * 5}
    parquet.write_table(pa.table(rows), path)
    table = Table(str(path), COLUMNS)
    first, second, third = split_parts([*files(2), table, *files(1)], batch=3)
    assert first == [*files(2), Rows(table, 0, 1)]
    assert second == [Rows(table, 1, 4)]
    assert third == [Rows(table, 4, 5), *files(1)]
    assert [count(part) for part in (first, second, third)] == [3, 3, 2]
    shown = [file.shown for part in (first, second, third) for file in read_part(write_part(part))]
    assert shown == ["0.jpg", "1.jpg", *(f"row {row}" for row in range(5)), "0.jpg"]


def test_every_kind_of_place_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    given = [
        File(Path("a\udce9.jpg"), "a\udce9.jpg"),
        File((str(tmp_path / "photos.tar"), 512, 40), "photos.tar/1.jpg", b"\1\2"),
        File(("s3://bucket/1.jpg", 0, 9), "s3://bucket/1.jpg"),
        File(ZipMember("photos.zip", 1, 2, 8, 3, 4), "photos.zip/1.jpg"),
        File(Refused("unsupported", "encrypted"), "photos.zip/2.jpg"),
    ]
    found = list(read_part(write_part(given)))
    assert found == [
        File(tmp_path / "a\udce9.jpg", "a\udce9.jpg"),
        *given[1:3],
        File(ZipMember(str(tmp_path / "photos.zip"), 1, 2, 8, 3, 4), "photos.zip/1.jpg"),
        given[4],
    ]
    assert [type(file.place) for file in found[3:]] == [ZipMember, Refused]


def test_images_that_no_other_process_finds_are_refused():
    kept = File(("/proc/1/fd/3", 0, 9), "photos.tar.gz/1.jpg", held=io.BytesIO())
    (made,) = (each for each in sources([np.zeros((4, 4), np.uint8)]) if isinstance(each, Made))
    for given, shown in ((kept, "photos.tar.gz/1.jpg"), (made, "array")):
        with pytest.raises(DataError) as caught:
            list(split_parts([given], batch=3))
        assert str(caught.value) == (
            f"{shown}: a cluster reads images from files, and this is unpacked or in memory; "
            "unpack it into a folder first"
        )


def test_types_of_parts_agree_on_those_that_hold_all_values():
    one, other = ('{"path": "a", "boxes": []}\n', '{"path": "b", "boxes": [{"score": 0.5}]}\n')
    contents = [to_parquet([line]) for line in (one, other)]
    types = [read_types(content) for content in contents]
    wanted = unify_types(types)
    assert types[0] != types[1] == wanted == unify_types(types[::-1])
    rows = parquet.read_table(io.BytesIO(retype(contents[0], wanted)))
    assert rows.to_pylist() == [{"path": "a", "boxes": []}]
    assert read_types(retype(contents[0], wanted)) == wanted


BY = {"model": "a1", "top": "3"}


@pytest.fixture(params=["", "file://"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}{tmp_path}/found.parquet"


def test_a_folder_that_was_begun_goes_on_by_the_same_command_alone(place: str):
    folder = PartFolder(place)
    about = folder.begin(BY, overwrite=False)
    assert (about, folder.names()) == (About(BY), set())
    folder.keep(about)
    folder.write(listed(0), b"[]")  # a kill while images were listed leaves nothing of worth
    other = {**BY, "top": "5"}
    assert (folder.begin(other, overwrite=False), folder.names()) == (About(other), set())
    about = About(BY, parts=2, images=9)
    folder.keep(about)
    assert PartFolder(place).begin(BY, overwrite=True) == about
    with pytest.raises(OptionError) as caught:
        PartFolder(place).begin({**BY, "top": "5"}, overwrite=True)
    assert str(caught.value) == (
        f"{place} was begun with top 3, and now it is 5; repeat the first command to go on, or "
        "remove it to begin anew"
    )


def test_a_folder_that_is_finished_is_replaced_only_if_asked(place: str):
    folder = PartFolder(place)
    folder.keep(about := About(BY, parts=2, images=9))
    for part in range(2):
        folder.write(named(part), b"rows")
        folder.write(listed(part), b"[]")
    folder.finish(about, 1)
    assert folder.names() == {"_predicted.json", named(0), named(1)}
    with pytest.raises(OptionError) as caught:
        folder.begin(BY, overwrite=False)
    assert str(caught.value) == (f"{place} exists; replace it with --overwrite, or choose another")
    assert folder.begin(BY, overwrite=True) == About(BY)
    assert folder.names() == set()


def test_a_folder_of_others_and_a_file_are_refused(tmp_path: Path):
    home = tmp_path / "found.parquet"
    home.mkdir()
    (home / "mine.txt").touch()
    for make, message in (
        (lambda: None, f"{home} is a folder of other files; name a new one"),
        (lambda: other_file(home), f"{home} is a file, and this writes a folder; name another"),
    ):
        make()
        with pytest.raises(OptionError) as caught:
            PartFolder(str(home)).begin(BY, overwrite=True)
        assert str(caught.value) == message


def other_file(home: Path) -> None:
    (home / "mine.txt").unlink()
    home.rmdir()
    home.touch()


def test_a_folder_that_cannot_be_made_or_read_is_told_in_one_line(tmp_path: Path):
    place = str(tmp_path / "nowhere" / "found.parquet")
    with pytest.raises(StorageError) as caught:
        PartFolder(place).begin(BY, overwrite=False)
    parent = Path(place).parent
    assert str(caught.value) == (
        f"{place}: there is no folder {parent}; make it, or choose another"
    )
    with pytest.raises(StorageError) as caught:
        PartFolder(str(tmp_path)).read(listed(0))
    assert str(caught.value) == (
        f"{tmp_path}: [Errno 2] No such file or directory: '{tmp_path}/_images-000000.json'; look "
        "at the place and the key"
    )
