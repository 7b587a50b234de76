"""Boxes move with their images: as masks of them do, cut at the border, dropped beyond it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from striate.data.augment import ranges
from striate.data.augment.boxes import LEAST_LEFT, move_boxes
from striate.data.augment.plan import Plan, make_plan, move_masks, uniform_samples
from striate.data.augment.ranges import DRAWS, LEVELS, AugmentRanges
from striate.data.augment.windows import draw_windows

NONE = [0.0, 0.0, 0.0, 0.0, -1.0, 0.0]


def planned(variation: AugmentRanges, high: int = 8, wide: int = 10, **places: float) -> Plan:
    """A plan of one image that changes nothing but what is named by its draw."""
    rows = torch.full((1, DRAWS), 0.5)
    rows[:, ranges.CROP] = 0
    for name, value in places.items():
        rows[:, getattr(ranges, name)] = value
    return make_plan(rows, variation, (3, high, wide))


def moved(corners: list[float], plan: Plan) -> list[float]:
    (row,) = move_boxes(torch.tensor([[[*corners, 2.0, 1.0]]]), plan)[0]
    return row.tolist()


def test_boxes_move_on_known_maps() -> None:
    box = [1.0, 2.0, 4.0, 3.0]
    flipped = moved(box, planned(AugmentRanges(hflip=True), HFLIP=0.0))
    assert flipped == pytest.approx([6, 2, 9, 3, 2, 1])
    turned = moved(box, planned(AugmentRanges(rotate=90), 10, 10, ROTATE=1.0))
    assert turned == pytest.approx([2, 6, 3, 9, 2, 1], abs=1e-5)
    shifted = moved(box, planned(AugmentRanges(translate=0.2), TRANSLATE_X=1.0))
    assert shifted == pytest.approx([0, 2, 2, 3, 2, 1], abs=1e-5)
    rising = moved([4.0, 4.0, 6.0, 6.0], planned(AugmentRanges(rotate=45), 10, 10, ROTATE=1.0))
    assert rising == pytest.approx([5 - 2**0.5, 5 - 2**0.5, 5 + 2**0.5, 5 + 2**0.5, 2, 1])


@pytest.mark.parametrize("left", [0.0, LEAST_LEFT - 0.01, LEAST_LEFT + 0.01])
def test_a_box_of_which_little_is_left_is_dropped(left: float) -> None:
    # the image moves two columns to the left
    plan = planned(AugmentRanges(translate=0.2), TRANSLATE_X=1.0)
    width = 2 / (1 - left)  # of a box that begins at the border
    found = moved([0.0, 2.0, width, 4.0], plan)
    expected = [0, 2, width - 2, 4, 2, 1]
    assert found == (pytest.approx(expected, abs=1e-5) if left >= LEAST_LEFT else NONE)


def test_colors_and_padding_leave_boxes_as_they_are() -> None:
    boxes = torch.tensor([[[1.0, 2.0, 4.0, 3.0, 0.0, 0.0], NONE]])
    assert move_boxes(boxes, planned(AugmentRanges(hue=90, erase=0.5))) is boxes
    assert move_boxes(boxes, planned(LEVELS["strong"]))[0, 1].tolist() == NONE


def drawn_boxes(count: int, most: int, high: int, wide: int) -> Tensor:
    chance = torch.Generator().manual_seed(4)
    start = torch.rand((count, most, 2), generator=chance) * 0.7
    sides = torch.rand((count, most, 2), generator=chance) * 0.25 + 0.1
    size = torch.tensor([wide, high])
    corners = torch.cat([(start * size).round(), ((start + sides) * size).round()], dim=2)
    return torch.cat([corners, torch.ones(count, most, 1), torch.zeros(count, most, 1)], dim=2)


def filled(boxes: Tensor, side: int) -> Tensor:
    """One mask (N, H, W) a box: 1 inside."""
    masks = torch.zeros((len(boxes), side, side), dtype=torch.uint8)
    for mask, (left, top, right, low) in zip(masks, boxes[:, :4].int().tolist(), strict=True):
        mask[top:low, left:right] = 1
    return masks


@pytest.mark.parametrize("windowed", [False, True])
@pytest.mark.parametrize("size", [40, 96])
@pytest.mark.parametrize(
    "variation",
    [
        AugmentRanges(),
        AugmentRanges(hflip=True, vflip=True, translate=0.3, scale=0.4, aspect=0.4, crop=0.5),
        AugmentRanges(rotate=60, shear=20, scale=0.3, hflip=True, translate=0.2),
    ],
)
def test_a_box_is_where_its_mask_is(variation: AugmentRanges, size: int, *, windowed: bool) -> None:
    count, most = 24, 4
    boxes = drawn_boxes(count, most, size, size)
    draws = uniform_samples(count, 5, 1)
    frames = torch.tensor([0, 0, size, size]).expand(count, 4)
    windows = draw_windows(draws, frames, size * 3 // 5, size) if windowed else None
    plan = make_plan(draws, variation, (3, size, size), windows=windows)
    found = move_boxes(boxes, plan)
    assert found.shape == boxes.shape
    upright, compared = not variation.rotate, 0
    for at in range(most):
        masks = filled(boxes[:, at], size)
        masks = masks if plan.windows is None else plan.windows.cut(masks)
        shown = move_masks(masks, plan) == 1
        for mask, box in zip(shown, found[:, at], strict=True):
            side = mask.shape[0]
            if box[4] < 0:
                continue
            rows, columns = mask.nonzero().unbind(dim=1)
            whole = bool((box[:2] > 1).all() and (box[2:4] < side - 1).all())
            if not (upright or whole):  # a turned box that is cut touches less than its hull
                continue
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert (torch.stack(edges) - box[:4]).abs().max() < (1.01 if upright else 1.6)
            compared += 1
    assert compared > 8


def test_the_slice_of_a_plan_moves_the_boxes_of_its_images() -> None:
    boxes = drawn_boxes(6, 2, 30, 50)
    plan = make_plan(uniform_samples(6, 1, 1), LEVELS["strong"], (3, 30, 50))
    assert torch.equal(move_boxes(boxes, plan)[2:5], move_boxes(boxes[2:5], plan.slice(2, 5)))
