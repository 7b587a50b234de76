"""Superpixels are those of the paper's rule, merged edge by edge."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from striate.errors import OptionError
from striate.vision import find_superpixels


def by_the_paper(image: np.ndarray, scale: float, smallest: int) -> np.ndarray:
    """Sets of pixels, merged in order of difference as in section 3 of the paper."""
    height, width = image.shape
    regions = {place: {place} for place in product(range(height), range(width))}
    largest = {frozenset(region): 0.0 for region in regions.values()}
    edges = list[tuple[float, tuple[int, int], tuple[int, int]]]()
    for (y, x), (down, across) in product(regions, [(0, 1), (1, 0), (1, 1), (1, -1)]):
        other = y + down, x + across
        if other in regions:
            edges.append((abs(image[y, x] - image[other]), (y, x), other))

    def join(one: set, other: set, cost: float) -> None:
        merged = one | other
        largest[frozenset(merged)] = cost
        regions.update(dict.fromkeys(merged, merged))

    for cost, *ends in sorted(edges):
        one, other = (regions[end] for end in ends)
        limits = [largest[frozenset(each)] + scale / len(each) for each in (one, other)]
        if one is not other and cost <= min(limits):
            join(one, other, cost)
    for cost, *ends in sorted(edges):
        one, other = (regions[end] for end in ends)
        if one is not other and min(len(one), len(other)) < smallest:
            join(one, other, cost)
    found = np.array([[min(regions[y, x]) for x in range(width)] for y in range(height)])
    return found @ (width, 1)


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = set(zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


@pytest.mark.parametrize(("scale", "smallest"), [(0.3, 1), (1.0, 1), (2.0, 4), (0.0, 6)])
def test_regions_are_those_of_the_paper(scale: float, smallest: int):
    image = np.random.default_rng(3).random((12, 15))
    image[3:8, 2:9] += 1.5
    found = find_superpixels(image, scale=scale, sigma=0, smallest=smallest)
    assert same_partition(found, by_the_paper(image, scale, smallest))


def test_flat_squares_are_regions_numbered_row_by_row():
    image = np.zeros((20, 30, 3), np.uint8)
    image[2:9, 3:12], image[11:19, 14:29] = (200, 0, 0), (0, 0, 200)
    expected = np.zeros((20, 30), int)
    expected[2:9, 3:12], expected[11:19, 14:29] = 1, 2
    np.testing.assert_array_equal(find_superpixels(image, sigma=0), expected)


def test_small_regions_are_merged():
    image = np.zeros((20, 30))
    image[4:7, 5:8] = 200
    assert find_superpixels(image, sigma=0, smallest=9).max() == 1
    assert find_superpixels(image, sigma=0, smallest=10).max() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": -2.5}, "scale must be 0 or more, but -2.5 came"),
        ({"sigma": float("nan")}, "sigma must be 0 or more, but nan came"),
        ({"smallest": 0}, "smallest must be a whole number of at least 1, but 0 came"),
    ],
)
def test_settings_are_checked(options: dict[str, float], message: str):
    with pytest.raises(OptionError) as caught:
        find_superpixels(np.zeros((3, 4)), **options)
    assert str(caught.value) == message


def test_a_signal_has_no_superpixels():
    with pytest.raises(OptionError) as caught:
        find_superpixels(np.zeros(7))
    assert str(caught.value) == "the image must have the shape (H, W) or (H, W, C), but (7,) came"
