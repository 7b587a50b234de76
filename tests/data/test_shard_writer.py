"""Images are packed whole or not at all, always to the same bytes, as WebDataset reads them."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import re
import resource
import tarfile
from pathlib import Path

import numpy as np
import pytest

import striate
from striate.cli import main
from striate.data import shard_writer
from striate.data.readers.scan import scan
from striate.errors import BusyError, DataError, OptionError, StorageError
from striate.storage import lock
from tests.data.images import class_folders, encoded, noise


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    class_folders(tmp_path / "photos", {"cat": 5, "dog": 4})
    (tmp_path / "photos" / "dog" / "a.b.c.jpeg").write_bytes(encoded(noise(seed=70), "JPEG"))
    (tmp_path / "photos" / "dog" / "odd.png").write_bytes(encoded(noise(seed=71), "JPEG"))
    (tmp_path / "photos" / "cat" / "bad.jpg").write_bytes(b"this is text")
    return tmp_path / "photos"


def members(folder: Path) -> dict[str, bytes]:
    """Name -> content of every file in the shards, in their order."""
    found = {}
    for shard in sorted(folder.glob("shard-*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                assert member.isreg()
                assert member.name not in found
                content = tar.extractfile(member)
                assert content
                found[member.name] = content.read()
    return found


def hashes(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}


def test_shards_hold_the_bytes_of_every_usable_image(photos: Path, tmp_path: Path):
    summary = striate.pack(photos, tmp_path / "shards")
    assert (summary.images, summary.classes, summary.shards) == (11, 2, 1)
    assert [(f.kind, f.path) for f in summary.left_out] == [("not an image", "cat/bad.jpg")]
    found = members(tmp_path / "shards")
    assert len(found) == 3 * 11
    for name, content in found.items():
        stem, suffix = name.split(".")
        if suffix == "json":
            about = json.loads(content)
            (data,) = (found[f"{stem}.{s}"] for s in ("jpg", "png") if f"{stem}.{s}" in found)
            assert data == (photos / about["path"]).read_bytes()
            assert about["path"].split("/")[0] == about["class"]
            assert int(found[f"{stem}.cls"]) == ["cat", "dog"].index(about["class"])
    assert {name.split(".")[1] for name in found} == {"png", "jpg", "cls", "json"}


def test_a_sample_is_a_run_of_names_up_to_their_first_dot(photos: Path, tmp_path: Path):
    """The rule of the webdataset library, whose own reader this was tried with."""
    striate.pack(photos, tmp_path / "shards")
    names = list(members(tmp_path / "shards"))
    stems = [re.fullmatch(r"(\d{10})\.(jpg|png|cls|json)", name) for name in names]
    groups = [stem.group(1) for stem in stems if stem]
    assert groups == [group for group in dict.fromkeys(groups) for _ in range(3)]
    assert len(names) == len(groups)


def test_the_same_images_give_the_same_bytes(photos: Path, tmp_path: Path):
    for name in ("one", "other"):
        striate.pack(photos, tmp_path / name, megabytes=1)
        photos = photos.rename(tmp_path / "moved")
    assert hashes(tmp_path / "one") == hashes(tmp_path / "other")


def test_shards_are_of_the_size_that_was_asked_for(tmp_path: Path):
    class_folders(tmp_path / "photos", {"cat": 12, "dog": 12}, side=300)
    assert striate.pack(tmp_path / "photos", tmp_path / "shards", megabytes=1).shards > 1
    sizes = [file.stat().st_size for file in (tmp_path / "shards").glob("*.tar")]
    assert max(sizes) <= 10**6
    assert len(members(tmp_path / "shards")) == 3 * 24


def test_the_index_tells_where_every_image_begins(photos: Path, tmp_path: Path):
    striate.pack(photos, tmp_path / "shards")
    before, after = scan(photos), scan(tmp_path / "shards")
    assert after.shards is not None
    usable = [sample for sample in before.samples if sample.path != "cat/bad.jpg"]
    assert after.samples == usable
    assert after.class_names == before.class_names
    for row, image in enumerate(usable):
        file, start, length = after.shards.locate(row)
        data = Path(file).read_bytes()[start : start + length]
        assert data == (photos / image.path).read_bytes()
    assert isinstance(np.load(tmp_path / "shards" / "index.npy", mmap_mode="r"), np.memmap)


def test_shards_can_be_packed_anew(photos: Path, tmp_path: Path):
    striate.pack(photos, tmp_path / "one")
    striate.pack(tmp_path / "one", tmp_path / "other", megabytes=7)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "other")


def test_what_exists_is_not_touched(photos: Path, tmp_path: Path):
    (tmp_path / "shards").mkdir()
    with pytest.raises(OptionError) as caught:
        striate.pack(photos, tmp_path / "shards")
    assert str(caught.value) == (
        f"{tmp_path}/shards: exists already; remove it, or choose another place with --to"
    )


def test_images_of_which_none_can_be_used_are_refused(tmp_path: Path):
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "1.jpg").write_bytes(b"nothing")
    with pytest.raises(DataError) as caught:
        striate.pack(tmp_path / "photos", tmp_path / "shards")
    assert str(caught.value) == (
        f"{tmp_path}/photos: none of 2 images can be used; `striate check` says why"
    )
    assert not list(tmp_path.glob("shards*"))


def test_an_array_is_packed_already(tmp_path: Path):
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 8, 8), np.uint8), y=np.array([0, 1, 0, 1]))
    with pytest.raises(DataError) as caught:
        striate.pack(tmp_path / "a.npz", tmp_path / "shards")
    assert str(caught.value) == f"{tmp_path}/a.npz: NPZ is one array already; train on it as it is"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.write_bytes(encoded(noise(seed=99))), "changed while it was packed; "
         "pack again when it rests"),
        (Path.unlink, "unreadable (no such file or directory) since it was looked at; pack again"),
    ],
)  # fmt: skip
def test_an_image_that_changes_meanwhile_leaves_nothing(
    change, said: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usual = shard_writer.decode_records

    def decoded(*given, **options):
        records = yield from usual(*given, **options)
        change(photos / "cat" / "000.png")
        return records

    name = next(photos.glob("cat/*0.png")).name
    (photos / "cat" / name).rename(photos / "cat" / "000.png")
    monkeypatch.setattr(shard_writer, "decode_records", decoded)
    with pytest.raises(DataError) as caught:
        striate.pack(photos, tmp_path / "shards")
    assert str(caught.value) == f"cat/000.png: {said}"
    assert not list(tmp_path.glob("shards*"))


@pytest.mark.parametrize("room", [0, 10, 3000])
def test_a_disk_without_room_leaves_nothing(room: int, photos: Path, tmp_path: Path):
    def files() -> list[Path]:
        return sorted(tmp_path.rglob("*"))

    before, limits = files(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(StorageError):
            striate.pack(photos, tmp_path / "shards")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files() == before


def test_a_full_disk_leaves_nothing(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def fileno(self) -> int:
            return 1

    usual = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, *a, **k: Full() if self.suffix == ".tar" else usual(self, *a, **k),
    )
    with pytest.raises(StorageError) as caught:
        striate.pack(photos, tmp_path / "shards")
    assert str(caught.value) == (
        f"{tmp_path}/shards.partial/shard-000000.tar: the disk is full; make room, or choose "
        "another place with --to"
    )
    assert not list(tmp_path.glob("shards*"))


def test_what_a_kill_left_is_swept(photos: Path, tmp_path: Path):
    (tmp_path / "shards.partial").mkdir()
    (tmp_path / "shards.partial" / "shard-000007.tar").write_bytes(b"half")
    (tmp_path / "shards.lock").write_text("process 12 on here")
    striate.pack(photos, tmp_path / "shards")
    assert sorted(file.name for file in (tmp_path / "shards").iterdir()) == [
        "index.npy", "paths.bin", "shard-000000.tar", "shards.json"
    ]  # fmt: skip
    assert [file.name for file in tmp_path.glob("shards*")] == ["shards"]


def test_two_processes_do_not_write_one_folder(photos: Path, tmp_path: Path):
    with lock(tmp_path / "shards.lock", "held"), pytest.raises(BusyError) as caught:
        striate.pack(photos, tmp_path / "shards")
    assert str(caught.value).startswith(f"{tmp_path}/shards.partial is in use by process ")


def test_the_command_tells_what_was_packed(photos: Path, tmp_path: Path, capsys):
    assert main(["pack", str(photos), "--to", str(tmp_path / "shards")]) == 0
    size = (tmp_path / "shards" / "shard-000000.tar").stat().st_size
    assert capsys.readouterr().out == (
        f"{tmp_path}/shards: 11 images of 2 classes in 1 shard, {size / 1e6:.1f} MB\n"
        "1 file is left out; `striate check` names them and says why\n"
    )
    assert main(["pack", str(photos), "--to", str(tmp_path / "other"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "folder": f"{tmp_path}/other",
        "images": 11,
        "classes": 2,
        "shards": 1,
        "bytes": size,
        "left_out": [
            {"kind": "not an image", "path": "cat/bad.jpg", "detail": "it looks like text"}
        ],
    }
