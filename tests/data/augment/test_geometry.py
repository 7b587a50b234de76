"""Images follow one map, and a CPU takes them where the reference does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from striate.data.augment import opencv, ranges
from striate.data.augment.geometry import affine_maps, warp
from striate.data.augment.plan import augment, uniform_samples
from striate.data.augment.ranges import DRAWS, AugmentRanges

EVERY = AugmentRanges(
    rotate=30, translate=0.2, scale=0.3, hflip=True, vflip=True, shear=15, aspect=0.4, crop=0.5
)


def drawn(count: int, **places: float) -> Tensor:
    """Draws that change nothing but what is named by its column."""
    rows = torch.full((count, DRAWS), 0.5)
    rows[:, ranges.CROP] = 0
    for name, value in places.items():
        rows[:, getattr(ranges, name)] = value
    return rows


def images(count: int, high: int, wide: int) -> Tensor:
    return torch.rand((count, 3, high, wide), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(("high", "wide"), [(9, 9), (12, 31), (64, 1)])
def test_positions_are_those_of_torch(high: int, wide: int) -> None:
    batch, places = (
        images(8, high, wide).double(),
        affine_maps(uniform_samples(8, 1, 2), EVERY, high, wide),
    )
    grid = F.affine_grid(places, list(batch.shape), align_corners=False)
    expected = F.grid_sample(batch, grid, padding_mode="border", align_corners=False)
    assert warp(batch, places).allclose(expected, atol=1e-12)


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
    batch, uniform = images(8, high, wide)[:, :channels], uniform_samples(8, 1, 2)
    fill = fill[:channels]
    expected = warp(batch, affine_maps(uniform, EVERY, high, wide), fill=fill)
    assert augment(batch, uniform, EVERY, fill=fill).allclose(expected, atol=1e-3)


@pytest.mark.parametrize("side", [16, 64])
def test_outside_a_translated_image_is_what_it_is_filled_with(side: int) -> None:
    batch = torch.ones((1, 3, side, side))
    seen = augment(
        batch, drawn(1, TRANSLATE_X=1.0), AugmentRanges(translate=0.25), fill=(-1.0, 0.5, 3.0)
    )
    new = side // 4
    kept, outside = seen[..., : side - new], seen[0, :, :, side - new :]
    assert kept.equal(torch.ones_like(kept))
    assert outside.equal(torch.tensor([-1.0, 0.5, 3.0])[:, None, None].expand_as(outside))
    repeated = augment(batch, drawn(1, TRANSLATE_X=1.0), AugmentRanges(translate=0.25))
    assert repeated.equal(batch)


def test_other_numbers_of_channels_are_varied_too() -> None:
    batch, uniform = images(4, 9, 9), uniform_samples(4, 1, 2)
    five = torch.cat((batch, batch[:, :2]), dim=1)
    assert augment(five, uniform, EVERY)[:, :3].allclose(augment(batch, uniform, EVERY), atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("side", [20, 60])
def test_the_number_of_threads_changes_no_bit(
    side: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opencv, "_THREADED", 0)
    batch, uniform = images(7, side, side), uniform_samples(7, 1, 2)
    variation = AugmentRanges(rotate=20, contrast=0.3, hue=20)
    expected, before = augment(batch, uniform, variation), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert augment(batch, uniform, variation).equal(expected)
    finally:
        torch.set_num_threads(before)


def test_a_flip_turns_an_image_upside_down() -> None:
    batch = images(2, 6, 8)
    assert augment(batch, drawn(2, VFLIP=0.1), AugmentRanges(vflip=True)).allclose(
        batch.flip(2), atol=1e-5
    )
    assert augment(batch, drawn(2, VFLIP=0.9), AugmentRanges(vflip=True)).allclose(batch, atol=1e-5)


def test_a_shear_of_45_degrees_moves_a_row_by_its_distance_from_the_middle() -> None:
    ramp = torch.arange(9.0).expand(1, 1, 9, 9)
    sheared = augment(ramp, drawn(1, SHEAR=1.0), AugmentRanges(shear=45))
    rows = torch.arange(9.0)[:, None] - 4
    assert sheared[0, 0].allclose((torch.arange(9.0) + rows).clamp(0, 8), atol=1e-4)


def test_a_change_of_aspect_keeps_the_area_and_changes_the_proportions() -> None:
    across = torch.arange(8.0).expand(1, 1, 8, 8)
    wider = AugmentRanges(aspect=3)
    ramp = augment(across, drawn(1, ASPECT=1.0), wider)
    assert ramp[0, 0, 0].allclose(3.5 + (torch.arange(8.0) - 3.5) / 2, atol=1e-5)
    down = augment(across.mT.contiguous(), drawn(1, ASPECT=1.0), wider)
    assert down[0, 0, :, 0].allclose((3.5 + (torch.arange(8.0) - 3.5) * 2).clamp(0, 7), atol=1e-5)


@pytest.mark.parametrize(("corner", "start"), [(0.0, 0.0), (1.0, 4.0)])
def test_a_crop_shows_a_part_of_the_image_whole(corner: float, start: float) -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    uniform = drawn(1, CROP=1.0, CROP_X=corner)
    cropped = augment(ramp, uniform, AugmentRanges(crop=0.75))
    expected = (start + (torch.arange(8.0) + 0.5) / 2 - 0.5).clamp(0, 7)
    assert cropped[0, 0, 3].allclose(expected, atol=1e-5)
