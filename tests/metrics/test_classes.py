import math

import numpy as np
import pytest
from sklearn import metrics as reference

from striate.metrics import classes as metrics


def judged(seed, images=400, classes=7):
    """Probabilities in float64 and labels, about half of them right."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, images)
    scores = draw.normal(size=(images, classes))
    scores[np.arange(images), labels] += 1.2
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return probabilities, labels


def matrix_of(probabilities, labels):
    return metrics.confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])


@pytest.mark.parametrize("seed", range(5))
def test_every_number_agrees_with_scikit_learn(seed):
    probabilities, labels = judged(seed)
    predicted = probabilities.argmax(axis=1)
    matrix = matrix_of(probabilities, labels)
    p, r, f, n = reference.precision_recall_fscore_support(labels, predicted, average=None)
    np.testing.assert_array_equal(matrix, reference.confusion_matrix(labels, predicted))
    assert matrix.dtype == np.int64
    assert metrics.accuracy(matrix) == pytest.approx(
        reference.accuracy_score(labels, predicted), abs=1e-12
    )
    np.testing.assert_allclose(metrics.precision(matrix), p, rtol=0, atol=1e-9)
    np.testing.assert_allclose(metrics.recall(matrix), r, rtol=0, atol=1e-9)
    np.testing.assert_allclose(metrics.f1(matrix), f, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(matrix.sum(axis=1), n)
    assert metrics.macro_f1(matrix) == pytest.approx(f.mean(), abs=1e-9)
    assert metrics.losses(probabilities, labels).mean() == pytest.approx(
        reference.log_loss(labels, probabilities), abs=1e-9
    )


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_agrees_with_scikit_learn(k):
    probabilities, labels = judged(seed=11)
    hits = metrics.top_hits(probabilities, labels, k)
    share = reference.top_k_accuracy_score(labels, probabilities, k=k)
    assert hits / len(labels) == pytest.approx(share, abs=1e-9)


def test_without_images_nothing_is_known():
    empty = np.zeros((3, 3), dtype=np.int64)
    assert math.isnan(metrics.accuracy(empty))
    assert math.isnan(metrics.macro_f1(empty))


def test_a_class_without_images_or_never_predicted_is_not_zero():
    #          said a  b  c  d
    matrix = np.array([
        [4, 0, 2, 0],
        [3, 0, 0, 0],  # has images, never predicted
        [0, 0, 0, 0],  # no images, predicted twice
        [0, 0, 0, 0],  # neither
    ])  # fmt: skip
    nan = math.nan
    np.testing.assert_allclose(metrics.precision(matrix), [4 / 7, nan, 0, nan])
    np.testing.assert_allclose(metrics.recall(matrix), [4 / 6, 0, nan, nan])
    np.testing.assert_allclose(metrics.f1(matrix), [8 / 13, 0, nan, nan])
    assert metrics.macro_f1(matrix) == pytest.approx(4 / 13)


def test_macro_f1_over_classes_that_occur_agrees_with_scikit_learn():
    labels, predicted = np.array([0, 0, 1, 1, 1, 3]), np.array([0, 2, 1, 1, 0, 2])
    matrix = metrics.confusion(labels, predicted, 4)
    occurring = reference.f1_score(
        labels, predicted, labels=[0, 1, 3], average="macro", zero_division=0
    )
    assert metrics.macro_f1(matrix) == pytest.approx(occurring, abs=1e-9)


def test_a_certain_error_costs_what_scikit_learn_says():
    labels = np.array([0, 1, 1])
    certain = np.array([[0.0, 1.0], [0.25, 0.75], [0.0, 1.0]])
    for dtype in (np.float64, np.float32):
        probabilities = certain.astype(dtype)
        assert metrics.losses(probabilities, labels).mean() == pytest.approx(
            reference.log_loss(labels, probabilities), rel=1e-6
        )
    assert metrics.losses(certain.astype(np.float32), labels)[0] == pytest.approx(15.942385)


def test_of_equal_probabilities_the_lower_index_ranks_higher():
    probabilities = np.array([[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.25, 0.5, 0.25]])
    labels = np.array([0, 1, 2])
    assert metrics.ranks(probabilities, labels).tolist() == [0, 1, 2]
    assert metrics.top_hits(probabilities, labels, 1) == int(
        (probabilities.argmax(axis=1) == labels).sum()
    )
