"""Distances between sets of images, against SciPy's matrix root and a search by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from striate.metrics.frechet import Moments, find_covered, find_nearest, measure_frechet


def features(seed: int, images: int = 60, size: int = 7) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(images, size)) @ random.normal(size=(size, size)) + seed


def test_the_frechet_distance_is_that_of_its_formula():
    one, other = features(0), features(1)
    means, covariances = (
        [function(each) for each in (one, other)]
        for function in (lambda x: x.mean(axis=0), lambda x: np.cov(x, rowvar=False))
    )
    root = sqrtm(covariances[0] @ covariances[1]).real
    wanted = ((means[0] - means[1]) ** 2).sum() + np.trace(sum(covariances) - 2 * root)
    assert measure_frechet(Moments.of(one), Moments.of(other)) == pytest.approx(wanted, rel=1e-9)


def test_images_are_at_no_distance_from_themselves():
    some = Moments.of(features(3))
    assert measure_frechet(some, some) == pytest.approx(0, abs=1e-9)


def test_a_shift_alone_is_at_its_squared_length():
    some = features(2)
    far = measure_frechet(Moments.of(some), Moments.of(some + 3))
    assert far == pytest.approx(9 * some.shape[1], rel=1e-9)


def test_moments_of_parts_add_up():
    whole, parts = features(4), np.array_split(features(4), 7)
    total, products = sum(p.sum(axis=0) for p in parts), sum(p.T @ p for p in parts)
    summed, direct = Moments.of_sums(len(whole), total, products), Moments.of(whole)
    np.testing.assert_allclose(summed.covariance, direct.covariance)
    np.testing.assert_allclose(summed.mean, direct.mean)


def test_one_image_has_no_distance():
    assert math.isnan(measure_frechet(Moments.of(features(0)), Moments.of(features(0, images=1))))


def test_what_is_covered_lies_as_near_as_the_third_neighbor():
    points, others = features(0, images=1500), features(1, images=1300) - 1
    reach = np.sort(cdist(others, others), axis=1)[:, 3]
    wanted = (cdist(points, others) <= reach).any(axis=1)
    assert 0.1 < wanted.mean() < 0.9
    assert (find_covered(points, others) == wanted).all()


def test_nothing_is_covered_by_fewer_images_than_neighbors():
    assert not find_covered(features(0), features(0, images=3)).any()


def test_the_nearest_is_found():
    points, others = features(0), features(1)
    assert (find_nearest(points, others) == cdist(points, others).argmin(axis=1)).all()
