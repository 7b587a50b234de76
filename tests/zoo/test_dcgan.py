"""DCGAN: a generator and a discriminator that fit each other."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate import verbs, zoo
from striate.errors import OptionError
from striate.layers import meta_init
from striate.zoo.pages import dcgan as page
from tests.zoo.test_zoo import CARDS, empty, on_meta, seeded, table, volumes

BOTH = ("dcgan_generator", "dcgan_discriminator")


@pytest.mark.parametrize("name", BOTH)
def test_the_table_of_the_page_is_true(name: str) -> None:
    heads, *rows = table(page)
    at = heads.index(name.removeprefix("dcgan_")) + 1
    assert {row[0]: row[at] for row in rows} == {
        part: volume for part, (volume, _) in volumes(CARDS[name]).items()
    }


@pytest.mark.parametrize(("size", "widest"), [(32, 512), (64, 1024)])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_one_draws_the_other_judges(size: int, widest: int, channels: int) -> None:
    with meta_init():
        generator, discriminator = (zoo.build(name, size=size, channels=channels) for name in BOTH)
    images = generator(empty(5, 100, 1, 1))
    assert images.shape == (5, channels, size, size)
    assert discriminator(images).shape == (5, 1)
    assert generator.get_submodule("stem")(empty(5, 100, 1, 1)).shape == (5, widest, 4, 4)
    assert discriminator[:-1](images).shape == (5, widest, 4, 4)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("size", [0, 28, 128])
def test_other_sizes_are_refused(name: str, size: int) -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build(name, size=size)
    assert str(caught.value) == f"size must be 32 or 64 for a DCGAN, but {size} came"


def test_a_generator_knows_no_classes() -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build("dcgan_generator", classes=3)
    assert str(caught.value) == (
        "no argument of dcgan_generator is called 'classes'; did you mean 'channels'?"
    )


@pytest.mark.parametrize("name", BOTH)
def test_weights_start_normal_with_deviation_two_hundredths(name: str) -> None:
    network = seeded(name, size=32)
    for path, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            spread = float(layer.weight.detach().std())
            assert abs(spread / 0.02 - 1) < 3 / layer.weight.numel() ** 0.5 + 0.005, path
            assert layer.bias is None or not layer.bias.any()
        elif isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.eq(1).all()


def test_images_lie_between_minus_one_and_one_and_use_the_range() -> None:
    generator = seeded("dcgan_generator", size=32)
    nn.init.normal_(generator.get_parameter("head.deconv.weight"))
    images = generator(torch.randn(8, 100, 1, 1)).detach()
    assert -1 <= float(images.min()) < -0.9
    assert 0.9 < float(images.max()) <= 1


def test_batch_norm_stands_where_the_paper_puts_it() -> None:
    """In all layers but the generator's last and the discriminator's first and last."""
    generator, discriminator = ([n for n, _ in on_meta(name).named_modules()] for name in BOTH)
    stages = [f"stage{number}.norm" for number in (1, 2, 3)]
    assert [path for path in generator if path.endswith("norm")] == ["stem.norm", *stages]
    assert [path for path in discriminator if path.endswith("norm")] == stages


def test_a_step_moves_both_toward_their_aims() -> None:
    """The judge learns to tell; the one that draws lowers the judge's certainty."""
    torch.manual_seed(2)
    generator, discriminator = (zoo.build(name, size=32, channels=1) for name in BOTH)
    noise, real = torch.randn(8, 100, 1, 1), torch.rand(8, 1, 32, 32) * 2 - 1

    def certainty() -> torch.Tensor:
        return discriminator(real).mean() - discriminator(generator(noise)).mean()

    for network, sign in ((discriminator, -1), (generator, 1)):
        optimizer = torch.optim.SGD(network.parameters(), 0.01)
        before = certainty()
        optimizer.zero_grad()
        (sign * before).backward()
        optimizer.step()
        change = float((certainty() - before).detach())
        assert sign * change < 0


@pytest.mark.parametrize("size", [None, 32])
def test_a_generator_is_described_by_its_image(size: int | None) -> None:
    summary = verbs.describe("dcgan_generator", size=size, channels=1)
    assert summary.input == (100, 1, 1)
    side = size or 64
    assert summary.layers[-1].output == (1, side, side)
