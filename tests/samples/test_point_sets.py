"""Point sets have balanced classes, lie where they should, and come again with the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate.errors import OptionError
from striate.samples import POINT_SETS, Points, checkerboard, moons, rings, spirals
from tests.points.refusals import refusal

EVERY: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in POINT_SETS),
    *((name, {"classes": count, "n": 151}) for name in list(POINT_SETS)[1:] for count in (3, 5, 8)),
]


@pytest.mark.parametrize(("name", "arguments"), EVERY)
def test_points_are_a_table_of_two_columns_with_balanced_labels(
    name: str, arguments: dict[str, Any]
):
    points, n = POINT_SETS[name](**arguments), arguments.get("n", 400)
    assert (points.xy.shape, points.xy.dtype) == ((n, 2), np.float32)
    assert (points.labels.shape, points.labels.dtype) == ((n,), np.int64)
    counts = np.bincount(points.labels)
    assert len(counts) == len(points.class_names) == arguments.get("classes", 2)
    assert np.ptp(counts) <= 1
    assert len(np.unique(points.xy, axis=0)) == n
    assert points.name == name


@pytest.mark.parametrize("name", POINT_SETS)
def test_the_same_seed_gives_the_same_points_and_another_one_others(name: str):
    first, second, other = (POINT_SETS[name](n=50, seed=seed) for seed in (7, 7, 8))
    assert first.xy.tobytes() == second.xy.tobytes()
    assert first.labels.tobytes() == second.labels.tobytes()
    assert not np.array_equal(first.xy, other.xy)
    assert not np.array_equal(first.labels, other.labels)


def test_without_noise_moons_are_half_circles():
    points = moons(200, noise=0)
    upper, lower = (points.xy[points.labels == label] for label in (0, 1))
    assert np.hypot(*upper.T) == pytest.approx(1, abs=1e-6)
    assert np.hypot(*(lower - (1, 0.5)).T) == pytest.approx(1, abs=1e-6)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5


def test_without_noise_rings_have_a_radius_each():
    points = rings(200, noise=0, classes=4)
    radii = np.hypot(*points.xy.T)
    assert radii == pytest.approx((points.labels + 1) / 4, abs=1e-6)


def test_without_noise_the_arms_of_a_spiral_are_turned_copies():
    points = spirals(300, noise=0, classes=3)
    radii, angles = np.hypot(*points.xy.T), np.arctan2(*points.xy.T[::-1])
    turned = angles - 2 * np.pi * (1.5 * radii + points.labels / 3)
    assert np.cos(turned) == pytest.approx(1, abs=1e-5)
    assert 0.12 <= radii.min() < radii.max() <= 1


@pytest.mark.parametrize(("classes", "side"), [(2, 4), (3, 4), (6, 6)])
def test_the_classes_of_a_checkerboard_alternate(classes: int, side: int):
    points = checkerboard(400, classes=classes)
    columns, rows = np.floor((points.xy.astype(float) + 1) / 2 * side).astype(int).T
    assert ((rows + columns) % classes == points.labels).all()
    assert len({*zip(columns.tolist(), rows.tolist(), strict=True)}) == side**2


def test_noise_moves_points_by_its_standard_deviation():
    still, moved = (checkerboard(5000, noise=noise) for noise in (0, 0.3))
    assert (moved.xy - still.xy).std() == pytest.approx(0.3, rel=0.03)


def test_a_split_holds_out_the_fraction_of_every_class():
    points = rings(300, classes=3)
    train, test = points.split(0.3, seed=1)
    assert np.bincount(train.labels).tolist() == [70] * 3
    assert np.bincount(test.labels).tolist() == [30] * 3
    both = np.concatenate([train.xy, test.xy])
    assert sorted(both.tolist()) == sorted(points.xy.tolist())
    again, other = points.split(0.3, seed=1)[1], points.split(0.3, seed=2)[1]
    assert np.array_equal(test.xy, again.xy)
    assert not np.array_equal(test.xy, other.xy)


@pytest.mark.parametrize("test", [0.01, 0.99])
def test_every_class_has_a_point_on_either_side_of_a_split(test: float):
    xy = np.arange(10, dtype=np.float32).reshape(5, 2)
    points = Points(xy, np.array([0, 1, 1, 0, 1]), ("a", "b"), "five")
    for part in points.split(test):
        assert set(part.labels) == {0, 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 1}, "point sets have 2 to 8 classes, but 1 came"),
        ({"classes": 9}, "point sets have 2 to 8 classes, but 9 came"),
        ({"n": 9, "classes": 5}, "5 classes need 10 points or more, two for each, but 9 came"),
        ({"noise": -0.5}, "noise must be 0 or more, but -0.5 came"),
        ({"noise": float("nan")}, "noise must be 0 or more, but nan came"),
    ],
)
def test_points_that_cannot_be_drawn_are_refused(arguments: dict[str, Any], message: str):
    assert refusal(OptionError, rings, **arguments) == message
