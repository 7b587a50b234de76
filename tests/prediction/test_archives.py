"""Images in archives are those in a folder; what is hostile in one is a row, or refused by name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from striate.data.readers import tar_archives
from striate.errors import DataError
from striate.prediction.predictor import Prediction, Predictor
from tests.data.images import encoded, noise
from tests.prediction.brightness import Brightness

IMAGES = {
    "b/2.png": encoded(noise(9, 9, seed=2)),
    "a.jpg": encoded(noise(30, 20, seed=1), "JPEG"),
    "b/broken.png": encoded(noise(9, 9, seed=3))[:60],
    "b/é 🐈.png": encoded(noise(9, 9, seed=4)),
}
#: passed over, as in a folder
OTHERS = ("notes.txt", ".hidden.png", "__MACOSX/b/2.png", "b/Thumbs.db")
PACKED = {".tar": bytes, ".tar.gz": gzip.compress, ".tgz": gzip.compress}
PACKED |= {".tar.bz2": bz2.compress, ".tar.xz": lzma.compress}


def predicted(*paths: object, largest: int = 200) -> list[Prediction]:
    model = Brightness()
    predictor = Predictor(model, batch=3, threads=1, largest_megabytes=largest)  # pyright: ignore
    return list(predictor.predict(paths))


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(members: dict[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, content in members.items():
            head = tarfile.TarInfo(name)
            head.size = len(content)
            archive.addfile(head, io.BytesIO(content))
    return file.getvalue()


def told(rows: list[Prediction], archive: Path) -> list[tuple[str, object, str]]:
    return [(row.path.removeprefix(f"{archive}/"), row.answer, row.error) for row in rows]


@pytest.fixture
def expected(tmp_path: Path) -> list[tuple[str, object, str]]:
    """The rows of the same images as files."""
    for name, content in IMAGES.items():
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_bytes(content)
    rows = predicted([tmp_path / "files" / name for name in IMAGES])
    assert [bool(row.error) for row in rows] == [False, False, True, False]
    return told(rows, tmp_path / "files")


ALL = {**dict.fromkeys(OTHERS, b"other"), **IMAGES}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\nunzip $0\n"])
def test_a_zip_archive_stands_for_its_images_in_their_order(
    tmp_path: Path, expected: list[tuple[str, object, str]], method: int, before: bytes
):
    archive = tmp_path / "photos.ZIP"
    archive.write_bytes(before + zipped({"b/": b"", **ALL}, method))
    assert told(predicted(archive), archive) == expected


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("suffix", PACKED)
def test_a_tar_archive_does_too_packed_or_not(
    tmp_path: Path, expected: list[tuple[str, object, str]], suffix: str, form: int,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setattr(tar_archives, "_SEGMENT", 1000)  # several temporary files
    archive = tmp_path / f"photos{suffix}"
    archive.write_bytes(PACKED[suffix](tarred(ALL, form)))
    assert told(predicted(archive), archive) == expected


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_links_in_a_tar_archive(tmp_path: Path, form: int):
    name = "long/" * 60 + "é.png"
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for kind, target in ((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "a.png")):
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = kind, target * 30
            tar.addfile(link)
        tar.addfile(head := tarfile.TarInfo("folder.png"), None)
        head.type = tarfile.DIRTYPE
        image = IMAGES["a.jpg"]
        head = tarfile.TarInfo(name)
        head.size = len(image)
        tar.addfile(head, io.BytesIO(image))
    archive = tmp_path / "photos.tar"
    archive.write_bytes(file.getvalue())
    assert [(row.path, row.error) for row in predicted(archive)] == [
        (f"{archive}/folder.png", "empty"),
        (f"{archive}/{name}", ""),
    ]


def test_a_zip_archive_with_64_bit_sizes(tmp_path: Path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file, file.open("a.jpg", "w", force_zip64=True) as member:
        member.write(IMAGES["a.jpg"])
    content = archive.read_bytes()
    at = content.index(b"PK\1\2")
    entry = bytearray(content[at : content.index(b"PK\5\6")])
    size, start = len(IMAGES["a.jpg"]), 0
    extra = struct.pack("<2H3Q", 1, 24, size, size, start)
    entry[20:28] = b"\xff" * 8
    entry[42:46] = b"\xff" * 4
    entry[30:32] = struct.pack("<H", len(extra))
    entry = bytes(entry) + extra
    far = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(entry), at)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + len(entry), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *(0xFFFF,) * 2, *(0xFFFFFFFF,) * 2, 0)
    archive.write_bytes(content[:at] + entry + far + locator + end)
    assert [(row.path, row.error) for row in predicted(archive)] == [(f"{archive}/a.jpg", "")]


def encrypted(content: bytes) -> bytes:
    at = content.index(b"PK\1\2")
    return content[: at + 8] + bytes([content[at + 8] | 1]) + content[at + 9 :]


def changed(content: bytes, offset: int, value: bytes) -> bytes:
    """The list of members of a zip archive with a field changed."""
    at = content.index(b"PK\1\2") + offset
    return content[:at] + value + content[at + len(value) :]


JPEG = zipped({"a.jpg": IMAGES["a.jpg"]})
PLACE = JPEG.index(b"PK\1\2")
HOSTILE: dict[str, tuple[bytes, str]] = {
    "encrypted": (encrypted(JPEG), "unsupported: encrypted; unpack it with its password first"),
    "lzma": (
        zipped({"a.jpg": IMAGES["a.jpg"]}, zipfile.ZIP_LZMA),
        "unsupported: packed by method 14; unpack it first",
    ),
    "larger than claimed": (
        changed(JPEG, 24, struct.pack("<L", 100)),
        "unreadable: its bytes are not those packed",
    ),
    "smaller than claimed": (
        changed(JPEG, 24, struct.pack("<L", 9_999)),
        "unreadable: its bytes are not those packed",
    ),
    "another checksum": (
        changed(JPEG, 16, b"1234"),
        "unreadable: its bytes are not those packed",
    ),
    "claims a gigabyte": (
        changed(JPEG, 24, struct.pack("<L", 10**9)),
        "huge: 1,000,000,000 bytes, the limit is 200 MB",
    ),
    "points into nothing": (
        changed(JPEG, 42, struct.pack("<L", 3)),
        "unreadable: the archive is damaged",
    ),
    "points behind its end": (
        changed(JPEG, 42, struct.pack("<L", 10**9)),
        "truncated: {archive} ends before it does",
    ),
    "no deflate": (
        JPEG[:36] + b"\xff" * 200 + JPEG[236:],
        "unreadable: the archive is damaged (Error -3 while decompressing data: "
        "invalid distance too far back)",
    ),
    "blank of a thousand times its size": (
        zipped({"a.bmp": bytes(10**6)}),
        "not an image: it holds only zero bytes",
    ),
    "a zip archive in it": (zipped({"b.zip": JPEG}), "not an image: it looks like a zip archive"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_member_of_a_zip_archive_is_a_row(tmp_path: Path, what: str):
    content, error = HOSTILE[what]
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    assert [row.error for row in predicted(archive)] == [error.format(archive=archive)]


def bomb(length: int) -> bytes:
    """A zip archive whose members are all the same bytes."""
    once = zipped({"a.bmp": bytes(length)})
    at = once.index(b"PK\1\2")
    end = once.index(b"PK\5\6")
    entry, count = once[at:end], 40
    return (
        once[:at]
        + entry * count
        + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entry) * count, at, 0)
    )


REFUSED: dict[str, tuple[bytes, str]] = {
    "a.zip": (b"no archive", "not a zip archive, or its end is missing; make or copy it again"),
    "b.zip": (JPEG[:-30], "not a zip archive, or its end is missing; make or copy it again"),
    "c.zip": (JPEG[10:], "the zip archive is damaged; make or copy it again"),
    "d.zip": (
        JPEG[: PLACE + 2] + b"??" + JPEG[PLACE + 4 :],
        "the zip archive is damaged; make or copy it again",
    ),
    "e.zip": (
        JPEG[:-12] + struct.pack("<H", 7) + JPEG[-10:],
        "the zip archive is damaged; make or copy it again",
    ),
    "f.zip": (bomb(10**6), "its members overlap, as those of a zip bomb do; it is not opened"),
    "g.zip": (
        changed(
            changed(zipped({"a.bmp": b"x", "b.bmp": b"y"}), 24, struct.pack("<L", 2**32 - 2)),
            20,
            b"\1\0\0\0",
        ),
        "claims to hold 4 GB in 0.0 MB, as a zip bomb does; unpack it first if it is none",
    ),
    "h.zip": (
        JPEG[:-18] + b"\1\0" + JPEG[-16:],
        "one part of a zip archive of several; join them first",
    ),
    "i.zip": (zipped({"notes.txt": b""}), "no images in this archive; give one that holds some"),
    "a.tar": (b"no archive", "not a tar archive, or damaged: a header that cannot be read"),
    "b.tar": (tarred({}), "no images in this archive; give one that holds some"),
    "c.tar.gz": (b"no archive", "not a tar archive, or damaged: not a gzipped file (b'no')"),
    "d.tar.gz": (
        gzip.compress(bytes(2 * 10**8)),
        "no images in this archive; give one that holds some",
    ),
    "e.tar.gz": (
        gzip.compress(tarred({"notes.txt": bytes(2 * 10**8)})),
        "not a tar archive, or damaged: it unpacks to more than 200 times its size, as a bomb does",
    ),
    "f.tar.xz": (
        lzma.compress(tarred(IMAGES))[:200],
        "not a tar archive, or damaged: compressed file ended before the end-of-stream marker "
        "was reached",
    ),
    "g.tar": (
        tarred({"a" * 70_000: b""}),
        "not a tar archive, or damaged: a header of 70,001 bytes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_archive_or_a_bomb_is_refused(tmp_path: Path, name: str):
    content, message = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        predicted(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {message}"


def damaged_tar() -> bytes:
    content = tarred(IMAGES)
    at = content.index(b"b/broken.png")
    return content[:at] + b"?" + content[at + 1 :]


@pytest.mark.parametrize(
    ("suffix", "content", "error"),
    [
        (".tar", damaged_tar(), "a header that cannot be read"),
        (".tar.gz", gzip.compress(damaged_tar()), "a header that cannot be read"),
        (
            ".tgz",
            gzip.compress(tarred(IMAGES), compresslevel=0)[: tarred(IMAGES).index(b"b/broken.png")],
            "compressed file ended before the end-of-stream marker was reached",
        ),
    ],
)
def test_where_a_tar_archive_is_damaged_a_row_says_so_and_the_next_input_follows(
    tmp_path: Path, suffix: str, content: bytes, error: str
):
    archive, image = tmp_path / f"a{suffix}", tmp_path / "a.jpg"
    archive.write_bytes(content)
    image.write_bytes(IMAGES["a.jpg"])
    assert [(row.path, row.error) for row in predicted(archive, image)] == [
        (f"{archive}/b/2.png", ""),
        (f"{archive}/a.jpg", ""),
        (str(archive), f"unreadable: the archive is damaged: {error}"),
        (str(image), ""),
    ]


NAMES = ("../../evil.png", "/etc/evil.png", "a\nb.png", "b\\..\\evil.png", "=1+1.png", "x" * 300)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_names_of_members_are_shown_and_nothing_is_written_under_them(
    tmp_path: Path, make: Callable[[dict[str, bytes]], bytes], monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "one" / "two"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    archive = Path("a.zip" if make is zipped else "a.tar")
    archive.write_bytes(make(dict.fromkeys(NAMES, IMAGES["b/2.png"])))
    rows = predicted(archive)
    assert [(row.path, row.error) for row in rows] == [(f"{archive}/{name}", "") for name in NAMES]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [folder / archive]


def test_a_large_member_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    content = tarred({"a.png": IMAGES["b/2.png"], "b.png": bytes(3 * 10**6), **IMAGES})
    for name, packed in (("a.tar", content), ("a.tgz", gzip.compress(content))):
        (tmp_path / name).write_bytes(packed)
        errors = [row.error for row in predicted(tmp_path / name, largest=2)]
        assert errors[1] == "huge: 3,000,000 bytes, the limit is 2 MB"
        assert [bool(error) for error in errors] == [False, True, False, False, True, False]
    monkeypatch.setattr(tar_archives, "_LARGEST", 10**6)
    errors = [row.error for row in predicted(tmp_path / "a.tgz")]
    assert errors[1] == "huge: 3,000,000 bytes; unpack it first"


def test_a_sparse_member_is_refused(tmp_path: Path):
    content = bytearray(tarred({"a.png": b"", "b.png": IMAGES["b/2.png"]}))
    content[156:157] = b"S"
    total = sum(content[:148]) + 8 * 32 + sum(content[156:512])
    content[148:156] = b"%06o\0 " % total
    (tmp_path / "a.tar").write_bytes(content)
    assert [row.error for row in predicted(tmp_path / "a.tar")] == [
        "unsupported: a sparse file; unpack it first",
        "",
    ]


def count_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_temporary_files_are_gone_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tar_archives, "_SEGMENT", 10)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = count_files()
    images = {f"{number}.png": IMAGES["b/2.png"] for number in range(40)}
    (tmp_path / "a.tgz").write_bytes(gzip.compress(tarred(images)))
    assert len(predicted(tmp_path / "a.tgz")) == 40
    assert list(tmp_path.iterdir()) == [tmp_path / "a.tgz"]
    assert count_files() == before
