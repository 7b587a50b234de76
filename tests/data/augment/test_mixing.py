"""What is laid over an image has the size that its label says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from striate.data.augment.mixing import mix_images, mix_labels
from striate.data.augment.plan import augment, uniform_samples
from striate.data.augment.ranges import AugmentRanges
from striate.layers import AuxOutputs
from striate.tasks.classification import task as classification


def numbered(count: int, side: int = 10) -> tuple[Tensor, Tensor]:
    """Image n has the value n and the class n."""
    labels = torch.arange(count)
    return labels.float().reshape(-1, 1, 1, 1).expand(-1, 3, side, side).contiguous(), labels


@pytest.mark.parametrize(
    "variation",
    [AugmentRanges(mixup=0.5), AugmentRanges(cutmix=1), AugmentRanges(mixup=0.4, cutmix=0.9)],
)
def test_a_label_has_the_shares_of_its_image(variation: AugmentRanges) -> None:
    images, labels = numbered(12)
    uniform = uniform_samples(12, 3, 1)
    varied, share = mix_images(images, uniform, variation)
    shares = mix_labels(labels, 12, share)
    assert shares.sum(dim=1).allclose(torch.ones(12))
    assert ((shares > 0).sum(dim=1) <= 2).all()
    means = (shares * torch.arange(12.0)).sum(dim=1)
    assert varied.mean(dim=(1, 2, 3)).allclose(means, atol=1e-4)
    assert not shares.allclose(torch.eye(12), atol=0.1)


def test_mixup_weighs_whole_images_and_cutmix_takes_whole_pixels() -> None:
    images, _ = numbered(12)
    uniform = uniform_samples(12, 3, 1)
    veiled, _ = mix_images(images, uniform, AugmentRanges(mixup=0.5))
    assert (veiled.amax(dim=(1, 2, 3)) - veiled.amin(dim=(1, 2, 3))).max() < 1e-5
    cut, _ = mix_images(images, uniform, AugmentRanges(cutmix=1))
    assert cut.equal(cut.round())
    both, _ = mix_images(images, uniform, AugmentRanges(mixup=0.5, cutmix=1))
    kinds = {bool(p.equal(v)) for p, v in zip(both, veiled, strict=True)}
    assert kinds == {True, False}


def test_shares_are_even_up_to_the_value_asked_for() -> None:
    images, _ = numbered(1000, 16)
    for variation, most in ((AugmentRanges(mixup=0.6), 0.6), (AugmentRanges(cutmix=0.6), 0.6)):
        _, given = mix_images(images, uniform_samples(1000, 1, 1), variation)
        assert given.max() < most + 0.05
        assert abs(float(given.mean()) - most / 2) < 0.03


@pytest.mark.parametrize("channels", [1, 3])
def test_erasing_leaves_a_rectangle_of_zeros_of_the_drawn_area(channels: int) -> None:
    images = torch.ones(400, channels, 20, 20)
    varied = augment(images, uniform_samples(400, 5, 1), AugmentRanges(erase=0.5))
    assert set(varied.unique().tolist()) == {0.0, 1.0}
    gone = varied[:, 0] == 0
    for one in gone[:50]:
        if one.any():
            rows, columns = one.nonzero().unbind(dim=1)
            high, wide = (int(x.max() - x.min()) + 1 for x in (rows, columns))
            assert high * wide == int(one.sum())
    shares = gone.float().mean(dim=(1, 2))
    assert shares.max() < 0.55
    assert abs(float(shares.mean()) - 0.25) < 0.03
    assert images.min() == 1


def test_the_loss_of_shares_is_the_shared_loss() -> None:
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    one, two = torch.tensor([0, 1, 2, 3, 0, 1]), torch.tensor([1, 1, 0, 2, 3, 2])
    hot = torch.nn.functional.one_hot
    shares = 0.7 * hot(one, 4) + 0.3 * hot(two, 4)
    for outputs in (logits, AuxOutputs(logits, (logits * 2,), 0.3)):
        for smoothing in (0.0, 0.1):
            mixed_loss = classification.loss(outputs, shares, smoothing=smoothing)
            first, second = (
                classification.loss(outputs, x, smoothing=smoothing) for x in (one, two)
            )
            assert mixed_loss.allclose(0.7 * first + 0.3 * second, atol=1e-5)


def test_an_answer_is_right_when_it_names_the_largest_share() -> None:
    logits = torch.eye(3)
    shares = torch.tensor([[0.6, 0.4, 0.0], [0.6, 0.4, 0.0], [0.2, 0.0, 0.8]])
    assert int(classification.count_correct(logits, shares)) == 2
    assert int(classification.count_correct(logits, torch.tensor([0, 1, 0]))) == 2
