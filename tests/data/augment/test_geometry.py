"""Pictures, masks and boxes follow one map, and a CPU takes them where the reference does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment import opencv, ranges
from striate.data.augment.geometry import maps, sampled
from striate.data.augment.plan import draws, varied_boxes, varied_masks, vary
from striate.data.augment.ranges import DRAWS, Variation

EVERY = Variation(
    turn=30, shift=0.2, scale=0.3, mirror=True, flip=True, shear=15, stretch=0.4, crop=0.5
)


def drawn(count: int, **places: float) -> Tensor:
    """Draws that change nothing but what is named by its column."""
    rows = torch.full((count, DRAWS), 0.5)
    rows[:, ranges.CROP] = 0
    for name, value in places.items():
        rows[:, getattr(ranges, name)] = value
    return rows


def pictures(count: int, high: int, wide: int) -> Tensor:
    return torch.rand((count, 3, high, wide), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(("high", "wide"), [(9, 9), (12, 31), (64, 1)])
def test_positions_are_those_of_torch(high: int, wide: int) -> None:
    batch, places = pictures(8, high, wide).double(), maps(draws(8, 1, 2), EVERY, high, wide)
    grid = F.affine_grid(places, list(batch.shape), align_corners=False)
    expected = F.grid_sample(batch, grid, padding_mode="border", align_corners=False)
    assert sampled(batch, places).allclose(expected, atol=1e-12)


@pytest.mark.parametrize(("high", "wide"), [(9, 9), (12, 31), (64, 64)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fill", [(), (-0.3, 1.2, 7.0)])
def test_a_cpu_samples_as_the_reference_does(
    high: int,
    wide: int,
    channels: int,
    fill: tuple[float, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opencv, "_FROM", 0)
    batch, uniform = pictures(8, high, wide)[:, :channels], draws(8, 1, 2)
    fill = fill[:channels]
    expected = sampled(batch, maps(uniform, EVERY, high, wide), fill=fill)
    assert vary(batch, uniform, EVERY, fill=fill).allclose(expected, atol=1e-3)


@pytest.mark.parametrize("side", [16, 64])
def test_outside_a_shifted_picture_is_what_it_is_filled_with(side: int) -> None:
    batch = torch.ones((1, 3, side, side))
    seen = vary(batch, drawn(1, ACROSS=1.0), Variation(shift=0.25), fill=(-1.0, 0.5, 3.0))
    new = side // 4
    kept, outside = seen[..., : side - new], seen[0, :, :, side - new :]
    assert kept.equal(torch.ones_like(kept))
    assert outside.equal(torch.tensor([-1.0, 0.5, 3.0])[:, None, None].expand_as(outside))
    repeated = vary(batch, drawn(1, ACROSS=1.0), Variation(shift=0.25))
    assert repeated.equal(batch)


def test_other_numbers_of_channels_are_varied_too() -> None:
    batch, uniform = pictures(4, 9, 9), draws(4, 1, 2)
    five = torch.cat((batch, batch[:, :2]), dim=1)
    assert vary(five, uniform, EVERY)[:, :3].allclose(vary(batch, uniform, EVERY), atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("side", [20, 60])
def test_the_number_of_threads_changes_no_bit(
    side: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opencv, "_THREADED", 0)
    batch, uniform = pictures(7, side, side), draws(7, 1, 2)
    variation = Variation(turn=20, contrast=0.3, hue=20)
    expected, before = vary(batch, uniform, variation), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert vary(batch, uniform, variation).equal(expected)
    finally:
        torch.set_num_threads(before)


def test_a_flip_turns_a_picture_upside_down() -> None:
    batch = pictures(2, 6, 8)
    assert vary(batch, drawn(2, FLIP=0.1), Variation(flip=True)).allclose(batch.flip(2), atol=1e-5)
    assert vary(batch, drawn(2, FLIP=0.9), Variation(flip=True)).allclose(batch, atol=1e-5)


def test_a_shear_of_45_degrees_moves_a_row_by_its_distance_from_the_middle() -> None:
    ramp = torch.arange(9.0).expand(1, 1, 9, 9)
    sheared = vary(ramp, drawn(1, SHEAR=1.0), Variation(shear=45))
    rows = torch.arange(9.0)[:, None] - 4
    assert sheared[0, 0].allclose((torch.arange(9.0) + rows).clamp(0, 8), atol=1e-4)


def test_a_stretch_keeps_the_area_and_changes_the_proportions() -> None:
    across = torch.arange(8.0).expand(1, 1, 8, 8)
    wider = Variation(stretch=3)
    ramp = vary(across, drawn(1, STRETCH=1.0), wider)
    assert ramp[0, 0, 0].allclose(3.5 + (torch.arange(8.0) - 3.5) / 2, atol=1e-5)
    down = vary(across.mT.contiguous(), drawn(1, STRETCH=1.0), wider)
    assert down[0, 0, :, 0].allclose((3.5 + (torch.arange(8.0) - 3.5) * 2).clamp(0, 7), atol=1e-5)


@pytest.mark.parametrize(("corner", "start"), [(0.0, 0.0), (1.0, 4.0)])
def test_a_crop_shows_a_part_of_the_picture_whole(corner: float, start: float) -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    uniform = drawn(1, CROP=1.0, CROP_ACROSS=corner)
    cropped = vary(ramp, uniform, Variation(crop=0.75))
    expected = (start + (torch.arange(8.0) + 0.5) / 2 - 0.5).clamp(0, 7)
    assert cropped[0, 0, 3].allclose(expected, atol=1e-5)


def test_masks_move_with_their_pictures_and_get_no_new_values() -> None:
    labels = torch.randint(0, 9, (6, 16, 16), generator=torch.Generator().manual_seed(1))
    masks, uniform = labels * 31, draws(6, 4, 4)
    moved = varied_masks(masks, uniform, EVERY)
    assert moved.dtype == masks.dtype
    assert set(moved.unique().tolist()) <= set(masks.unique().tolist())
    turned = varied_masks(masks, drawn(6, TURN=1.0), Variation(turn=90))
    assert turned.equal(masks.rot90(1, (1, 2)))
    mirrored = varied_masks(masks, drawn(6, MIRROR=0.0), Variation(mirror=True))
    assert mirrored.equal(masks.flip(2))
    assert varied_masks(masks, uniform, Variation(hue=90)) is masks


def test_boxes_move_on_known_maps() -> None:
    boxes = torch.tensor([[[1.0, 2.0, 4.0, 3.0]]])
    mirrored = varied_boxes(boxes, drawn(1, MIRROR=0.0), Variation(mirror=True), 8, 10)
    assert mirrored.allclose(torch.tensor([6.0, 2.0, 9.0, 3.0]))
    turned = varied_boxes(boxes, drawn(1, TURN=1.0), Variation(turn=90), 10, 10)
    assert turned.allclose(torch.tensor([2.0, 6.0, 3.0, 9.0]), atol=1e-5)
    shifted = varied_boxes(boxes, drawn(1, ACROSS=1.0), Variation(shift=0.2), 8, 10)
    assert shifted.allclose(torch.tensor([0.0, 2.0, 2.0, 3.0]), atol=1e-5)
    assert varied_boxes(boxes, drawn(1), Variation(hue=90), 8, 10) is boxes


@pytest.mark.parametrize(("high", "wide"), [(40, 40), (30, 50)])
def test_a_box_still_holds_what_it_held(high: int, wide: int) -> None:
    batch = torch.zeros(12, 1, high, wide)
    batch[:, :, 12:18, 15:24] = 1
    boxes = torch.tensor([15.0, 12.0, 24.0, 18.0]).expand(12, 1, 4)
    variation, uniform = Variation(turn=40, shear=10, mirror=True, scale=0.2), draws(12, 2, 2)
    moved = varied_boxes(boxes, uniform, variation, high, wide)
    for picture, box in zip(vary(batch, uniform, variation), moved[:, 0], strict=True):
        rows, columns = (picture[0] > 0.5).nonzero().unbind(dim=1)
        found = torch.stack((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        assert (found - box).abs().max() < 1.6
