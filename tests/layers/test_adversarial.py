"""A generator and a discriminator as one network."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from striate import zoo
from striate.layers import Adversarial
from tests.gans import build_pair, images


@pytest.fixture(params=[1, 4])
def pair(request: pytest.FixtureRequest) -> Adversarial:
    return build_pair(request.param)


def test_a_set_of_images_gives_the_same_ones_in_any_batches(pair: Adversarial):
    x = images(9)
    pair.eval()
    _, whole = pair(x)
    parts = [pair(part)[1] for part in x.split(2)]
    assert torch.equal(whole.classes, torch.cat([part.classes for part in parts]))
    made = torch.cat([part.images for part in parts])
    torch.testing.assert_close(whole.images, made, rtol=0, atol=1e-5)


def test_images_that_differ_in_one_level_give_others(pair: Adversarial):
    x = images(1)
    other = x.clone()
    other[0, 0, 5, 7] += 2 / 255
    pair.eval()
    difference = (pair(x)[1].images - pair(other)[1].images).abs().max()
    assert difference > 1e-4


def test_the_noise_is_uniform():
    drawn = list[Tensor]()
    pair = Adversarial(torch.nn.Identity(), torch.nn.Flatten(), noise=50, classes=3)
    pair.make = lambda noise, _classes: drawn.append(noise) or noise[:, :4].reshape(-1, 1, 2, 2)  # type: ignore[method-assign,func-returns-value]
    _, made = pair(torch.rand(40_000, 1, 2, 2))
    (noise,) = drawn
    assert noise.min() < -0.9999
    assert 0.9999 < noise.max() < 1
    counts = torch.histc(noise, 20, -1, 1) / noise.numel()
    torch.testing.assert_close(counts, torch.full((20,), 0.05), rtol=0, atol=0.0005)
    assert torch.corrcoef(noise.T).fill_diagonal_(0).abs().max() < 0.03
    assert (made.classes.bincount() / 40_000 - 1 / 3).abs().max() < 0.01


def test_the_generator_is_told_which_class_to_make():
    pair = zoo.build("dcgan", channels=1, classes=4, size=32, width=4)
    assert isinstance(pair, Adversarial)
    pair.eval()
    noise = torch.rand(1, 100) * 2 - 1
    made = [pair.make(noise, torch.tensor([name])) for name in range(4)]
    assert min((one - two).abs().max() for one, two in pairwise(made)) > 1e-4
