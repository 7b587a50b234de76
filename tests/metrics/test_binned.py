"""Histograms of logits stand for the scores they count."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from striate.metrics import binary
from striate.metrics.binned import BINS, REACH, count_bins, sweep_bins
from tests.metrics.peers import scored


def labels(seed, images=2000):
    """Logits and truth (N, 3) of labels that are ever better told apart."""
    columns = [scored(seed + at, images, apart=1 + at) for at in range(3)]
    return tuple(np.column_stack(each) for each in zip(*columns, strict=True))


def test_each_logit_counts_once_in_the_bin_of_its_label():
    logits = np.array([[0.0, -20.0], [1 / 128, 20.0], [-1e-6, 16.0]], np.float32)
    truth = np.array([[1, 0], [0, 1], [1, 1]])
    found = count_bins(logits, truth)
    assert (found.shape, found.dtype) == ((2, 2, BINS), np.int64)
    filled = [tuple(map(int, place)) for place in np.argwhere(found)]
    half, last = BINS // 2, BINS - 1
    assert filled == [(0, 0, half + 1), (0, 1, half - 1), (0, 1, half), (1, 0, 0), (1, 1, last)]
    assert found[1, 1, last] == 2


def test_histograms_of_batches_add_up_to_those_of_all():
    logits, truth = labels(0)
    batches = [
        count_bins(logits[at : at + 300], truth[at : at + 300]) for at in range(0, 2000, 300)
    ]
    np.testing.assert_array_equal(sum(batches), count_bins(logits, truth))


@pytest.mark.parametrize("seed", range(3))
def test_areas_are_those_of_scikit_learn_to_a_thousandth(seed):
    logits, truth = labels(seed)
    for each, scores, positive in zip(count_bins(logits, truth), logits.T, truth.T, strict=True):
        counts = sweep_bins(each)
        area, average = binary.area_under_roc(counts), binary.average_precision(counts)
        assert area == pytest.approx(reference.roc_auc_score(positive, scores), abs=1e-3)
        expected = reference.average_precision_score(positive, scores)
        assert average == pytest.approx(expected, abs=1e-3)


def test_on_the_edges_of_bins_nothing_is_lost():
    logits, truth = labels(4)
    logits = np.floor(logits * 128) / np.float32(128)
    for each, scores, positive in zip(count_bins(logits, truth), logits.T, truth.T, strict=True):
        found, expected = sweep_bins(each), binary.sweep(scores, positive)
        for name in ("thresholds", "true", "false", "positives", "negatives"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_the_counts_at_a_threshold_are_those_of_the_clamped_logits():
    logits, truth = labels(5)
    logits = (logits * 12).astype(np.float32)
    assert np.abs(logits).max() > REACH
    clamped = np.clip(logits, -REACH, REACH)
    for each, scores, positive in zip(count_bins(logits, truth), clamped.T, truth.T, strict=True):
        counts = sweep_bins(each)
        for at in (0, len(counts.thresholds) // 2, len(counts.thresholds) - 1):
            exact = binary.count_at(scores, positive, float(counts.thresholds[at]))
            found = int(counts.true[at]), int(counts.false[at])
            assert found == (exact.true_positives, exact.false_positives)


def test_the_best_threshold_is_as_good_as_that_of_the_scores():
    logits, truth = labels(6)
    for each, scores, positive in zip(count_bins(logits, truth), logits.T, truth.T, strict=True):
        binned = binary.threshold_for_f1(sweep_bins(each))
        best = binary.threshold_for_f1(binary.sweep(scores, positive))
        found, expected = (reference.f1_score(positive, scores >= at) for at in (binned, best))
        assert expected - 2e-3 < found <= expected


def test_empty_histograms_have_no_figures():
    counts = sweep_bins(np.zeros((2, BINS), np.int64))
    assert np.isnan([binary.area_under_roc(counts), binary.average_precision(counts)]).all()
    assert binary.threshold_for_f1(counts) is None
