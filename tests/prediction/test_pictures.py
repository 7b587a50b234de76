"""Masks and overlays as files, named as their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.cache.read_files import File
from striate.errors import DataError, OptionError, StorageError
from striate.prediction.pictures import name_files, write_masks, write_overlays
from striate.prediction.predictor import Prediction
from tests.data.images import noise
from tests.prediction.map_models import make_model
from tests.prediction.test_predictor import model as classifier  # noqa: F401 - a fixture


@pytest.fixture
def streets(tmp_path):
    folder = tmp_path / "streets"
    (folder / "north").mkdir(parents=True)
    noise(50, 40, seed=1).save(folder / "a.png")
    noise(50, 40, seed=2).save(folder / "a.jpg")
    noise(20, 60, seed=3).save(folder / "north" / "b.png")
    return folder


def answered(*paths):
    answer = make_model().task.answer(np.zeros((4, 4), np.uint8), 3)
    return [Prediction(path, answer) for path in paths]


def test_masks_lie_as_their_images_do_in_the_size_and_colors_of_these(streets, tmp_path):
    model, out = make_model(), tmp_path / "masks"
    rows = striate.predict(model, streets, masks=out)
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*.*"))
    assert written == ["a-2.png", "a.png", "north/b.png"]
    tall = Image.open(out / "north" / "b.png")
    assert (tall.size, tall.mode) == ((20, 60), "P")
    assert np.array_equal(np.asarray(tall), rows[2].mask)
    assert set(np.unique(rows[2].mask)) <= {0, 1, 2}
    assert tuple(tall.getpalette()[:3]) == (0xE6, 0x9F, 0x00)


def test_overlays_are_the_images_under_the_colors_of_their_masks(streets, tmp_path):
    (streets / "broken.png").write_bytes(b"no image")
    pixels = np.asarray(noise(50, 40, seed=1))
    rows = striate.predict(make_model(), streets, pixels, overlays=tmp_path / "over")
    assert len(rows) == 5
    out = tmp_path / "over"
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*.*"))
    assert written == ["a-2.png", "a.png", "array.png", "north/b.png"]
    (answer,) = [row.answer for row in rows if row.path.endswith("a.png")]
    for name in ("a-2.png", "array.png"):
        assert np.array_equal(np.asarray(Image.open(out / name)), answer.draw(pixels))


def test_an_image_that_changed_since_it_was_predicted_has_no_overlay(tmp_path):
    noise(4, 3, seed=1).save(tmp_path / "a.png")
    noise(4, 4, seed=1).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no image")
    places = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    files, names = [File(place, place.name) for place in places], [Path(p.name) for p in places]
    with pytest.raises(DataError) as error:
        write_overlays(tmp_path / "over", answered("a.png", "b.png", "c.png"), names, files, 100)
    assert str(error.value) == (
        "a.png: could not be read again as it was predicted, so it has no overlay; "
        "2 overlays of 3 missing"
    )
    assert [path.name for path in (tmp_path / "over").iterdir()] == ["b.png"]


def test_a_picture_never_replaces_another_of_the_same_command(streets, tmp_path):
    (streets / "over").mkdir()
    noise(50, 40, seed=4).save(streets / "over" / "a.png")
    out = tmp_path / "out"
    with pytest.raises(StorageError) as error:
        striate.predict(make_model(), streets, masks=out, overlays=out / "over")
    assert str(error.value) == (f"{out}/over/a.png: exists already; name a folder that holds none")
    with Image.open(out / "over" / "a.png") as kept:
        assert kept.mode == "P"  # the mask


def test_files_are_named_below_the_folder_that_holds_all_images():
    def named(*images: str) -> list[str]:
        return list(map(str, name_files(images)))

    rows = named("x/a/1.jpg", "x/b/1.jpg", "x/a/1.png", "x/a/1.tif", "x/a/1-2.png", "x/1.gif")
    assert rows == ["a/1.png", "b/1.png", "a/1-2.png", "a/1-3.png", "a/1-2-2.png", "1.png"]
    assert named("../one.jpg") == ["one.png"]
    memory = named("x/a/1.jpg", "array", "array", "x/a/2.jpg")
    assert memory == ["1.png", "array.png", "array-2.png", "2.png"]


@pytest.mark.parametrize("name", ["masks", "overlays"])
def test_an_answer_that_is_no_picture_is_not_written(classifier, streets, tmp_path, name):  # noqa: F811
    with pytest.raises(OptionError) as error:
        striate.predict(classifier, streets, **{name: tmp_path / "masks"})
    assert str(error.value) == (
        f"the model answers with a class, which is no picture; leave {name} out"
    )
    assert not (tmp_path / "masks").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "masks").write_text("in the way")
    with pytest.raises(StorageError) as error:
        write_masks(tmp_path / "masks", answered("a.png"), [Path("a.png")])
    assert str(error.value) == (f"{tmp_path}/masks: file exists; choose another folder")


def test_the_table_has_a_column_for_each_class(streets, tmp_path):
    striate.predict(make_model(), streets / "a.png", out=tmp_path / "all.csv")
    head, row = (tmp_path / "all.csv").read_text("utf-8").splitlines()
    assert head == "path,share of road,share of sky,share of car,error,notes"
    shares = [float(cell) for cell in row.split(",")[1:4]]
    assert sum(shares) == pytest.approx(1, abs=2e-6)
