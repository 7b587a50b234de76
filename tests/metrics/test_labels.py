"""Several labels an image: ranked, decided, and each with its own threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from striate.metrics.estimates import from_hits
from striate.metrics.labels import (
    choose_thresholds,
    estimate_answers,
    estimate_ranking,
    find_judged,
)
from tests.metrics.peers import coverage, torchmetrics

PREVALENCE = np.array([0.5, 0.2, 0.05, 0.3])


def labeled(seed, images=300):
    """Scores (N, 4) of labels that come together, since what is hard is hard for all of them."""
    draw = np.random.default_rng(seed)
    truth = (draw.random((images, 4)) < PREVALENCE).astype(np.uint8)
    hard = draw.random((images, 1)) < 0.5
    scores = draw.normal(size=(images, 4)) + truth * np.where(hard, 0.5, 2.5)
    return (1 / (1 + np.exp(-scores))).astype(np.float32), truth


@pytest.mark.parametrize("seed", range(3))
def test_rankings_agree_with_scikit_learn_and_torchmetrics(seed):
    scores, truth = labeled(seed)
    found = estimate_ranking(scores, truth)
    values = [each.value for each in found.labels]
    expected = reference.average_precision_score(truth, scores, average=None)
    np.testing.assert_allclose(values, expected, atol=1e-9)
    assert found.mean.value == pytest.approx(expected.mean(), abs=1e-9)
    given = torch.from_numpy(scores), torch.from_numpy(truth).long()
    peer = torchmetrics().multilabel_average_precision(*given, num_labels=4, average=None)
    np.testing.assert_allclose(values, peer.numpy(), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_answers_agree_with_scikit_learn_and_torchmetrics(seed):
    scores, truth = labeled(seed)
    thresholds = np.array([0.5, 0.6, 0.7, 0.8], np.float32)
    found, called = estimate_answers(scores, truth, thresholds, resamples=2), scores >= thresholds
    for name in ("f1", "precision", "recall"):
        expected = getattr(reference, f"{name}_score")(truth, called, average=None)
        values = [each.value for each in getattr(found, name)]
        np.testing.assert_allclose(values, expected, atol=1e-9)
    for name in ("micro", "macro"):
        value = getattr(found, f"{name}_f1").value
        expected = reference.f1_score(truth, called, average=name)
        assert value == pytest.approx(expected, abs=1e-9)
        given = torch.from_numpy(called.astype(int)), torch.from_numpy(truth).long()
        peer = torchmetrics().multilabel_f1_score(*given, num_labels=4, average=name)
        assert value == pytest.approx(float(peer), abs=1e-6)
    exact = reference.accuracy_score(truth, called)
    assert found.exact_match.value == pytest.approx(exact, abs=1e-9)


def test_answers_by_hand():
    truth = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 0], [1, 0, 1]])
    called = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]])
    found = estimate_answers(called.astype(float), truth, np.full(3, 0.5))
    assert [each.value for each in found.f1[::2]] == pytest.approx([2 / 3, 2 / 3])
    assert math.isnan(found.f1[1].value)
    assert found.macro_f1.value == pytest.approx(2 / 3)
    assert found.micro_f1.value == pytest.approx(6 / 10)
    assert found.exact_match == from_hits(0, 4)
    assert [found.precision[at] for at in (0, 1)] == [from_hits(2, 3), from_hits(0, 1)]
    assert (found.recall[0], found.recall[2]) == (from_hits(2, 3), from_hits(1, 2))
    assert math.isnan(found.recall[1].value)
    assert found.recall[1].low is None


def test_a_label_without_positives_is_undefined_and_left_out_of_the_mean():
    scores, truth = labeled(0)
    truth[:, 2] = 0
    found = estimate_ranking(scores, truth)
    assert math.isnan(found.labels[2].value)
    assert found.labels[2].low is None
    rest = estimate_ranking(scores[:, [0, 1, 3]], truth[:, [0, 1, 3]])
    assert found.mean == rest.mean
    assert np.isnan(choose_thresholds(scores, truth)).tolist() == [False, False, True, False]


def test_a_label_without_negatives_is_undefined_and_left_out_of_the_mean():
    scores, truth = labeled(0)
    truth[:, 2] = 1
    found = estimate_ranking(scores, truth)
    assert math.isnan(found.labels[2].value)
    rest = estimate_ranking(scores[:, [0, 1, 3]], truth[:, [0, 1, 3]])
    assert found.mean == rest.mean
    assert find_judged(truth).tolist() == [True, True, False, True]
    assert np.isnan(choose_thresholds(scores, truth)).tolist() == [False, False, True, False]


def test_images_of_a_label_without_negatives_are_no_proof_of_a_perfect_ranking():
    truth = np.array([[1, 1], [1, 1], [0, 1], [0, 1], [0, 1]])
    found = estimate_ranking(truth.astype(float), truth)
    assert (found.mean.value, found.mean.low, found.mean.high) == (1, from_hits(2, 2).low, 1)


def test_without_any_positive_nothing_is_known():
    scores, truth = np.full((3, 2), 0.5), np.zeros((3, 2), int)
    ranking, answers = (
        estimate_ranking(scores, truth),
        estimate_answers(scores, truth, np.array([0.0, 1])),
    )
    for each in (ranking.mean, answers.micro_f1, answers.macro_f1):
        assert math.isnan(each.value)
        assert (each.low, each.high, each.n) == (None, None, 3)
    assert answers.exact_match.value == 0


def test_perfect_rankings_are_no_proof():
    truth = np.array([[1, 0], [1, 1], [0, 0], [0, 0], [0, 1]])
    found = estimate_ranking(truth.astype(float), truth)
    assert (found.mean.value, found.mean.low, found.mean.high) == (1, from_hits(3, 3).low, 1)


def test_each_threshold_is_the_best_of_its_label():
    scores, truth = labeled(1, images=60)
    thresholds = choose_thresholds(scores, truth)
    best = estimate_answers(scores, truth, thresholds, resamples=2)
    for found, own, positive in zip(best.f1, scores.T, truth.T, strict=True):
        every = [reference.f1_score(positive, own >= each) for each in own]
        assert found.value == pytest.approx(max(every))


def test_the_interval_of_the_mean_covers_it_as_often_as_it_says():
    known = estimate_ranking(*labeled(1000, 400_000)).mean.value
    covered = coverage(lambda seed: estimate_ranking(*labeled(seed, 500)).mean, known)
    assert 0.9 <= covered <= 0.99


@pytest.mark.parametrize("name", ["micro_f1", "macro_f1"])
def test_the_intervals_of_f1_cover_it_as_often_as_they_say(name):
    thresholds = np.full(4, 0.6)

    def estimate(seed, images=200, resamples=200):
        found = estimate_answers(*labeled(seed, images), thresholds, resamples=resamples)
        return getattr(found, name)

    assert 0.9 <= coverage(estimate, estimate(1000, 200_000, 2).value) <= 0.99
