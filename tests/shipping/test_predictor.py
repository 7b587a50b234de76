"""One row a picture, in the order asked, whatever the pictures are."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from striate import zoo
from striate.data.preprocess import Preprocess
from striate.data.split import Shares
from striate.errors import DataError
from striate.model import Model
from striate.shipping.predictor import Prediction, Predictor
from striate.zoo.spec import NetworkSpec
from tests.data.pictures import FORMATS, STORED_AS, SUFFIXES, corners, encoded, noise, turned

NAMES = ("cat", "dog", "owl", "yak")


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(12)
    network = zoo.build("resnet20", classes=4)
    # Fresh networks say the same of all pictures; larger last weights make them differ.
    network.get_parameter("head.dense.weight").data.mul_(8)
    view = Preprocess(16, 3, "letterbox", (0.5, 0.4, 0.3), (0.25, 0.2, 0.3))
    return Model(network.eval(), NetworkSpec.of("resnet20"), NAMES, view, Shares(0.15, 0.25))


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Twelve different pictures in a folder of their own."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02}.png").write_bytes(encoded(noise(20 + number, 18, seed=number)))
    return sorted(folder.iterdir())


def predicted(model: Model, *paths: str | Path, batch: int = 64, top: int = 3) -> list[Prediction]:
    return list(Predictor(model, top=top, batch=batch, threads=2).predict(paths))


def expected(model: Model, path: Path) -> np.ndarray:
    pixels = torch.from_numpy(model.preprocess.picture(Image.open(path)).copy())
    with torch.inference_mode():
        values = model.preprocess.normalise(pixels[None])
        return model.network(values).softmax(dim=1)[0].numpy()


def test_rows_are_what_the_network_says_in_the_order_asked(
    model: Model, photos: list[Path]
) -> None:
    asked = [*reversed(photos), photos[3], photos[3]]
    rows = predicted(model, *asked)
    assert [row.path for row in rows] == [str(path) for path in asked]
    assert len({row.class_name for row in rows}) > 1
    for row, path in zip(rows, asked, strict=True):
        share = expected(model, path)
        best = np.argsort(-share)[:3]
        assert [name for name, _ in row.top] == [NAMES[label] for label in best]
        np.testing.assert_allclose([p for _, p in row.top], share[best], atol=1e-5)
        assert (row.class_name, row.probability) == row.top[0]
        assert (row.notes, row.error) == ((), "")


@pytest.mark.parametrize("batch", [1, 5, 12])
def test_batches_change_no_row(model: Model, photos: list[Path], batch: int) -> None:
    for one, other in zip(
        predicted(model, *photos), predicted(model, *photos, batch=batch), strict=True
    ):
        assert one.path == other.path
        assert [name for name, _ in one.top] == [name for name, _ in other.top]
        np.testing.assert_allclose(
            [p for _, p in one.top], [p for _, p in other.top], atol=1e-5
        )  # fmt: skip


@pytest.mark.parametrize("top", [1, 2, 4, 1000])
def test_as_many_classes_are_listed_as_asked_for(
    model: Model, photos: list[Path], top: int
) -> None:
    (row,) = predicted(model, photos[0], top=top)
    shares = [share for _, share in row.top]
    assert len(shares) == min(top, 4)
    assert shares == sorted(shares, reverse=True)
    assert len({name for name, _ in row.top}) == len(shares)
    assert top < 4 or sum(shares) == pytest.approx(1, abs=1e-6)


def test_a_folder_stands_for_the_pictures_in_it_at_any_depth(model: Model, tmp_path: Path) -> None:
    root = tmp_path / "holiday"
    for name in ("b.png", "a.jpg", "deep/er/c.png", "deep/b", "notes.txt", ".hidden.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encoded(noise()))
    (root / "link.png").symlink_to(root / "b.png")
    (root / "empty").mkdir()
    rows = predicted(model, root, tmp_path / "holiday" / "b.png")
    found = [str(Path(row.path).relative_to(root)) for row in rows]
    assert found == ["a.jpg", "b.png", "deep/b", "deep/er/c.png", "b.png"]
    assert [row.error for row in rows] == [""] * 5
    assert [row.notes for row in rows] == [("wrong suffix",), (), (), (), ()]
    assert predicted(model, root / "empty") == []


def test_what_cannot_be_read_is_a_row_with_its_error(
    model: Model, photos: list[Path], tmp_path: Path
) -> None:
    whole = encoded(noise())
    bad = {
        "cut.png": (whole[:-20], "truncated: the end of the PNG is missing"),
        "empty.jpg": (b"", "empty"),
        "huge.png": (encoded(Image.new("L", (2000, 1000))),
                     "huge: 2,000 x 1,000 pixels need 2 MB, the limit is 1 MB"),
    }  # fmt: skip
    paths = [photos[0]]
    for name, (content, _) in bad.items():
        (tmp_path / name).write_bytes(content)
        paths += [tmp_path / name]
    paths += [photos[1]]
    rows = list(Predictor(model, batch=2, largest_megabytes=1).predict(paths))
    assert [row.path for row in rows] == [str(path) for path in paths]
    assert [row.error for row in rows] == ["", *(reason for _, reason in bad.values()), ""]
    for row in rows[1:-1]:
        assert row == Prediction(row.path, error=row.error)
    assert rows[-1].class_name in NAMES


def test_strange_files_are_rows_and_nothing_waits(model: Model, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "text.png").write_text("This is not a picture.")
    rows = predicted(model, *(tmp_path / f"{n}.png" for n in ("pipe", "dangling", "text")))
    assert [row.error.partition(":")[0] for row in rows] == [
        "special file",
        "unreadable",
        "not a picture",
    ]


def test_a_path_that_does_not_exist_is_an_error_before_any_row(
    model: Model, photos: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        next(Predictor(model).predict([photos[0], tmp_path / "a\nb.png"]))
    assert str(caught.value) == rf"{tmp_path}/a\nb.png: no such file or folder"
    assert predicted(model) == []


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that everyone may enter, while the process has no rights of its own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        if os.getresuid()[2] == 0:
            os.setresuid(0, 0, 0)
        for path in folder.iterdir():
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_what_may_not_be_read_is_a_row(model: Model, as_nobody: Path, photos: list[Path]) -> None:
    predicted(model, photos[0])  # loads every module while that is allowed
    locked, secret = as_nobody / "locked", as_nobody / "secret.png"
    locked.mkdir()
    (locked / "a.png").write_bytes(encoded(noise()))
    secret.write_bytes(encoded(noise()))
    (as_nobody / "album" / "sealed").mkdir(parents=True)
    (as_nobody / "album" / "a.png").write_bytes(encoded(noise()))
    (as_nobody / "album" / "sealed").chmod(0)
    locked.chmod(0)
    secret.chmod(0)
    if os.geteuid() == 0:
        os.setresuid(65534, 65534, 0)
    rows = predicted(model, locked, secret)
    assert [(row.path, row.error) for row in rows] == [
        (str(locked), "unreadable: permission denied"),
        (str(secret), "unreadable: permission denied"),
    ]
    seen, sealed = predicted(model, as_nobody / "album")
    assert (seen.path, seen.error) == (str(as_nobody / "album/a.png"), "")
    assert sealed.path == str(as_nobody / "album/sealed")
    assert sealed.error == "unreadable: permission denied"
    with pytest.raises(DataError) as caught:
        predicted(model, locked / "a.png")
    assert str(caught.value) == f"{locked / 'a.png'}: no such file or folder"


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_a_turned_copy_is_told_the_same(model: Model, tmp_path: Path, form: str) -> None:
    paths = []
    for orientation in (1, *STORED_AS):
        paths.append(tmp_path / f"{orientation}{SUFFIXES[form]}")
        paths[-1].write_bytes(turned(corners(), orientation, form))
    upright, *others = predicted(model, *paths, batch=1)  # a larger batch may round otherwise
    for row in others:
        assert row.notes == ("rotated",)
        assert replace(row, path=upright.path, notes=()) == upright


def test_a_turned_jpeg_is_told_nearly_the_same(model: Model, tmp_path: Path) -> None:
    paths = []
    for orientation in (1, *STORED_AS):
        paths.append(tmp_path / f"{orientation}.jpg")
        paths[-1].write_bytes(turned(corners(), orientation, "JPEG"))
    upright, *others = predicted(model, *paths)
    for row in others:
        assert [name for name, _ in row.top] == [name for name, _ in upright.top]
        assert row.probability == pytest.approx(upright.probability, abs=0.02)


def test_other_ways_to_hold_a_picture_change_nothing(model: Model, tmp_path: Path) -> None:
    """Lossless formats, transparency over white, and a palette hold the same pixels."""
    image = corners()
    clear = image.convert("RGBA")
    copies = {f"a{SUFFIXES[form]}": encoded(image, form, **FORMATS[form])
              for form in ("PNG", "BMP", "TIFF", "WEBP")}  # fmt: skip
    copies |= {"clear.png": encoded(clear), "few.png": encoded(image.quantize(8))}
    for name, content in copies.items():
        (tmp_path / name).write_bytes(content)
    rows = predicted(model, *(tmp_path / name for name in copies), batch=1)
    assert {replace(row, path="", notes=()) for row in rows} == {
        replace(rows[0], path="", notes=())
    }


def test_any_name_is_told_as_it_is(model: Model, tmp_path: Path) -> None:
    root = tmp_path / "names"
    root.mkdir()
    names = [
        b"caf\xe9.png",
        b"a\nb\tc.png",
        "🐈\u200d👓.png".encode(),
        b"=1+1.png",
        b"-rf",
        b"\x1b[31m",
    ]
    for name in names:
        (root / os.fsdecode(name)).write_bytes(encoded(noise()))
    rows = predicted(model, root)
    assert {os.fsencode(Path(row.path).name) for row in rows} == set(names)
    assert {row.error for row in rows} == {""}


def test_an_answer_that_is_no_number_is_an_error(model: Model, photos: list[Path]) -> None:
    torch.manual_seed(1)
    network = zoo.build("resnet20", classes=4).eval()
    network.get_parameter("head.dense.bias").data[2] = float("nan")
    rows = predicted(replace(model, network=network), *photos[:2])
    assert rows == [
        Prediction(str(path), error="the network's answer is not finite") for path in photos[:2]
    ]


def test_pictures_are_read_a_batch_ahead_and_a_stop_is_clean(
    model: Model, photos: list[Path]
) -> None:
    work = Predictor(model, batch=2, threads=1).predict(photos)
    first = next(work)
    for path in photos[6:]:
        path.unlink()
    assert first.path == str(photos[0])
    assert [row.error for row in work] == [""] * 5 + ["unreadable: no such file or directory"] * 6
    work = Predictor(model, batch=2, threads=1).predict(photos[:6])
    next(work)
    work.close()


def test_a_grey_network_sees_grey(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = zoo.build("lenet5", classes=4).eval()
    view = Preprocess(32, 1, "crop", (0.5,), (0.25,))
    grey = Model(network, NetworkSpec.of("lenet5"), NAMES, view, Shares(0.15, 0.25))
    (tmp_path / "colour.png").write_bytes(encoded(corners()))
    (tmp_path / "grey.png").write_bytes(encoded(corners().convert("L")))
    one, two = predicted(grey, tmp_path)
    assert one.top == two.top


def test_a_row_is_json() -> None:
    row = Prediction("a\nb\udce9", "cat", 0.123456789, (("cat", 0.123456789),), ("rotated",))
    assert row.to_json() == {
        "path": "a\nb\udce9",
        "class": "cat",
        "probability": 0.123457,
        "top": [{"class": "cat", "probability": 0.123457}],
        "notes": ["rotated"],
        "error": "",
    }
