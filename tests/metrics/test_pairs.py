"""What pairs of embeddings tell is what scikit-learn says of their cosines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional as F

from striate.metrics import pairs
from striate.metrics.pairs import (
    choose_threshold,
    estimate_pairs,
    find_nearest,
    make_pairs,
    prototype_loss,
    true_accepts,
)


def cloud(count: int, classes: int, spread: float, seed: int = 0):
    """Embeddings of length 1 around a direction for each class, and labels with gaps."""
    draw = np.random.default_rng(seed)
    centers = draw.normal(size=(classes, 6))
    own = draw.integers(0, classes, count)
    found = centers[own] + spread * draw.normal(size=(count, 6))
    return found / np.linalg.norm(found, axis=1, keepdims=True), 3 * own + 1


def test_area_and_true_accepts_are_those_of_scikit_learn():
    embeddings, labels = cloud(120, 7, 0.9)
    found = make_pairs(embeddings, labels)
    near = np.array([[a @ b for b in embeddings] for a in embeddings], np.float32)
    upper = np.triu(np.ones((120, 120), bool), 1)
    same = labels[:, None] == labels
    area, accepts = estimate_pairs(found, np.arange(120), 0.05)
    assert area.value == pytest.approx(roc_auc_score(same[upper], near[upper]), abs=1e-6)
    false, true, _ = roc_curve(same[upper], near[upper], drop_intermediate=False)
    assert accepts.value == pytest.approx(true[false <= 0.05].max(), abs=1e-6)
    assert area.low < area.value < area.high
    assert accepts.low < accepts.value < accepts.high


def test_a_threshold_accepts_what_was_asked_for_and_no_more():
    found = make_pairs(*cloud(120, 7, 0.9))
    threshold = choose_threshold(found.counts, 0.03)
    accepted = found.cosine >= threshold
    assert accepted[found.same].mean() == pytest.approx(true_accepts(found.counts, 0.03))
    assert accepted[~found.same].mean() <= 0.03
    lower = np.sort(found.cosine[~found.same])[::-1]
    assert (lower >= threshold).sum() == int(0.03 * len(lower))


def test_where_the_nearest_pairs_are_of_two_classes_no_false_accept_means_none_at_all():
    eye = np.eye(3)[[0, 0, 1]]
    found = make_pairs(eye, np.array([0, 1, 0]))
    assert choose_threshold(found.counts, 0.1) > 1
    assert true_accepts(found.counts, 0.1) == 0


def test_without_two_kinds_of_pairs_nothing_is_chosen():
    assert choose_threshold(make_pairs(np.eye(3), np.zeros(3, int)).counts, 0.1) is None
    assert choose_threshold(make_pairs(np.eye(3), np.arange(3)).counts, 0.1) is None
    assert np.isnan(true_accepts(make_pairs(np.eye(3), np.arange(3)).counts, 0.1))


def test_the_nearest_is_that_of_scikit_learn_across_blocks(monkeypatch):
    monkeypatch.setattr(pairs, "_ROWS", 17)
    embeddings, labels = cloud(90, 9, 1.2)
    labels[0] = 999  # alone in its class
    search = NearestNeighbors(n_neighbors=2, metric="cosine", algorithm="brute").fit(embeddings)
    second = search.kneighbors(embeddings)[1][:, 1]
    found = find_nearest(embeddings, labels)
    assert np.isnan(found.hits[0])
    assert found.own[0] == -1
    assert np.array_equal(found.hits[1:], labels[second[1:]] == labels[1:])


def test_an_image_drawn_twice_makes_its_pairs_count_twice():
    """A resample by weights is the resample with its images written out, without their copies."""
    embeddings, labels = cloud(12, 3, 0.8)
    drawn = np.array([0, 2, 1, 1, 3, 0, 1, 1, 2, 0, 1, 0])
    found = make_pairs(embeddings, labels)
    whole = np.repeat(np.arange(12), drawn)
    again = make_pairs(embeddings[whole], labels[whole])
    apart = whole[again.first] != whole[again.second]
    weights = drawn[found.first] * drawn[found.second]
    expected = roc_auc_score(again.same[apart], again.cosine[apart])
    assert roc_auc_score(found.same, found.cosine, sample_weight=weights) == pytest.approx(expected)


def test_intervals_of_classes_are_wider_than_of_images():
    embeddings, labels = cloud(200, 12, 0.8)
    found = make_pairs(embeddings, labels)
    images = estimate_pairs(found, np.arange(200), 0.05)[0]
    classes = estimate_pairs(found, labels, 0.05)[0]
    assert classes.value == images.value
    assert classes.high - classes.low > images.high - images.low


def test_an_interval_holds_the_area_of_all_images_about_as_often_as_it_says():
    embeddings, labels = cloud(1500, 6, 1.0, seed=5)
    truth = make_pairs(embeddings, labels, 1500)
    area = roc_auc_score(truth.same, truth.cosine)
    held = 0
    for seed in range(40):
        rows = np.random.default_rng(seed).permutation(1500)[:70]
        some = make_pairs(embeddings[rows], labels[rows])
        found = estimate_pairs(some, np.arange(70), 0.05)[0]
        held += found.low <= area <= found.high
    assert held >= 34


def test_of_many_images_some_are_drawn_the_same_each_time():
    embeddings, labels = cloud(60, 4, 0.8)
    one, other = (make_pairs(embeddings, labels, 20) for _ in range(2))
    assert len(one.same) == 190
    assert np.array_equal(one.first, other.first)
    assert len(set(one.first.tolist())) == 19


def test_the_loss_of_prototypes_leaves_out_the_image_itself():
    embeddings, labels = cloud(30, 4, 0.7)
    labels[0] = 999
    vectors = torch.from_numpy(embeddings)
    known = np.unique(labels)
    losses = []
    for row in range(1, 30):
        logits = []
        for label in known:
            others = (labels == label) & (np.arange(30) != row)
            logits.append(F.normalize(vectors[others].sum(0), dim=0) @ vectors[row] * 8)
        own = int(np.searchsorted(known, labels[row]))
        losses.append(F.cross_entropy(torch.stack(logits)[None], torch.tensor([own])).item())
    assert prototype_loss(embeddings, labels, 8) == pytest.approx(np.mean(losses), rel=1e-6)


def test_prototypes_need_two_classes_of_two_images():
    assert prototype_loss(np.eye(3), np.array([0, 0, 1]), 8) is None
