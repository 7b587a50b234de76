"""Regions that are proposed hold the objects of an image; groups are merged as a loop says."""

from __future__ import annotations

import numpy as np
import pytest

from striate.errors import OptionError
from striate.vision import propose_regions
from striate.vision.grouping import describe_colors, group_regions, measure_regions


def scene(shape: tuple[int, ...] = (120, 160, 3)) -> np.ndarray:
    """Two discs and a square of several colors on noise."""
    image = np.random.default_rng(0).integers(0, 40, shape).astype(np.uint8)
    rows, columns = np.indices(shape[:2])
    image[np.hypot(rows - 40, columns - 50) < 25] += 120
    image[np.hypot(rows - 40, columns - 50) < 12] += 60
    image[70:110, 100:150] += 90
    return image


THERE = np.array([[26, 16, 75, 65], [39, 29, 62, 52], [100, 70, 150, 110]])


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    first = np.maximum(boxes[:, None, :2], others[None, :, :2])
    last = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    inside = (last - first).clip(0).prod(axis=2)
    one, two = ((each[:, 2:] - each[:, :2]).prod(axis=1) for each in (boxes, others))
    return inside / (one[:, None] + two[None] - inside)


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_objects_are_among_the_proposed_regions(channels: int):
    image = scene() if channels == 3 else scene()[..., :1] if channels else scene()[..., 0]
    boxes = propose_regions(image)
    assert boxes.shape[1:] == (4,)
    assert (overlaps(THERE, boxes).max(axis=1) > 0.8).all()
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= (160, 120)).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert len(np.unique(boxes, axis=0)) == len(boxes)


def test_boxes_of_a_large_image_are_in_its_own_pixels():
    large = scene().repeat(6, axis=0).repeat(6, axis=1)
    assert (overlaps(6.0 * THERE, propose_regions(large)).max(axis=1) > 0.8).all()


def test_fewer_are_the_first():
    boxes = propose_regions(scene())
    np.testing.assert_array_equal(propose_regions(scene(), 5), boxes[:5])


def test_the_two_that_are_most_alike_are_merged_first():
    labels = np.repeat([[0, 0, 1, 1, 2, 2, 2, 2]], 3, axis=0)
    colors = np.array([10, 240, 240])[labels].astype(np.uint8)[..., None]
    looks = describe_colors(colors, labels)
    assert (looks.shape, looks.sum(axis=1).tolist()) == ((3, 25), [1, 1, 1])
    boxes = group_regions(measure_regions(labels, looks), labels.size)
    np.testing.assert_array_equal(
        boxes, [[0, 0, 2, 3], [2, 0, 4, 3], [4, 0, 8, 3], [2, 0, 8, 3], [0, 0, 8, 3]]
    )


def test_regions_that_do_not_touch_are_not_merged():
    labels = np.repeat([[0, 0, 1, 1, 2, 2]], 3, axis=0)
    colors = np.array([10, 240, 10])[labels].astype(np.uint8)[..., None]
    boxes = group_regions(measure_regions(labels, describe_colors(colors, labels)), labels.size)
    np.testing.assert_array_equal(boxes[3], [0, 0, 4, 3])


def test_of_equal_colors_the_smaller_are_merged_first():
    labels = np.repeat([[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]], 2, axis=0)
    looks = np.ones((4, 1))
    boxes = group_regions(measure_regions(labels, looks), labels.size)
    np.testing.assert_array_equal(boxes[4:6], [[7, 0, 10, 2], [4, 0, 10, 2]])


def test_an_image_of_one_color_is_one_region():
    np.testing.assert_array_equal(propose_regions(np.full((30, 40, 3), 7)), [[0, 0, 40, 30]])


@pytest.mark.parametrize("shape", [(7,), (5, 6, 2), (2, 5, 6, 3)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]):
    with pytest.raises(OptionError) as caught:
        propose_regions(np.zeros(shape))
    assert str(caught.value) == (
        f"the image must have the shape (H, W) or (H, W, 3), but {shape} came"
    )


def test_a_count_is_a_whole_number():
    with pytest.raises(OptionError) as caught:
        propose_regions(np.zeros((5, 6)), count=0)
    assert str(caught.value) == "count must be a whole number of at least 1, but 0 came"
