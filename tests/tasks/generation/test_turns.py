"""The turns in which discriminator and generator learn."""

from __future__ import annotations

import pytest
import torch

from striate.layers import Adversarial
from striate.tasks.generation.turns import DiscriminatorTurn, GeneratorTurn, shift_images
from tests.gans import build_pair, images


@pytest.fixture(params=[1, 4])
def pair(request: pytest.FixtureRequest) -> Adversarial:
    return build_pair(request.param)


def reached(pair: Adversarial) -> tuple[bool, bool]:
    """Whether generator and discriminator have gradients, each wholly or not at all."""
    found = [
        {param.grad is not None for param in part.parameters()}
        for part in (pair.generator, pair.discriminator)
    ]
    ((generator,), (discriminator,)) = found
    return generator, discriminator


def test_the_discriminators_turn_leaves_the_generator_alone(pair: Adversarial):
    real, made = DiscriminatorTurn(pair, 0.125)(images(4))
    (real.logits.sum() + made.logits.sum()).backward()
    assert reached(pair) == (False, True)


def test_the_generators_turn_leaves_the_discriminator_alone(pair: Adversarial):
    GeneratorTurn(pair, 0.125)(images(4)).logits.sum().backward()
    assert reached(pair) == (True, False)


def test_each_image_is_shifted_by_whole_pixels_and_its_edges_extend():
    x = torch.arange(8.0).expand(200, 1, 8, 8) + 10 * torch.arange(8.0)[:, None]
    shifted = shift_images(x, 0.25)
    found = set[tuple[int, int]]()
    for image in shifted[:, 0]:
        down, right = (int(image[3, 3]) // 10 - 3, int(image[3, 3]) % 10 - 3)
        rows, columns = ((torch.arange(8) + by).clamp(0, 7) for by in (down, right))
        assert torch.equal(image, x[0, 0][rows][:, columns])
        found.add((down, right))
    assert found == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}
    assert shift_images(x, 0) is x
