"""A mask moves as its image does, gets no new values, and is of no class beyond the edge."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment import opencv, ranges
from striate.data.augment.mixing import mix_images, mix_masks
from striate.data.augment.plan import (
    Plan,
    apply_plan,
    augment,
    make_plan,
    move_masks,
    uniform_samples,
)
from striate.data.augment.ranges import DRAWS, LEVELS, AugmentRanges
from striate.data.listing.samples import IGNORE
from striate.errors import OptionError

EVERY = AugmentRanges(
    rotate=30, translate=0.2, scale=0.3, hflip=True, vflip=True, shear=15, aspect=0.4, crop=0.5
)
SIDE = 64  # a CPU takes OpenCV from 48 on


@pytest.fixture(params=["OpenCV", "torch"], autouse=True)
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "torch":
        monkeypatch.setattr(opencv, "_FROM", math.inf)
    return request.param


def random_masks(count: int, high: int = SIDE, wide: int = SIDE) -> Tensor:
    chance = torch.Generator().manual_seed(1)
    return torch.randint(0, 255, (count, high, wide), generator=chance, dtype=torch.uint8)


def plan(variation: AugmentRanges, count: int, wide: int = SIDE, **drawn: float) -> Plan:
    """A plan that changes nothing but what is named by its column."""
    rows = torch.full((count, DRAWS), 0.5)
    rows[:, ranges.CROP] = 0
    for name, value in drawn.items():
        rows[:, getattr(ranges, name)] = value
    return make_plan(rows, variation, (3, SIDE, wide))


def drawn_plan(variation: AugmentRanges, count: int, epoch: int = 2) -> Plan:
    return make_plan(uniform_samples(count, 1, epoch), variation, (3, SIDE, SIDE))


def test_flips_and_quarter_turns_move_every_pixel_and_change_none() -> None:
    masks = random_masks(3)
    flipped = move_masks(masks, plan(AugmentRanges(hflip=True), 3, HFLIP=0.0))
    assert flipped.equal(masks.flip(2))
    upside = move_masks(masks, plan(AugmentRanges(vflip=True), 3, VFLIP=0.0))
    assert upside.equal(masks.flip(1))
    turn = AugmentRanges(rotate=90)
    assert move_masks(masks, plan(turn, 3, ROTATE=1.0)).equal(masks.rot90(1, (1, 2)))
    assert move_masks(masks, plan(turn, 3, ROTATE=0.0)).equal(masks.rot90(-1, (1, 2)))
    half = AugmentRanges(rotate=180)
    assert move_masks(masks, plan(half, 3, ROTATE=1.0)).equal(masks.rot90(2, (1, 2)))


@pytest.mark.parametrize("wide", [SIDE, 96])
def test_a_shift_by_whole_pixels_leaves_what_is_new_to_no_class(wide: int) -> None:
    masks = random_masks(2, wide=wide)
    shift = AugmentRanges(translate=0.25)
    moved = move_masks(masks, plan(shift, 2, wide, TRANSLATE_X=1.0, TRANSLATE_Y=0.0))
    expected = torch.full_like(masks, IGNORE)
    expected[:, 16:, : wide - wide // 4] = masks[:, :-16, wide // 4 :]
    assert moved.equal(expected)


def test_scale_2_repeats_every_pixel_of_the_middle_twice() -> None:
    masks = random_masks(2)
    moved = move_masks(masks, plan(AugmentRanges(scale=1), 2, SCALE=1.0))
    middle = masks[:, 16:48, 16:48]
    assert moved.equal(middle.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2))


def test_any_map_takes_the_nearest_pixel_as_torch_does() -> None:
    """At ties, where OpenCV and torch round either way, less than a thousandth may differ."""
    masks, drawn = random_masks(32), drawn_plan(EVERY, 32)
    assert drawn.maps is not None
    grid = F.affine_grid(drawn.maps, [32, 1, SIDE, SIDE], align_corners=False)
    beyond = masks[:, None].double() - IGNORE
    expected = F.grid_sample(beyond, grid, "nearest", align_corners=False)[:, 0] + IGNORE
    moved = move_masks(masks, drawn)
    assert moved.dtype == torch.uint8
    assert (moved != expected).float().mean() < 1e-3
    assert 0.1 < (moved == IGNORE).float().mean() < 0.9


def test_a_mask_stays_with_its_image() -> None:
    """Each image has the value of its mask's class: a disk, a bar and a ground."""
    down, across = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    classes = torch.ones(SIDE, SIDE, dtype=torch.uint8)
    classes[(down - 24) ** 2 + (across - 20) ** 2 < 200] = 5
    classes[40:60, 36:62] = 9
    masks = classes.repeat(48, 1, 1)
    images = masks[:, None].float().expand(-1, 3, -1, -1).contiguous()
    drawn = make_plan(uniform_samples(48, 1, 2), EVERY, (3, SIDE, SIDE), fill=(IGNORE,) * 3)
    moved, seen = move_masks(masks, drawn), apply_plan(images, drawn)[:, 0]
    most, least = (sign * F.max_pool2d(sign * seen[:, None], 3, 1, 1)[:, 0] for sign in (1, -1))
    inner = most - least < 1e-3  # away from borders, where images are blended
    assert 0.7 < inner.float().mean() < 0.95
    assert moved[inner].float().allclose(seen[inner], atol=1e-3)
    assert set(moved.unique().tolist()) == {1, 5, 9, IGNORE}


