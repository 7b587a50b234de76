"""Sets of photographs hold what their archives say, each image in one split, the same each time."""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "photo_sets.py"


def tarred(files: Mapping[str, bytes]) -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w:xz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return file.getvalue()


def package(files: Mapping[str, bytes]) -> bytes:
    """A Debian package: an ar archive, whose members begin at even places."""
    parts = {"debian-binary": b"2.0", "control.tar.xz": b"odd", "data.tar.xz": tarred(files)}
    members = (
        f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(content):<10}`\n".encode()
        + content
        + b"\n" * (len(content) % 2)
        for name, content in parts.items()
    )
    return b"!<arch>\n" + b"".join(members)


def image(width: int, height: int, mode: str = "RGB", suffix: str = "PNG") -> bytes:
    with io.BytesIO() as file:
        Image.new(mode, (width, height)).save(file, suffix)
        return file.getvalue()


def made(name: str, archive: bytes, place: Path) -> list[str]:
    """What the program writes, by path."""
    (place / "archive").write_bytes(archive)
    command = [sys.executable, PROGRAM, name, place / "archive", place / "made"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = (path for path in (place / "made").rglob("*") if path.is_file())
    return sorted(str(path.relative_to(place / "made")) for path in found)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file)


def box(kind: str, left: int, top: int, right: int, bottom: int) -> str:
    edges = f"<xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax>"
    return f"<object><name>{kind}</name><bndbox>{edges}</bndbox></object>"


def test_cells_are_cut_out_square_and_only_the_first_red_one_of_a_picture(tmp_path: Path):
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[300:420, 100:300] = 200
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "JPEG", quality=95)
        picture = file.getvalue()
    boxes = [
        box("RBC", 0, 0, 50, 40),
        box("WBC", 100, 300, 300, 420),
        box("RBC", 200, 200, 300, 300),
        box("Platelets", 600, 470, 640, 480),
    ]
    files = {
        "BCCD/JPEGImages/a.jpg": picture,
        "BCCD/Annotations/a.xml": f"<annotation>{''.join(boxes)}</annotation>".encode(),
        "BCCD/ImageSets/Main/val.txt": b"a\n",
        "BCCD/ImageSets/Main/trainval.txt": b"a\n",
    }
    written = made("cells", tarred(files), tmp_path)
    assert written == [
        "validation/Platelets/a-3.jpg", "validation/RBC/a-0.jpg", "validation/WBC/a-1.jpg",
    ]  # fmt: skip
    platelet, red, white = (read(tmp_path / "made" / name) for name in written)
    assert (platelet.shape, red.shape, white.shape) == ((96, 96, 3), (96, 96, 3), (200, 200, 3))
    rows = white[:, 100, 0] > 100
    assert (rows[:38].any(), rows[42:158].all(), rows[162:].any()) == (False, True, False)


def test_stamps_lie_on_white_without_drawings_and_mirror_images(tmp_path: Path):
    place = "./usr/share/tuxpaint/stamps"
    names = ["animals/birds/emu", "food/fruit/fig", "household/pan", "household/pan_mirror"]
    names += ["animals/cartoon/cat", "symbols/shapes/star", "vehicles/toys/car"]
    archive = package({f"{place}/{name}.png": image(700, 350, "RGBA") for name in names})
    written = made("stamps", archive, tmp_path)
    assert [name.partition("/")[2] for name in written] == [
        "animals/animals-birds-emu.jpg", "plants/food-fruit-fig.jpg", "things/household-pan.jpg",
    ]  # fmt: skip
    emu = read(tmp_path / "made" / written[0])
    assert (emu.shape, emu.min()) == ((256, 512, 3), 255)


def catalog(objects: Mapping[tuple[str, int], int]) -> bytes:
    """Stellarium's catalog, as Qt writes it, with the type of each object."""
    numbers = ["NGC", "IC", "M", "C", "B", "Sh2", "VdB", "RCW", "LDN", "LBN", "Cr", "Mel", "PGC"]
    numbers.append("UGC")
    text = struct.pack(">I", 8) + "3.16".encode("utf-16-be")
    rows = [text, struct.pack(">I", 0)]
    for index, ((name, number), kind) in enumerate(objects.items()):
        own = [number if name == other else 0 for other in numbers]
        rows.append(struct.pack(">I4dI", index, *[0.5] * 4, kind) + text)
        rows.append(struct.pack(">2dI6d14I", *[0.5] * 2, 90, *[0.5] * 6, *own))
        rows.append(text + struct.pack(">2I", 1, 2) + text * 6 + struct.pack(">I", 0xFFFFFFFF))
        rows.append(struct.pack(">5I", *[3] * 5))
    return gzip.compress(b"".join(rows))


@pytest.fixture
def sky() -> bytes:
    """Forty galaxies and what else is there."""
    place = "./usr/share/stellarium/nebulae/default"
    objects = {("M", 1): 18, ("NGC", 7): 28, ("Sh2", 101): 17, ("IC", 5): 6}
    objects |= {("NGC", number): number % 2 for number in range(100, 140)}
    names = ["m1dumont", "n7", "sh2-101-vasey", "ic5", "n99", "pleiades"]
    names += [f"n{number}" for number in range(100, 140)]
    files = {f"{place}/{name}.png": image(64, 64, "L") for name in names}
    return package(files | {f"{place}/catalog.dat": catalog(objects), "./else.png": image(9, 9)})


def test_objects_of_the_sky_are_sorted_by_the_type_that_the_catalog_has(sky: bytes, tmp_path: Path):
    written = made("deep-sky", sky, tmp_path)
    kinds = {name.split("/")[2]: name.split("/")[1] for name in written}
    assert kinds == {
        "m1dumont.jpg": "nebula",
        "sh2-101-vasey.jpg": "nebula",
        "ic5.jpg": "cluster",
        **{f"n{number}.jpg": "galaxy" for number in range(100, 140)},
    }


def test_each_class_is_cut_by_its_names_into_the_shares(sky: bytes, tmp_path: Path):
    written = [name for name in made("deep-sky", sky, tmp_path) if "/galaxy/" in name]
    counts = [sum(name.startswith(part) for name in written) for part in ("tr", "va", "te")]
    assert counts == [17, 6, 17]
    assert written[:2] == ["test/galaxy/n102.jpg", "test/galaxy/n103.jpg"]
