"""Images are varied as a loop over pixels would vary them, the same way whatever the batch."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from striate.data.augment import ranges
from striate.data.augment.plan import (
    DRAWS,
    LEVELS,
    AugmentRanges,
    augment,
    generator,
    uniform_samples,
)
from striate.options import Augment

MIDDLE = 0.5  # the draw that changes nothing


def images(count: int = 5, side: int = 9, channels: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(4)
    return torch.randn(count, channels, side, side, generator=random).contiguous(
        memory_format=torch.channels_last
    )


def uniform(count: int, **drawn: float) -> Tensor:
    """Draws that change nothing but what is named."""
    rows = torch.full((count, DRAWS), MIDDLE)
    for name, value in drawn.items():
        rows[:, getattr(ranges, name)] = value
    return rows


def naive(image: Tensor, row: Tensor, variation: AugmentRanges) -> np.ndarray:
    """One image, pixel by pixel, with float64."""
    signed = [2 * float(value) - 1 for value in row]
    angle = math.radians(variation.rotate * signed[0])
    enlarged = 1 + variation.scale * signed[1]
    values = image.double().numpy()
    channels, side, _ = values.shape
    out = np.empty_like(values)
    for down in range(side):
        for across in range(side):
            x, y = across - (side - 1) / 2, down - (side - 1) / 2
            if variation.hflip and row[4] < 0.5:
                x = -x
            x, y = x / enlarged, y / enlarged
            x, y = (
                x * math.cos(angle) - y * math.sin(angle),
                x * math.sin(angle) + y * math.cos(angle),
            )
            x += variation.translate * signed[2] * side + (side - 1) / 2
            y += variation.translate * signed[3] * side + (side - 1) / 2
            x, y = min(max(x, 0), side - 1), min(max(y, 0), side - 1)
            left, top = min(int(x), side - 2), min(int(y), side - 2)
            right, low = x - left, y - top
            for channel in range(channels):
                (a, b), (c, d) = values[channel, top : top + 2, left : left + 2]
                upper, lower = a * (1 - right) + b * right, c * (1 - right) + d * right
                out[channel, down, across] = upper * (1 - low) + lower * low
    mean = out.mean()
    return (out - mean) * (1 + variation.contrast * signed[5]) + mean + (
        4 * variation.brightness * signed[6]
    )  # fmt: skip


@pytest.mark.parametrize("name", [name for name in LEVELS if name != "none"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_is_varied_as_pixel_by_pixel(name: str, channels: int) -> None:
    batch, rows = images(6, 9, channels), uniform_samples(6, seed=2, epoch=3)
    varied = augment(batch, rows, LEVELS[name])
    for before, row, after in zip(batch, rows, varied, strict=True):
        expected = naive(before, row, LEVELS[name])
        np.testing.assert_allclose(after.numpy(), expected, atol=2e-5)


def test_no_variation_leaves_images_bit_for_bit() -> None:
    batch = images()
    before = batch.clone()
    assert augment(batch, uniform_samples(5, 1, 1), LEVELS["none"]) is batch
    assert batch.equal(before)


@pytest.mark.parametrize("name", LEVELS)
def test_the_batch_given_is_not_written_to(name: str) -> None:
    batch = images()
    before = batch.clone()
    augment(batch, uniform_samples(5, 1, 1), LEVELS[name])
    assert batch.equal(before)


@pytest.mark.parametrize("name", LEVELS)
def test_varied_images_are_finite_and_lie_as_before(name: str) -> None:
    batch = images(64, 8)
    for rows in (uniform_samples(64, 7, 1), torch.zeros(64, DRAWS), torch.ones(64, DRAWS)):
        varied = augment(batch, rows, LEVELS[name])
        assert varied.shape == batch.shape
        assert varied.dtype == torch.float32
        assert varied.isfinite().all()
        assert varied.is_contiguous(memory_format=torch.channels_last)


def test_a_shift_moves_by_whole_pixels_and_repeats_the_edge() -> None:
    batch = images(2, 8)
    left = augment(batch, uniform(2, TRANSLATE_X=1), AugmentRanges(translate=0.25))
    torch_columns = [2, 3, 4, 5, 6, 7, 7, 7]
    assert left.allclose(batch[:, :, :, torch_columns], atol=1e-5)
    down = augment(batch, uniform(2, TRANSLATE_Y=0), AugmentRanges(translate=0.125))
    assert down.allclose(batch[:, :, [0, 0, 1, 2, 3, 4, 5, 6]], atol=1e-5)


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    batch = images(2, 7)
    turned = augment(batch, uniform(2, ROTATE=1), AugmentRanges(rotate=90))
    assert turned.allclose(batch.rot90(1, (2, 3)), atol=1e-5)
    back = augment(batch, uniform(2, ROTATE=0), AugmentRanges(rotate=90))
    assert back.allclose(batch.rot90(-1, (2, 3)), atol=1e-5)


def test_scale_enlarges_the_middle() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    larger = augment(ramp, uniform(1, SCALE=1), AugmentRanges(scale=1))
    expected = 3.5 + (torch.arange(8.0) - 3.5) / 2
    assert larger.allclose(expected.expand(1, 1, 8, 8), atol=1e-5)
    smaller = augment(ramp, uniform(1, SCALE=0), AugmentRanges(scale=0.5))
    assert smaller.allclose((3.5 + (torch.arange(8.0) - 3.5) * 2).clamp(0, 7), atol=1e-5)


def test_the_mirror_swaps_left_and_right_and_nothing_else() -> None:
    batch = images(2, 9)
    for drawn in (0.0, 0.3, 0.49):
        flipped = augment(batch, uniform(2, HFLIP=drawn), AugmentRanges(hflip=True))
        assert flipped.allclose(batch.flip(3), atol=1e-5)
    for drawn in (0.5, 0.8):
        kept = augment(batch, uniform(2, HFLIP=drawn), AugmentRanges(hflip=True))
        assert kept.allclose(batch, atol=1e-5)


def test_half_of_the_images_are_flipped() -> None:
    batch = images(1, 4).expand(1000, 3, 4, 4)
    varied = augment(batch, uniform_samples(1000, 3, 1), AugmentRanges(hflip=True))
    flipped = (varied - batch.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-4
    kept = (varied - batch).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert (flipped ^ kept).all()
    assert 430 < int(flipped.sum()) < 570


def test_brightness_and_contrast_are_a_shift_and_a_scale_about_the_mean() -> None:
    batch = images(3, 6)
    light = augment(batch, uniform(3, BRIGHTNESS=1), AugmentRanges(brightness=0.2))
    assert light.allclose(batch + 0.8, atol=1e-5)
    flat = augment(batch, uniform(3, CONTRAST=0), AugmentRanges(contrast=0.25))
    mean = batch.mean(dim=(1, 2, 3), keepdim=True)
    assert flat.allclose(mean + (batch - mean) * 0.75, atol=1e-5)


@pytest.mark.parametrize("name", LEVELS)
def test_an_image_is_varied_alike_in_any_batch(name: str) -> None:
    batch, rows = images(12, 8), uniform_samples(12, 5, 2)
    whole = augment(batch, rows, LEVELS[name])
    for size in (1, 5):
        parts = [
            augment(part, some, LEVELS[name])
            for part, some in zip(batch.split(size), rows.split(size), strict=True)
        ]
        assert torch.cat(parts).equal(whole)


def test_draws_depend_on_seed_epoch_and_image_alone() -> None:
    rows = uniform_samples(50, seed=3, epoch=4)
    assert uniform_samples(50, seed=3, epoch=4).equal(rows)
    assert uniform_samples(20, seed=3, epoch=4).equal(rows[:20])
    torch.manual_seed(99)
    assert uniform_samples(50, seed=3, epoch=4).equal(rows)
    for seed, epoch in ((4, 4), (3, 5), (4, 3)):
        assert not (uniform_samples(50, seed=seed, epoch=epoch) == rows).all(dim=1).any()
    assert not (rows[0] == rows[1]).all()


def test_drawing_leaves_the_callers_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    uniform_samples(50, 3, 4)
    assert torch.get_rng_state().equal(before)


def test_draws_are_even_from_0_to_1() -> None:
    rows = uniform_samples(4000, 1, 1)
    assert rows.shape == (4000, DRAWS)
    assert float(rows.min()) >= 0
    assert float(rows.max()) < 1
    assert (rows.mean(dim=0) - 0.5).abs().max() < 0.03
    assert (rows.std(dim=0) - 12**-0.5).abs().max() < 0.02


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**63 - 1])
def test_every_seed_has_its_own_numbers(seed: int) -> None:
    drawn = {
        float(torch.rand(1, generator=generator(one, epoch, stream)))
        for one in (seed, seed + 5)
        for epoch in (0, 1)
        for stream in (0, 1)
    }
    assert len(drawn) == 8


def test_order_and_variation_are_drawn_apart() -> None:
    order = torch.rand((9, DRAWS), generator=generator(3, 4, stream=0))
    assert not (uniform_samples(9, seed=3, epoch=4) == order).any()


def test_every_choice_of_the_option_is_a_variation() -> None:
    assert set(LEVELS) == set(get_args(Augment))
    strength = [(v.rotate, v.translate, v.scale, v.brightness, v.contrast) for v in LEVELS.values()]
    for weaker, stronger in pairwise(strength):
        assert all(a <= b for a, b in zip(weaker, stronger, strict=True))
