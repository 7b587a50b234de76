"""Suspects are those of cleanlab, also where labels are missing, alone, or all alike."""

from __future__ import annotations

import numpy as np
import pytest

from striate.metrics.confident_learning import (
    confident_joint,
    confident_thresholds,
    find_suspects,
)


def labeled(seed, images, classes, wrong=0.1, apart=3.0):
    """Probabilities (N, K) of a network, and labels (N,) of which a share is drawn anew."""
    draw = np.random.default_rng(seed)
    true = draw.integers(0, classes, images)
    logits = draw.normal(size=(images, classes))
    logits[np.arange(images), true] += apart
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return shares, np.where(draw.random(images) < wrong, draw.integers(0, classes, images), true)


#: arguments of `labeled` -> find_label_issues(labels, shares,
#: return_indices_ranked_by="self_confidence") of cleanlab 2.9.0
CLEANLAB = {
    (0, 90, 3): [81, 54, 1, 43, 18, 80, 55],
    (5, 120, 2, 0.2, 1.5): [
        119, 7, 2, 92, 43, 29, 56, 99, 91, 84, 111, 30, 75, 96, 104, 81, 53, 61, 69, 21, 101, 31,
        44, 110, 85, 103, 55, 25, 45, 115, 95,
    ],
    (7, 200, 10, 0.05, 4.0): [167, 70, 132, 67],
}  # fmt: skip


@pytest.mark.parametrize("given", CLEANLAB)
def test_suspects_and_their_order_are_those_that_cleanlab_found(given):
    assert find_suspects(*labeled(*given)).tolist() == CLEANLAB[given]


@pytest.mark.parametrize("seed", range(20))
def test_joint_thresholds_and_suspects_are_those_of_an_installed_cleanlab(seed):
    reason = "cleanlab, which needs pandas, is not installed"
    pytest.importorskip("cleanlab", reason=reason, exc_type=ImportError)
    from cleanlab.count import compute_confident_joint, get_confident_thresholds
    from cleanlab.filter import find_label_issues

    shares, labels = labeled(seed, 150, 2 + seed % 7, wrong=0.02 * seed)
    np.testing.assert_allclose(
        confident_thresholds(shares, labels), get_confident_thresholds(labels, shares)
    )
    assert (confident_joint(shares, labels) == compute_confident_joint(labels, shares)).all()
    ranked = "self_confidence"
    expected = find_label_issues(labels, shares, return_indices_ranked_by=ranked, n_jobs=1)
    assert find_suspects(shares, labels).tolist() == expected.tolist()


def test_planted_labels_are_found_first():
    shares, labels = labeled(1, 400, 4, wrong=0, apart=6)
    planted = np.arange(0, 400, 20)
    assert not np.isin(planted, find_suspects(shares, labels)).any()
    labels[planted] = (labels[planted] + 1) % 4
    found = find_suspects(shares, labels)
    assert len(found) >= 18
    assert np.isin(found[:18], planted).all()


def test_a_threshold_is_the_mean_probability_of_the_images_labeled_so():
    shares = np.array([[0.9, 0.1, 0], [0.5, 0.5, 0], [0.2, 0.8, 0]])
    found = confident_thresholds(shares, np.array([0, 0, 1]))
    assert found.tolist() == pytest.approx([0.7, 0.8, np.inf])


def test_the_joint_keeps_the_count_of_every_label():
    shares, labels = labeled(2, 333, 5, wrong=0.3)
    counts = np.bincount(labels, minlength=5)
    assert confident_joint(shares, labels).sum(axis=1).tolist() == counts.tolist()


def test_the_only_image_of_a_class_is_no_suspect():
    shares = np.repeat([[0.9, 0.1], [0.8, 0.2]], (9, 2), axis=0)
    labels = np.array([0] * 10 + [1])
    assert find_suspects(shares, labels).tolist() == []


def test_images_of_one_label_and_a_network_that_knows_nothing_give_no_suspect():
    shares, labels = labeled(3, 50, 3)
    assert find_suspects(shares, np.zeros(50, np.int64)).tolist() == []
    assert find_suspects(np.full((50, 3), 1 / 3), labels).tolist() == []


def test_probabilities_may_be_exactly_0_and_1():
    labels = np.repeat([0, 1], 10)
    shares = np.eye(2)[labels]
    assert find_suspects(shares, labels).tolist() == []
    labels[[3, 15]] = 1, 0
    assert find_suspects(shares.astype(np.float32), labels).tolist() == [3, 15]
    assert confident_joint(shares, labels).tolist() == [[9, 1], [1, 9]]


def test_a_label_that_was_never_probable_is_doubted():
    shares, labels = np.tile([1.0, 0.0], (12, 1)), np.repeat([0, 1], (9, 3))
    assert confident_thresholds(shares, labels).tolist() == pytest.approx([1, 2e-6])
    assert len(find_suspects(shares, labels)) == 2  # one of a label stays
