"""Learning curves: sizes, random parts, and heads fitted to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.evaluation.learning_curve import choose_sizes, draw_part, measure_curve
from striate.progress import drain
from tests.evaluation.clouds import clouds, of_classes


@pytest.mark.parametrize(
    ("images", "strata", "sizes"),
    [
        (1600, 10, (100, 200, 400, 800, 1600)),
        (320, 20, (40, 67, 113, 190, 320)),
        (10, 10, (10, 10, 10, 10, 10)),
    ],
)
def test_sizes_rise_by_a_constant_from_two_of_a_class_on(images: int, strata: int, sizes: tuple):
    assert choose_sizes(images, strata) == sizes


def test_a_part_has_of_each_class_its_share_and_one_at_least():
    strata = np.repeat([0, 1, 2], [60, 30, 1])
    counts = np.bincount(strata[draw_part(strata, 30, (0,))])
    assert counts[2] == 1
    assert abs(counts[0] - 20) <= 1
    assert abs(counts[1] - 10) <= 1


def test_parts_are_random_and_the_same_for_the_same_seed():
    strata = np.zeros(100, np.int64)
    first, again, other = (draw_part(strata, 20, seed) for seed in ((1, 2), (1, 2), (1, 3)))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    assert len(set(first.tolist())) == 20
    drawn = np.concatenate([draw_part(strata, 20, (2, at)) for at in range(200)])
    assert np.bincount(drawn, minlength=100).min() > 15  # 40 are expected of each


def test_more_images_make_better_heads_and_all_of_them_make_one():
    task = of_classes(3)
    train, validation = clouds(3, 240, 0), clouds(3, 300, 1)
    points = drain(measure_curve(train, validation, task, draws=3, seed=0))
    assert [point.size for point in points] == [15, 30, 60, 120, 240]
    assert [point.draws for point in points] == [3, 3, 3, 3, 1]
    right = [
        float((point.outputs.argmax(dim=2) == validation.targets).double().mean())
        for point in points
    ]
    assert right[0] < right[2] < right[4]
    assert points[0].outputs.shape == (3, 300, 3)


def test_the_penalty_is_the_best_on_validation_images():
    task = of_classes(2)
    train, validation = clouds(2, 64, 0, length=40), clouds(2, 200, 1, length=40)
    (*_, last) = drain(measure_curve(train, validation, task, draws=2, seed=0))
    best = task.loss(last.outputs[0], validation.targets)
    loss = dict[float, float]()
    from striate.evaluation import learning_curve

    for penalty in (last.penalty * 10, last.penalty / 10):
        rows = torch.arange(64)
        scale = learning_curve.Axes.of(train.features).variances.sum().rsqrt()
        sets = [
            learning_curve.FeatureSet(each.features.double() * scale, each.targets)
            for each in (train, validation)
        ]
        outputs = learning_curve._Fit.of(*sets, task, rows).move(penalty)
        loss[penalty] = float(task.loss(outputs, validation.targets))
    assert float(best) < min(loss.values())
