"""Augmentation of signals: shifts, stretches and offsets along one dimension."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from striate.data.augment.mixing import mix_images
from striate.data.augment.plan import apply_plan, make_plan, uniform_samples
from striate.data.augment.ranges import (
    BRIGHTNESS,
    CONTRAST,
    DRAWS,
    SCALE,
    TRANSLATE_X,
    AugmentRanges,
)  # fmt: skip


def drawn(column: int, value: float) -> Tensor:
    """Draws that change nothing but what one column says, of -1 to 1."""
    uniform = torch.full((1, DRAWS), 0.5)
    uniform[0, column] = (value + 1) / 2
    return uniform


def varied(
    signal: Tensor, uniform: Tensor, fill: tuple[float, ...] = (), **ranges: float
) -> Tensor:
    plan = make_plan(uniform, AugmentRanges(**ranges), signal.shape[1:], fill=fill)
    return apply_plan(signal, plan)


RAMP = torch.arange(10.0).reshape(1, 1, 10)


def test_a_shift_moves_by_a_share_of_the_length_and_pads() -> None:
    moved = varied(RAMP, drawn(TRANSLATE_X, 1), (-7.0,), translate=0.2)
    assert moved.flatten().tolist() == [2, 3, 4, 5, 6, 7, 8, 9, -7, -7]
    back = varied(RAMP, drawn(TRANSLATE_X, -1), translate=0.2)
    assert back.flatten().tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7]


def test_a_stretch_is_about_the_middle() -> None:
    longer = varied(RAMP, drawn(SCALE, 1), scale=0.5)
    expected = (torch.arange(10.0) - 4.5) / 1.5 + 4.5
    assert torch.allclose(longer.flatten(), expected, atol=1e-5)


def test_contrast_scales_about_the_mean_and_brightness_adds() -> None:
    signal = torch.tensor([[[-1.0, 0.0, 2.0]]])
    assert varied(signal, drawn(CONTRAST, 1), contrast=0.5).flatten().tolist() == [-1.5, 0, 3]
    assert varied(signal, drawn(BRIGHTNESS, -1), brightness=0.5).flatten().tolist() == [
        -1.5, -0.5, 1.5,
    ]  # fmt: skip


def test_all_channels_of_a_signal_move_together() -> None:
    signal = torch.randn(1, 3, 20)
    moved = varied(signal, drawn(TRANSLATE_X, 1), translate=0.1)
    assert torch.equal(moved[:, :, :18], signal[:, :, 2:])


@pytest.mark.parametrize("name", ["hflip", "vflip", "rotate", "shear", "hue", "crop", "aspect"])
def test_what_is_of_images_leaves_a_signal_as_it_is(name: str) -> None:
    uniform = uniform_samples(1, 3, 4)
    assert torch.equal(varied(RAMP, uniform, **{name: 0.5}), RAMP)


def test_what_is_erased_is_one_stretch() -> None:
    signal = torch.ones(40, 2, 50)
    found = varied(signal, uniform_samples(40, 1, 0), erase=0.4)
    gone = found == 0
    assert torch.equal(gone[:, 0], gone[:, 1])
    edges = gone[:, 0].int().diff(dim=1).abs().sum(dim=1)
    assert int(edges.max()) <= 2
    assert 0.15 < float(gone.float().mean()) < 0.25


def test_signals_are_mixed_with_the_next_by_the_share_that_is_told() -> None:
    signals = torch.arange(3.0)[:, None, None].expand(3, 1, 40)
    for ranges in (AugmentRanges(mixup=0.5), AugmentRanges(cutmix=0.5)):
        mixed, share = mix_images(signals, uniform_samples(3, 5, 0), ranges)
        following = signals.roll(-1, 0)
        expected = (1 - share) * signals[:, 0, 0] + share * following[:, 0, 0]
        assert torch.allclose(mixed.mean(dim=(1, 2)), expected, atol=1e-5)
        assert share.gt(0).all()
