"""The nearest images are those of the largest cosine similarity."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from striate.errors import ModelError
from striate.prediction import neighbors
from striate.prediction.neighbors import distinct_rows, find_neighbors


def test_neighbors_are_those_of_scikit_learn_across_blocks(monkeypatch):
    monkeypatch.setattr(neighbors, "_IMAGES", 64)
    monkeypatch.setattr(neighbors, "_QUERIES", 7)
    draw = np.random.default_rng(2)
    features, queries = draw.normal(size=(500, 12)), draw.normal(size=(40, 12))
    found = find_neighbors(queries.astype(np.float32), features.astype(np.float32), 5)
    reference = NearestNeighbors(n_neighbors=5, metric="cosine", algorithm="brute").fit(features)
    distances, rows = reference.kneighbors(queries)
    assert np.array_equal(found.rows, rows)
    np.testing.assert_allclose(found.similarity, 1 - distances, atol=2e-6)


def test_of_equally_near_images_the_first_comes_first(monkeypatch):
    monkeypatch.setattr(neighbors, "_IMAGES", 4)
    features = np.tile(np.float32([[1, 2, 3], [2, 4, 6], [-1, 0, 1]]), (4, 1))
    found = find_neighbors(np.float32([[3, 6, 9]]), features, 5)
    assert found.rows.tolist() == [[0, 1, 3, 4, 6]]
    assert found.similarity.tolist() == [[1, 1, 1, 1, 1]]


def test_fewer_images_than_asked_for_are_all_returned():
    found = find_neighbors(np.eye(2, dtype=np.float16), np.eye(2, dtype=np.float16), 3)
    assert found.rows.tolist() == [[0, 1], [1, 0]]
    assert find_neighbors(np.ones((2, 3)), np.ones((0, 3)), 3).rows.shape == (2, 0)


def test_features_that_are_all_0_are_near_to_nothing():
    found = find_neighbors(np.zeros((1, 2)), np.float32([[1, 0], [0, 1]]), 1)
    assert found.similarity.tolist() == [[0]]


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ModelError) as error:
        find_neighbors(np.ones((1, 2)), np.array([[1, 2], [np.nan, 1], [np.inf, 3]]), 1)
    assert str(error.value) == (
        "the features of 2 images are not finite, so nothing is near to them; use other weights"
    )


def test_copies_are_left_out_but_the_first():
    contents = np.zeros((5, 32), np.uint8)
    contents[:, 31] = (7, 0, 7, 3, 0)
    assert distinct_rows(contents).tolist() == [0, 1, 3]
