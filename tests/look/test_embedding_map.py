"""Images lie on a map where scikit-learn's components put them, and groups stay together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

import striate
from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, ModelError, OptionError
from striate.look import embedding_map
from striate.look.embedding_map import draw_map, place_images
from striate.model import Model
from striate.plotting.shapes import Circle, Raster, Text
from striate.progress import drain
from striate.tasks import find_task

TASK = find_task("classification")(TargetSpec("label", ("round", "square", "long", "thin")))


def scattered(count: int, size: int) -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.normal(size=(count, size)) * np.arange(size, 0, -1) + 3).astype(np.float32)


@pytest.mark.parametrize(("count", "size"), [(300, 12), (8, 40), (2, 5), (50, 1)])
def test_components_are_those_of_scikit_learn(count: int, size: int):
    features = scattered(count, size)
    known = min(2, count, size)
    peer = PCA(known).fit(features.astype(np.float64))
    expected = peer.transform(features.astype(np.float64))
    found = place_images(features)
    assert np.allclose(np.abs(found.xy[:, :known]), np.abs(expected), atol=1e-4)
    assert not found.xy[:, known:].any()
    share = round(100 * peer.explained_variance_ratio_[0])
    assert found.axes[0] == f"component 1, {share} % of the variance"


def test_tsne_keeps_groups_together_and_its_seed_is_told():
    random = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 20)
    features = (random.normal(size=(60, 30)) + 8 * groups[:, None]).astype(np.float32)
    found = place_images(features, "tsne", seed=5)
    again = place_images(features, "tsne", seed=5)
    assert np.array_equal(found.xy, again.xy)
    apart = np.linalg.norm(found.xy[:, None] - found.xy[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (groups[apart.argmin(axis=1)] == groups).all()
    assert found.method == (
        "t-SNE of scikit-learn, perplexity 19.7, seed 5; distances between groups mean nothing"
    )


def test_a_map_holds_a_dot_for_each_image_and_thumbnails_where_there_is_room(
    photos: Path, model: Model, tmp_path: Path
):
    sheet = drain(draw_map(model, photos))
    embedding = striate.embed(model, photos)
    xy = sheet.arrays["xy"]
    assert np.array_equal(xy, place_images(embedding.features).xy)
    dots = [shape for shape in sheet.picture.shapes if isinstance(shape, Circle)]
    assert len(dots) == len(xy) + 3  # and those of the legend
    legend = {shape.text for shape in sheet.picture.shapes if isinstance(shape, Text)}
    assert set(embedding.class_names) <= legend
    assert sum(isinstance(shape, Raster) for shape in sheet.picture.shapes) == 1
    sheet.write(tmp_path / "map.npz")
    sheet.write(tmp_path / "map.svg")
    with np.load(tmp_path / "map.npz", allow_pickle=False) as file:
        assert tuple(file["paths"]) == embedding.paths


def test_classes_beyond_the_colors_are_rings_and_then_gray():
    names = tuple(f"class {number}" for number in range(20))
    labels = np.repeat(np.arange(20), 3)
    marks = embedding_map._choose_marks(np.concatenate((labels, np.arange(16))))
    assert len({(mark.color, mark.ring) for mark in marks.values()}) == 17
    embedding = replace(_embedding(), class_names=names)
    told = list(embedding_map._explain(marks, embedding))
    assert [name for name, _ in told[7:9]] == ["class 7", "class 8 (rings)"]
    assert told[-1] == ("4 other classes", embedding_map._OTHERS)
    long = tuple(f"a name that only its end tells from others {number}" for number in range(20))
    told = list(embedding_map._explain(marks, replace(embedding, class_names=long)))
    assert len({name for name, _ in told}) == 17


def _embedding() -> striate.prediction.embedding.Embedding:
    return striate.prediction.embedding.Embedding(
        np.zeros((0, 2), np.float32), np.zeros(0, np.int64), np.zeros(0, np.uint8), (), ()
    )


def test_images_that_are_all_the_same_share_a_place():
    found = place_images(np.ones((4, 3), np.float32))
    assert not found.xy.any()
    assert found.axes[0] == "component 1, 0 % of the variance"


def test_a_folder_with_one_image_has_no_map(model: Model, tmp_path: Path):
    (tmp_path / "round").mkdir()
    Image.new("L", (20, 20), 90).save(tmp_path / "round" / "one.png")
    with pytest.raises(DataError) as caught:
        drain(draw_map(model, tmp_path))
    assert str(caught.value) == "a map needs at least 2 images, but 1 came"


def test_bad_features_methods_and_a_missing_library_are_told(monkeypatch: pytest.MonkeyPatch):
    features = scattered(5, 3)
    with pytest.raises(OptionError) as caught:
        place_images(features, "pcaa")  # type: ignore[arg-type]
    assert str(caught.value) == "no method is called 'pcaa'; did you mean 'pca'?"
    monkeypatch.setattr(embedding_map, "find_spec", lambda _: None)
    with pytest.raises(OptionError) as caught:
        place_images(features, "tsne")
    assert str(caught.value) == (
        "t-SNE needs scikit-learn; install it with pip install 'striate[embedding]', or use the "
        "method pca"
    )
    features[1, 2] = np.nan
    with pytest.raises(ModelError) as caught:
        place_images(features)
    assert str(caught.value) == (
        "the features of 1 image are not finite, so they have no place on a map; use other weights"
    )
