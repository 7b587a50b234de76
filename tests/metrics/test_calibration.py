"""Calibration errors are torchmetrics', temperatures scikit-learn's, and intervals cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from striate.metrics.calibration import (
    BINS,
    both_sides,
    fit_temperature,
    heat,
    measure_calibration,
)
from striate.metrics.estimates import from_hits
from tests.metrics.peers import torchmetrics


def answered(seed, images, temperature, classes=10, sharp=3.0):
    """Probabilities whose right temperature is the reciprocal of this one, and labels."""
    draw = np.random.default_rng(seed)
    logits = sharp * draw.normal(size=(images, classes))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (right.cumsum(axis=1) < draw.random((images, 1))).sum(axis=1).clip(0, classes - 1)
    return heat(right, temperature).astype(np.float32), labels


def tops(seed, images, temperature, **given):
    """Confidence of the most probable class, and whether it is right."""
    rated, labels = answered(seed, images, temperature, **given)
    return rated.max(axis=1), rated.argmax(axis=1) == labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("classes", [2, 10])
def test_the_error_of_the_most_probable_class_is_that_of_torchmetrics(temperature, classes):
    rated, labels = answered(1, 700, temperature, classes)
    found = measure_calibration(rated.max(axis=1), rated.argmax(axis=1) == labels)
    expected = torchmetrics().multiclass_calibration_error(
        torch.from_numpy(rated), torch.from_numpy(labels), classes, n_bins=BINS, norm="l1"
    )
    assert found.error.value == pytest.approx(float(expected), abs=1e-6)
    assert found.error.n == 700


def labelled(seed, images, temperature, together=0.0, labels=20):
    """Probabilities of labels that go together, and which are there."""
    draw = np.random.default_rng(seed)
    logits = 2 * draw.normal(size=(images, labels)) - 1.5
    noise = math.sqrt(together) * draw.normal(size=(images, 1))
    noise = noise + math.sqrt(1 - together) * draw.normal(size=(images, labels))
    cumulated = (1 + np.vectorize(math.erf)(noise / math.sqrt(2))) / 2
    rated = 1 / (1 + np.exp(-logits / temperature))
    return rated.astype(np.float32), cumulated < 1 / (1 + np.exp(-logits))


def test_the_error_of_labels_is_that_of_torchmetrics_over_all_of_them():
    rated, truth = labelled(1, 200, 0.5)
    found = measure_calibration(rated, truth, two_sided=True)
    expected = torchmetrics().binary_calibration_error(
        torch.from_numpy(rated.ravel()), torch.from_numpy(truth.ravel().astype(int)), n_bins=BINS
    )
    assert found.error.value == pytest.approx(float(expected), abs=1e-6)
    assert (found.error.n, sum(each.count for each in found.bins)) == (200, 4000)


@pytest.mark.parametrize(("temperature", "lean"), [(0.5, "over"), (2.0, "under")])
def test_labels_too_near_to_0_or_1_are_overconfident(temperature, lean):
    assert measure_calibration(*labelled(1, 200, temperature), two_sided=True).lean == lean


def test_a_bin_holds_what_is_counted_by_hand():
    found = measure_calibration(np.array([0.7, 0.72, 0.99, 1.0]), np.array([1, 0, 1, 1]))
    one, other = found.bins
    assert (one.low, one.high, one.count, one.found) == (10 / 15, 11 / 15, 2, 0.5)
    assert one.claimed == pytest.approx(0.71)
    assert (other.high, other.count, other.found) == (1, 2, 1)
    assert found.error.value == pytest.approx((2 * 0.21 + 2 * 0.005) / 4)
    assert (found.claimed, found.found) == (pytest.approx(0.8525), 0.75)


@pytest.mark.parametrize(
    ("temperature", "sharp", "images"),
    [(1.0, 3, 60), (0.5, 3, 60), (0.5, 3, 600), (0.4, 12, 60), (1.6, 3, 600)],
)
def test_the_interval_holds_the_true_error(temperature, sharp, images):
    """The true one is that of a million images; 0.4 and 12 are almost always right."""
    true = measure_calibration(*tops(99, 1_000_000, temperature, classes=4, sharp=sharp))
    found = [
        measure_calibration(*tops(seed, images, temperature, classes=4, sharp=sharp)).error
        for seed in range(200)
    ]
    held = [each.low <= true.error.value <= each.high for each in found]
    assert np.mean(held) >= 0.92


@pytest.mark.parametrize("together", [0.0, 0.9])
def test_probabilities_that_are_right_are_seldom_called_wrong(together):
    leans = [
        measure_calibration(*labelled(seed, 100, 1.0, together), two_sided=True).lean
        for seed in range(200)
    ]
    assert sum(lean != "" for lean in leans) <= 0.12 * len(leans)
    sure = [measure_calibration(*tops(seed, 100, 1.0)).lean for seed in range(200)]
    assert sum(lean != "" for lean in sure) <= 0.06 * len(sure)


def test_of_one_image_or_of_certain_answers_the_interval_is_no_narrower_than_that_of_their_share():
    for shares, hits in (([1.0], [1]), ([1.0], [0]), ([1.0] * 3, [1] * 3), ([1.0] * 3, [0] * 3)):
        found = measure_calibration(np.array(shares), np.array(hits)).error
        low, high = from_hits(sum(hits), len(hits)).bounds
        assert (found.low, found.high) == pytest.approx((1 - high, 1 - low), abs=1e-12)
        assert found.value == 1 - hits[0]
    assert measure_calibration(np.zeros((2, 3)), np.zeros((2, 3), int), two_sided=True).lean == ""


def test_too_high_here_and_too_low_there_is_uneven():
    shares = np.repeat([0.6, 0.95], 400)
    hits = np.repeat([1, 0, 1, 0], [340, 60, 280, 120])
    assert measure_calibration(shares, hits).lean == "uneven"


def test_the_same_numbers_give_the_same_interval():
    shares, hits = tops(3, 300, 0.5)
    assert measure_calibration(shares, hits) == measure_calibration(shares, hits)
    assert (
        measure_calibration(shares, hits, seed=1).error != measure_calibration(shares, hits).error
    )


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_the_temperature_is_that_of_scikit_learn(temperature):
    rated, labels = answered(5, 900, temperature, classes=4)
    logs = np.log(rated.astype(float))
    network = LogisticRegression().fit(logs, labels)
    network.coef_, network.intercept_ = np.eye(4), np.zeros(4)  # its logits are ours
    scaled = CalibratedClassifierCV(
        FrozenEstimator(network), method="temperature", ensemble=False
    ).fit(logs, labels)
    found = fit_temperature(rated, labels)
    beta = scaled.calibrated_classifiers_[0].calibrators[0].beta_
    assert found == pytest.approx(1 / beta, rel=1e-4)
    assert found == pytest.approx(1 / temperature, rel=0.15)
    assert np.allclose(scaled.predict_proba(logs), heat(rated, found), atol=1e-5)


def test_no_temperature_nearby_has_a_lower_log_loss():
    rated, labels = answered(6, 500, 0.4)
    best = fit_temperature(rated, labels)

    def loss(temperature):
        return -np.log(heat(rated, temperature)[np.arange(500), labels]).mean()

    assert loss(best) < min(loss(0.99 * best), loss(1.01 * best), loss(1))
    assert fit_temperature(heat(rated, best), labels) == pytest.approx(1, abs=1e-6)


def test_answers_that_are_all_right_or_no_better_than_a_guess_determine_no_temperature():
    rated = np.float32([[0.9, 0.1], [0.2, 0.8]])
    assert fit_temperature(rated, np.array([0, 1])) == 0
    assert fit_temperature(rated, np.array([1, 0])) == math.inf
    assert fit_temperature(np.full((2, 3), 1 / 3), np.array([1, 0])) == math.inf
    certain = np.float32([[1, 0], [0, 1], [1, 0]])
    assert 1 < fit_temperature(certain, np.array([0, 1, 1])) < 1000


def test_labels_are_answers_of_two_sides():
    rated, truth = labelled(7, 300, 0.5, labels=3)
    sides = both_sides(rated)
    assert np.allclose(sides.sum(axis=-1), 1)
    found = fit_temperature(sides.reshape(-1, 2), truth.ravel().astype(int))
    assert found == pytest.approx(2, rel=0.1)
    logits = np.log(rated) - np.log1p(-rated)
    assert np.allclose(heat(sides, 2)[..., 1], 1 / (1 + np.exp(-logits / 2)), atol=1e-5)
