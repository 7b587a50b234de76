"""Colors change as told, in colors and not in normalized values."""

from __future__ import annotations

import cmath
import math

import pytest
import torch
from torch import Tensor

from striate.data.augment import opencv, ranges
from striate.data.augment.color import apply_colors, color_maps
from striate.data.augment.plan import augment, uniform_samples
from striate.data.augment.ranges import DRAWS, AugmentRanges

MEAN, DEVIATION = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
LUMA = torch.tensor([0.299, 0.587, 0.114])
HUE_90 = AugmentRanges(hue=90)
EVERY = AugmentRanges(brightness=0.2, contrast=0.3, saturation=0.5, hue=60)


def drawn(count: int, **places: float) -> Tensor:
    rows = torch.full((count, DRAWS), 0.5)
    for name, value in places.items():
        rows[:, getattr(ranges, name)] = value
    return rows


def real() -> Tensor:
    return torch.rand((3, 3, 5, 7), generator=torch.Generator().manual_seed(2))


def column(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).reshape(1, 3, 1, 1)


def changed(batch: Tensor, uniform: Tensor, variation: AugmentRanges) -> Tensor:
    """Colors from 0 to 1, normalized, varied, and back."""
    normalized = (batch - column(MEAN)) / column(DEVIATION)
    varied = augment(normalized, uniform, variation, mean=MEAN, std=DEVIATION)
    return varied * column(DEVIATION) + column(MEAN)


def luma(batch: Tensor) -> Tensor:
    return torch.einsum("c,nchw->nhw", LUMA, batch)


def test_without_saturation_an_image_is_its_luma() -> None:
    gray = changed(real(), drawn(3, SATURATION=0.0), AugmentRanges(saturation=1))
    assert gray.allclose(luma(real())[:, None].expand(-1, 3, -1, -1), atol=1e-5)


def test_more_saturation_moves_colors_away_from_their_gray() -> None:
    more = changed(real(), drawn(3, SATURATION=1.0), AugmentRanges(saturation=0.4))
    gray = luma(real())[:, None]
    assert more.allclose(gray + 1.4 * (real() - gray), atol=1e-5)


def test_a_turn_of_hue_keeps_luma_and_grays_and_changes_colors() -> None:
    turned = changed(real(), drawn(3, HUE=0.8), AugmentRanges(hue=90))
    assert luma(turned).allclose(luma(real()), atol=1e-5)
    assert not turned.allclose(real(), atol=0.05)
    grays = real()[:, :1].expand(-1, 3, -1, -1)
    assert changed(grays, drawn(3, HUE=0.8), AugmentRanges(hue=90)).allclose(grays, atol=2e-3)


def test_two_half_turns_of_hue_come_back() -> None:
    half = AugmentRanges(hue=180)
    once = changed(real(), drawn(3, HUE=1.0), half)
    opposite = 2 * luma(real())[:, None] - real()
    assert once.allclose(opposite, atol=1e-4)
    assert (once - real()).abs().max() > 0.5
    assert changed(once, drawn(3, HUE=1.0), half).allclose(real(), atol=1e-4)


@pytest.mark.parametrize("least", [0, 10**9])
def test_a_cpu_colors_as_the_reference_does(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv, "_FROM", least)
    batch, uniform = real(), uniform_samples(3, 1, 1)
    expected = apply_colors(batch, *color_maps(uniform, EVERY, MEAN, DEVIATION))
    varied = augment(batch, uniform, EVERY, mean=MEAN, std=DEVIATION)
    assert varied.allclose(expected, atol=1e-5)


def test_gray_images_have_no_hue_and_no_saturation() -> None:
    batch, variation = real(), AugmentRanges(saturation=1, hue=180)
    gray = batch[:, :1]
    assert augment(gray, uniform_samples(3, 1, 1), variation).allclose(gray, atol=1e-6)
    assert (augment(batch, uniform_samples(3, 1, 1), variation) - batch).abs().max() > 0.3


def test_two_quarter_turns_of_hue_are_a_half_turn() -> None:
    quarter, half, most = AugmentRanges(hue=90), AugmentRanges(hue=180), drawn(3, HUE=1.0)
    once = changed(real(), most, quarter)
    turned = changed(real(), most, half)
    assert changed(once, most, quarter).allclose(turned, atol=1e-4)
    assert (once - real()).abs().max() > 0.3
    assert (once - turned).abs().max() > 0.3
    assert (turned - real()).abs().max() > 0.5


@pytest.mark.parametrize("share", [0.2, 0.75, 1.0])
def test_a_turn_of_hue_turns_the_chroma_by_its_angle(share: float) -> None:
    """The plane of chroma is that of YIQ, whose axes are written out here (NTSC 1953)."""
    matrix = torch.tensor(
        [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
    )
    angle = math.radians(90 * (2 * share - 1))
    before = torch.einsum("ic,nchw->inhw", matrix, real())
    after = torch.einsum("ic,nchw->inhw", matrix, changed(real(), drawn(3, HUE=share), HUE_90))
    chroma = torch.complex(before[1], before[2])
    turned = torch.complex(after[1], after[2])
    assert (turned - chroma * cmath.exp(1j * angle)).abs().max() < 5e-3
    assert (after[0] - before[0]).abs().max() < 1e-5
