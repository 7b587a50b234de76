"""Masks: pixels are counted right, and images are the unit of the intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from striate.errors import OptionError
from striate.metrics import masks
from striate.metrics.estimates import Estimate
from tests.metrics.peers import coverage, torchmetrics

#: true and predicted, 9 is ignored
TRUE = np.array([[0, 0, 1, 9], [0, 1, 1, 9]], np.uint8)
PREDICTED = np.array([[0, 1, 1, 0], [0, 1, 1, 2]], np.uint8)


def pair(seed, classes=5, size=(24, 31)):
    """Two masks, half of them alike, in which the last class does not occur."""
    draw = np.random.default_rng(seed)
    true, other = draw.integers(0, classes - 1, (2, *size), dtype=np.uint8)
    predicted = np.where(draw.random(size) < 0.5, true, other)
    true[draw.random(size) < 0.1] = 255
    return true, predicted


def street(seed, images=60):
    """Pixels (N, 3, 3) of images whose pixels are wrong together."""
    draw = np.random.default_rng(seed)
    true = draw.multinomial(1000, (0.6, 0.3, 0.1), images)
    right = draw.binomial(true, draw.beta(8, 2, (images, 1)))
    wrong = true - right
    return np.stack([right, true, right + np.roll(wrong, 1, axis=1)], axis=1)


def test_pixels_by_hand():
    found = masks.confusion(TRUE, PREDICTED, 3, ignore=9)
    assert found.tolist() == [[2, 1, 0], [0, 3, 0], [0, 0, 0]]
    assert found.dtype == np.int64
    pixels = masks.areas(found)
    assert pixels.tolist() == [[2, 3, 0], [3, 3, 0], [2, 4, 0]]
    assert masks.pixel_accuracy(pixels) == pytest.approx(5 / 6)
    np.testing.assert_array_equal(masks.iou(pixels), [2 / 3, 3 / 4, math.nan])
    assert masks.mean_iou(pixels) == pytest.approx(17 / 24)
    assert masks.weighted_iou(pixels) == pytest.approx(17 / 24)


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_agrees_with_scikit_learn_and_torchmetrics(seed):
    true, predicted = pair(seed)
    matrix = masks.confusion(true, predicted, 5, ignore=255)
    pixels, seen = masks.areas(matrix), true != 255
    given = true[seen], predicted[seen]
    np.testing.assert_array_equal(matrix, reference.confusion_matrix(*given, labels=range(5)))
    assert masks.pixel_accuracy(pixels) == pytest.approx(reference.accuracy_score(*given))
    assert math.isnan(masks.iou(pixels)[4])
    np.testing.assert_allclose(masks.iou(pixels)[:4], reference.jaccard_score(*given, average=None))
    tensors = [torch.from_numpy(each).long() for each in (predicted, true)]
    for ours, name in ((masks.mean_iou, "macro"), (masks.weighted_iou, "weighted")):
        assert ours(pixels) == pytest.approx(reference.jaccard_score(*given, average=name))
        peer = torchmetrics().multiclass_jaccard_index(
            *tensors, num_classes=5, ignore_index=255, average=name
        )
        assert ours(pixels) == pytest.approx(float(peer), abs=1e-6)


def test_a_class_that_is_ignored_may_still_be_predicted():
    true, predicted = np.array([[0, 1, 1]], np.uint8), np.array([[1, 0, 1]], np.uint8)
    assert masks.confusion(true, predicted, 2, ignore=0).tolist() == [[0, 0], [1, 1]]


def test_all_values_may_be_classes():
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (masks.confusion(every, every, 256) == np.eye(256)).all()


def test_nothing_but_ignored_pixels_is_undefined():
    pixels = masks.areas(masks.confusion(np.full((2, 2), 9, np.uint8), TRUE[:, :2], 2, ignore=9))
    figures = (masks.pixel_accuracy, masks.mean_iou, masks.weighted_iou)
    assert np.isnan([figure(pixels) for figure in figures]).all()


@pytest.mark.parametrize(
    ("true", "predicted", "ignore", "message"),
    [
        (TRUE, PREDICTED[:, :3], 9,
         "a predicted mask must be as large as the true one, 2x4, but is 2x3 pixels"),
        (TRUE, PREDICTED + 1, 9, "a predicted mask must have values below 3, but has 3"),
        (TRUE, PREDICTED, None, "a true mask must have values below 3, but has 9"),
        (TRUE, PREDICTED, 7, "a true mask must have values below 3 or 7 (ignored), but has 9"),
    ],
)  # fmt: skip
def test_masks_that_do_not_fit_are_refused(true, predicted, ignore, message):
    with pytest.raises(OptionError) as refused:
        masks.confusion(true, predicted, 3, ignore)
    assert str(refused.value) == message


def test_estimates_pool_the_pixels_of_all_images():
    matrices = np.stack([masks.confusion(*pair(seed), 5, 255) for seed in range(20)])
    found = masks.estimate_masks(masks.areas(matrices), resamples=100)
    pooled = masks.areas(matrices.sum(axis=0))
    assert found.pixel_accuracy.value == pytest.approx(masks.pixel_accuracy(pooled))
    assert found.mean_iou.value == pytest.approx(masks.mean_iou(pooled))
    assert found.weighted_iou.value == pytest.approx(masks.weighted_iou(pooled))
    np.testing.assert_allclose([each.value for each in found.iou], masks.iou(pooled))
    for each in (found.pixel_accuracy, found.mean_iou, found.weighted_iou, *found.iou[:4]):
        assert each.low < each.value < each.high
        assert each.n == 20
    assert found.iou[4].low is None


def test_one_image_has_figures_without_intervals():
    found = masks.estimate_masks(street(0, 1))
    assert found.mean_iou == Estimate(found.mean_iou.value, None, None, 1)
    assert 0 < found.mean_iou.value < 1


@pytest.mark.parametrize("name", ["pixel_accuracy", "mean_iou"])
def test_the_intervals_cover_the_truth_as_often_as_they_say(name):
    known = getattr(masks, name)(street(1000, 200_000).sum(axis=0))

    def estimate(seed):
        return getattr(masks.estimate_masks(street(seed), resamples=200), name)

    assert 0.9 <= coverage(estimate, float(known)) <= 0.99


def test_intervals_over_pixels_would_be_far_too_narrow():
    pixels = street(0)
    found = masks.estimate_masks(pixels).pixel_accuracy
    n = pixels[:, 1].sum()
    alone = 2 * 1.96 * math.sqrt(found.value * (1 - found.value) / n)
    assert found.high - found.low > 5 * alone
