"""Two classes: curves, areas and thresholds, ties and missing classes included."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn import metrics as reference

from striate.metrics import binary
from striate.metrics.binary import Counts
from striate.metrics.estimates import Estimate, from_hits
from tests.metrics.peers import coverage, scored, torchmetrics

#: from the highest score down: right, right, wrong with a right one beside it, wrong, right
SCORES = np.array([0.9, 0.8, 0.6, 0.6, 0.3, 0.1], np.float32)
TRUTH = np.array([1, 1, 0, 1, 0, 1])


def test_a_sweep_has_a_row_for_each_distinct_score():
    order = [3, 0, 5, 2, 4, 1]
    found = binary.sweep(SCORES[order], TRUTH[order])
    assert found.thresholds.tolist() == SCORES[[0, 1, 2, 4, 5]].tolist()
    assert found.true.tolist() == [1, 2, 3, 3, 4]
    assert found.false.tolist() == [0, 0, 1, 2, 2]
    assert (found.positives, found.negatives) == (4, 2)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_curves_and_areas_agree_with_scikit_learn(seed, ties):
    scores, truth = scored(seed, ties=ties)
    counts = binary.sweep(scores, truth)
    false, true, _ = reference.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(binary.roc_curve(counts), (false, true), atol=1e-12)
    precision, recall, thresholds = reference.precision_recall_curve(truth, scores)
    found = binary.precision_recall_curve(counts)
    np.testing.assert_allclose(found, (precision[::-1], recall[::-1]), atol=1e-12)
    np.testing.assert_array_equal(counts.thresholds, thresholds[::-1])
    area, average = reference.roc_auc_score(truth, scores), binary.average_precision(counts)
    assert binary.area_under_roc(counts) == pytest.approx(area, abs=1e-12)
    assert binary.estimate_area_under_roc(scores, truth).value == pytest.approx(area, abs=1e-12)
    expected = reference.average_precision_score(truth, scores)
    assert average == pytest.approx(expected, abs=1e-12)
    assert binary.estimate_average_precision(scores, truth).value == pytest.approx(average)


@pytest.mark.parametrize("ties", [False, True])
def test_areas_agree_with_torchmetrics(ties):
    scores, truth = scored(7, ties=ties)
    peer, probabilities = torchmetrics(), 1 / (1 + np.exp(-scores))
    given = torch.from_numpy(probabilities), torch.from_numpy(truth)
    counts = binary.sweep(probabilities, truth)
    assert binary.area_under_roc(counts) == pytest.approx(
        float(peer.binary_auroc(*given)), abs=1e-6
    )
    expected = float(peer.binary_average_precision(*given))
    assert binary.average_precision(counts) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("threshold", [-1.0, 0.5, 1.0, 9.0])
def test_counts_at_a_threshold_agree_with_scikit_learn(threshold):
    scores, truth = scored(3, ties=True)
    called = scores >= threshold
    found = binary.count_at(scores, truth, threshold)
    tn, fp, fn, tp = reference.confusion_matrix(truth, called).ravel().tolist()
    assert found == Counts(tp, fp, fn, tn)
    expected = {"zero_division": math.nan}
    assert found.precision == pytest.approx(
        reference.precision_score(truth, called, **expected), nan_ok=True
    )
    assert found.recall == pytest.approx(reference.recall_score(truth, called))
    assert found.specificity == pytest.approx(reference.recall_score(truth, called, pos_label=0))
    assert found.f1 == pytest.approx(reference.f1_score(truth, called))


def test_shares_without_images_are_undefined():
    none = Counts(0, 0, 0, 0)
    for share in (none.precision, none.recall, none.specificity, none.f1):
        assert math.isnan(share)
    assert math.isnan(Counts(0, 3, 0, 4).f1)
    assert Counts(0, 0, 3, 4).f1 == 0


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_alone_has_no_area(only):
    scores, truth = np.array([0.2, 0.9, 0.4]), np.full(3, only)
    counts = binary.sweep(scores, truth)
    assert math.isnan(binary.area_under_roc(counts))
    area = binary.estimate_area_under_roc(scores, truth)
    assert math.isnan(area.value)
    assert (area.low, area.high, area.n) == (None, None, 3)
    average = binary.estimate_average_precision(scores, truth)
    assert np.isnan([average.value, binary.average_precision(counts)]).all()
    assert (average.low, average.high, average.n) == (None, None, 3)
    assert binary.threshold_for_f1(counts) is None
    assert np.isnan(binary.precision_recall_curve(counts)[0]).all() == (not only)
    assert [np.isnan(rates).all() for rates in binary.roc_curve(counts)] == [only, not only]


def test_no_images_have_no_area():
    empty = np.zeros(0, np.float32)
    counts = binary.sweep(empty, empty.astype(int))
    assert (len(counts.thresholds), counts.positives, counts.negatives) == (0, 0, 0)
    assert math.isnan(binary.area_under_roc(counts))
    assert math.isnan(binary.average_precision(counts))
    assert math.isnan(binary.estimate_average_precision(empty, empty).value)
    assert binary.threshold_for_precision(counts, 0.5) is None
    assert binary.threshold_for_recall(counts, 0.5) is None
    assert binary.threshold_for_f1(counts) is None


def test_delongs_variance_is_that_of_the_definition():
    scores, truth = scored(5, images=40, ties=True)
    positive, negative = scores[truth == 1].astype(float), scores[truth == 0].astype(float)
    wins = np.heaviside(positive[:, None] - negative, 0.5)
    variance = wins.mean(1).var(ddof=1) / len(positive) + wins.mean(0).var(ddof=1) / len(negative)
    found = binary.estimate_area_under_roc(scores, truth)
    logits = np.log(np.array([found.low, found.high]) / (1 - np.array([found.low, found.high])))
    error = (logits[1] - logits[0]) / 2 / 1.959963984540054 * found.value * (1 - found.value)
    assert error**2 == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize(("images", "apart"), [(60, 1.0), (200, 2.0)])
def test_the_interval_of_the_area_covers_it_as_often_as_it_says(images, apart):
    def estimate(seed):
        return binary.estimate_area_under_roc(*scored(seed, images, 0.3, apart))

    assert 0.9 <= coverage(estimate, norm.cdf(apart / math.sqrt(2))) <= 0.99


@pytest.mark.parametrize(("images", "prevalence", "apart"), [(100, 0.3, 1.0), (400, 0.05, 2.0)])
def test_the_interval_of_the_average_precision_covers_it_as_often_as_it_says(
    images, prevalence, apart
):
    many = binary.sweep(*scored(10_000, 1_000_000, prevalence, apart))

    def estimate(seed):
        return binary.estimate_average_precision(*scored(seed, images, prevalence, apart))

    assert 0.9 <= coverage(estimate, binary.average_precision(many)) <= 0.99


def test_perfect_separation_is_no_proof():
    scores, truth = np.arange(20.0), np.arange(20) >= 12
    expected = from_hits(8, 8)
    perfect = Estimate(1.0, expected.low, 1.0, 20)
    assert binary.estimate_area_under_roc(scores, truth) == perfect
    assert binary.estimate_average_precision(scores, truth) == perfect
    reverse = binary.estimate_area_under_roc(-scores, truth)
    assert reverse == Estimate(0.0, 0.0, from_hits(0, 8).high, 20)


def test_a_single_positive_has_an_interval_as_wide_as_a_single_trial():
    found = binary.estimate_area_under_roc(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 0]))
    trial = from_hits(2 / 3, 1)
    assert (found.value, found.low, found.high) == (trial.value, trial.low, trial.high)


@pytest.mark.parametrize("ties", [False, True])
def test_the_influence_of_an_image_is_the_derivative_by_its_weight(ties):
    scores, truth = scored(2, images=30, ties=ties)
    value, influence = binary.average_precision_influence(scores, truth)
    for image in range(30):
        weights = np.ones(30)
        weights[image] += 1e-6
        weighted = reference.average_precision_score(truth, scores, sample_weight=weights)
        assert influence[image] == pytest.approx((weighted - value) / 1e-6, abs=1e-5)
    assert influence.sum() == pytest.approx(0, abs=1e-12)


def test_the_error_of_the_average_precision_is_that_of_the_bootstrap():
    scores, truth = scored(4, images=300)
    generator, found = np.random.default_rng(0), []
    for _ in range(1000):
        rows = generator.integers(0, 300, 300)
        found.append(binary.average_precision(binary.sweep(scores[rows], truth[rows])))
    _, influence = binary.average_precision_influence(scores, truth)
    assert math.sqrt((influence**2).sum()) == pytest.approx(np.std(found), rel=0.1)


@pytest.mark.parametrize(
    ("precision", "threshold"), [(1.0, 0.8), (0.75, 0.6), (0.6, 0.1), (0.0, 0.1)]
)
def test_the_threshold_for_a_precision_finds_as_much_as_it_allows(precision, threshold):
    found = binary.threshold_for_precision(binary.sweep(SCORES, TRUTH), precision)
    assert found == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("recall", "threshold"), [(0.0, 0.8), (0.5, 0.8), (0.75, 0.6), (0.76, 0.1), (1.0, 0.1)]
)
def test_the_threshold_for_a_recall_is_as_precise_as_it_allows(recall, threshold):
    found = binary.threshold_for_recall(binary.sweep(SCORES, TRUTH), recall)
    assert found == pytest.approx(threshold)


def test_what_no_threshold_reaches_is_none():
    counts = binary.sweep(SCORES, 1 - TRUTH)
    assert binary.threshold_for_precision(counts, 0.5) is None
    assert binary.threshold_for_precision(counts, 0.4) == pytest.approx(0.3)
    without = binary.sweep(SCORES, 0 * TRUTH)
    assert binary.threshold_for_precision(without, 0.0) is None
    assert binary.threshold_for_recall(without, 0.0) is None
    assert binary.threshold_for_f1(without) is None


@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_for_f1_is_the_best_of_all(seed):
    scores, truth = scored(seed, ties=True)
    threshold = binary.threshold_for_f1(binary.sweep(scores, truth))
    every = [reference.f1_score(truth, scores >= each) for each in np.unique(scores)]
    assert reference.f1_score(truth, scores >= threshold) == max(every)


def test_a_resampled_average_precision_is_that_of_scikit_learn_with_images_repeated():
    scores, truth = scored(5, ties=True)
    counts = np.random.default_rng(0).integers(0, 4, (6, len(scores)))
    found = binary.resample_average_precision(scores, truth, counts)
    expected = [
        reference.average_precision_score(np.repeat(truth, row), np.repeat(scores, row))
        for row in counts
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_resample_of_one_class_has_no_average_precision():
    counts = np.array([[1, 1, 0, 2, 0, 1], [0, 0, 1, 0, 1, 0], [1, 1, 1, 1, 1, 1]])
    found = binary.resample_average_precision(SCORES, TRUTH, counts)
    assert np.isnan(found).tolist() == [True, True, False]
