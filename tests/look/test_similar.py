"""The images that are drawn as similar are those that NumPy finds."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.look.similar import find_similar
from striate.model import Model
from striate.plotting.shapes import Raster, Text
from striate.progress import drain
from striate.tasks import find_task

TASK = find_task("classification")(TargetSpec("label", ("round", "square", "long", "thin")))


@pytest.mark.parametrize("stage", [None, "s2"])
def test_the_nearest_are_those_of_numpy(photos: Path, model: Model, stage: str | None):
    embedding = striate.embed(model, photos, stage=stage)
    sheet = drain(find_similar(model, photos, photos / embedding.paths[7], 4, stage=stage))
    features = embedding.features.astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    cosine = features @ features[7]
    order = np.argsort(-cosine.round(6), kind="stable")[:4]
    assert sheet.arrays["rows"].tolist() == order.tolist()
    assert sheet.arrays["rows"][0] == 7
    np.testing.assert_allclose(sheet.arrays["similarity"], cosine[order], atol=2e-6)
    assert sheet.arrays["paths"].tolist() == [embedding.paths[row] for row in order]
    said = [shape.text for shape in sheet.picture.shapes if isinstance(shape, Text)]
    assert f"{cosine[order[1]]:.3f}" in said
    assert said.count(Path(embedding.paths[7]).name) == 2  # searched for, and found
    assert sum(isinstance(shape, Raster) for shape in sheet.picture.shapes) == 5


def test_an_array_and_a_pil_image_are_searched_for_like_their_file(photos: Path, model: Model):
    file = sorted(photos.rglob("*.png"))[3]
    expected = drain(find_similar(model, photos, file)).arrays["rows"]
    image = Image.open(file)
    for given in (image, np.asarray(image.convert("RGB"))):
        assert drain(find_similar(model, photos, given)).arrays["rows"].tolist() == list(expected)


def test_copies_count_once_and_a_small_folder_gives_what_it_has(model: Model, tmp_path: Path):
    (tmp_path / "round").mkdir()
    first = tmp_path / "round" / "a.png"
    Image.new("L", (20, 20), 90).save(first)
    shutil.copy(first, tmp_path / "round" / "b.png")
    sheet = drain(find_similar(model, tmp_path, first))
    assert sheet.arrays["paths"].tolist() == ["round/a.png"]
    assert str(sheet) == (
        "What lenet5 finds alike. The 1 nearest image of 1, by the cosine of features before the "
        "head (1: the same direction)."
    )


def test_a_folder_without_class_folders_is_searched_too(photos: Path, model: Model, tmp_path: Path):
    loose, named = tmp_path / "holiday", tmp_path / "named" / "all"
    loose.mkdir()
    named.mkdir(parents=True)
    for number, file in enumerate(sorted(photos.rglob("*.png"))[::7]):
        shutil.copy(file, loose / f"{number}.png")
        shutil.copy(file, named / f"{number}.png")
    first = loose / "0.png"
    ours, expected = (
        drain(find_similar(model, folder, first, 99)).arrays for folder in (loose, named.parent)
    )
    found = [
        dict(zip((Path(path).name for path in each["paths"]), each["similarity"], strict=True))
        for each in (ours, expected)
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_what_cannot_be_searched_for_is_told(photos: Path, model: Model, tmp_path: Path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    with pytest.raises(DataError) as caught:
        drain(find_similar(model, photos, broken))
    assert str(caught.value).startswith(f"{broken} cannot be used: ")
    with pytest.raises(DataError) as caught:
        drain(find_similar(model, photos, tmp_path / "none.jpg"))
    assert str(caught.value) == f"{tmp_path / 'none.jpg'}: no such file or folder"
    with pytest.raises(OptionError) as caught:
        drain(find_similar(model, photos, photos))
    assert str(caught.value) == "one image is searched for at a time, but several came"
    with pytest.raises(OptionError) as caught:
        drain(find_similar(model, photos, broken, 0))
    assert str(caught.value) == "at least 1 image has to be asked for, but 0 came"