def test_beyond_the_edge_a_mask_is_of_no_class_where_its_image_repeats_its_edge() -> None:
    shift = plan(AugmentRanges(translate=0.25), 1, TRANSLATE_X=1.0)
    images, masks = torch.ones(1, 3, SIDE, SIDE), torch.zeros(1, SIDE, SIDE, dtype=torch.uint8)
    assert apply_plan(images, shift).equal(images)
    moved = move_masks(masks, shift)
    assert moved[:, :, :48].equal(masks[:, :, :48])
    assert set(moved[:, :, 48:].unique().tolist()) == {IGNORE}


def test_colors_and_erasing_leave_masks_as_they_are() -> None:
    masks = random_masks(4)
    assert move_masks(masks, drawn_plan(AugmentRanges(hue=90, contrast=0.5), 4)) is masks
    assert move_masks(masks, drawn_plan(AugmentRanges(erase=0.9), 4)) is masks
    colored = replace(EVERY, saturation=0.5, brightness=0.3, erase=0.5)
    moved = move_masks(masks, drawn_plan(colored, 4))
    assert moved.equal(move_masks(masks, drawn_plan(EVERY, 4)))


def test_a_mask_moves_alike_in_any_batch_and_is_not_written_to() -> None:
    masks, drawn = random_masks(7), drawn_plan(EVERY, 7)
    before = masks.clone()
    whole = move_masks(masks, drawn)
    parts = [move_masks(masks[i : i + 2], drawn.slice(i, i + 2)) for i in range(0, 7, 2)]
    assert torch.cat(parts).equal(whole)
    assert masks.equal(before)


@pytest.mark.parametrize("name", LEVELS)
def test_images_with_masks_are_bit_for_bit_those_without(name: str) -> None:
    images = torch.rand((5, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(2))
    variation, uniform = replace(LEVELS[name], erase=0.2, hue=20), uniform_samples(5, 1, 2)
    alone = augment(images, uniform, variation)
    drawn = make_plan(uniform, variation, images.shape[1:])
    moved = move_masks(random_masks(5), drawn)
    assert apply_plan(images, drawn).equal(alone)
    assert moved.shape == (5, SIDE, SIDE)


def test_cutmix_pastes_the_same_rectangle_into_image_and_mask() -> None:
    masks = torch.arange(12, dtype=torch.uint8)[:, None, None].repeat(1, 20, 24)
    images = masks[:, None].float().repeat(1, 3, 1, 1).contiguous(memory_format=torch.channels_last)
    uniform, variation = uniform_samples(12, 3, 1), AugmentRanges(cutmix=1)
    mixed, _ = mix_images(images, uniform, variation)
    pasted = mix_masks(masks, uniform, variation)
    assert pasted.float().equal(mixed[:, 0])
    assert (pasted != masks).float().mean() > 0.3


def test_mixup_of_masks_is_refused() -> None:
    masks = random_masks(2)
    with pytest.raises(OptionError) as caught:
        mix_masks(masks, uniform_samples(2, 1, 1), AugmentRanges(mixup=0.2, cutmix=1))
    assert str(caught.value) == (
        "mixup blends two images, and a pixel of a mask is of one class only; "
        "leave mixup out, or use cutmix"
    )
