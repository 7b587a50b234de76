"""DCGAN (2015): a generator of images from noise, and a discriminator of real and generated ones.

Radford, Metz, Chintala: Unsupervised representation learning with deep convolutional generative
adversarial networks, ICLR 2016, section 3 and figure 1. https://arxiv.org/abs/1511.06434

| part   | generator                    | its output | discriminator     | its output |
| ------ | ---------------------------- | ---------- | ----------------- | ---------- |
| stem   | dense                        | 1024x4x4   | convolution 5x5/2 | 128x32x32  |
| stage1 | transposed convolution 5x5/2 | 512x8x8    | convolution 5x5/2 | 256x16x16  |
| stage2 | transposed convolution 5x5/2 | 256x16x16  | convolution 5x5/2 | 512x8x8    |
| stage3 | transposed convolution 5x5/2 | 128x32x32  | convolution 5x5/2 | 1024x4x4   |
| head   | transposed convolution 5x5/2 | 3x64x64    | dense             | 1          |

The generator uses batch norm and ReLU, and tanh in its head; the discriminator batch norm (not in
the stem) and leaky ReLU with slope 0.2. For 32x32 images both omit the stage of 1024 channels.
Weights are initialized normal with std 0.02, section 4. `dcgan` is both in one, to be trained.
Not as in the paper: the discriminator returns logits, the sigmoid is in the loss; it accepts any
image size, averaged to 4x4 positions before its head, the identity at its own size. The text
states no kernel size; 5x5 is from figure 1 and the authors' code.
"""

from __future__ import annotations

from torch import nn

from striate.errors import OptionError
from striate.layers import Adversarial, chain
from striate.zoo.pages.card import Card

NOISE = 100  # size of the latent vector
WIDTH = 128  # of the widest maps


def dcgan(
    *, channels: int = 3, classes: int = 1, size: int = 64, width: int = WIDTH
) -> Adversarial:
    """(N, channels, size, size) -> logits, and generated images with theirs. Raises OptionError."""
    code = NOISE + (classes if classes > 1 else 0)
    generator = dcgan_generator(channels=channels, size=size, width=width, code=code)
    discriminator = dcgan_discriminator(channels=channels, classes=classes, size=size, width=width)
    return Adversarial(generator, discriminator, NOISE, classes)


def dcgan_generator(
    *, channels: int = 3, size: int = 64, width: int = WIDTH, code: int = NOISE
) -> nn.Sequential:
    """(N, code, 1, 1) -> images (N, channels, size, size) from -1 to 1. Raises OptionError."""
    first, *widths = _widths(size, width)[::-1]
    stem = chain(
        flatten=nn.Flatten(),
        dense=nn.Linear(code, first * 4 * 4, bias=False),
        unflatten=nn.Unflatten(1, (first, 4, 4)),
        norm=nn.BatchNorm2d(first),
        relu=nn.ReLU(inplace=True),
    )
    parts, inputs = {"stem": stem}, first
    for number, width in enumerate(widths, start=1):
        parts[f"stage{number}"] = chain(
            deconv=nn.ConvTranspose2d(inputs, width, 5, 2, 2, output_padding=1, bias=False),
            norm=nn.BatchNorm2d(width),
            relu=nn.ReLU(inplace=True),
        )
        inputs = width
    last = nn.ConvTranspose2d(inputs, channels, 5, 2, 2, output_padding=1)
    return _drawn(chain(**parts, head=chain(deconv=last, tanh=nn.Tanh())))


def dcgan_discriminator(
    *, channels: int = 3, classes: int = 1, size: int = 64, width: int = WIDTH
) -> nn.Sequential:
    """(N, channels, H, W) -> logits (N, classes): above 0 for real. Raises OptionError."""
    first, *widths = _widths(size, width)
    stem = chain(conv=nn.Conv2d(channels, first, 5, 2, 2), relu=nn.LeakyReLU(0.2, inplace=True))
    parts, inputs = {"stem": stem}, first
    for number, width in enumerate(widths, start=1):
        parts[f"stage{number}"] = chain(
            conv=nn.Conv2d(inputs, width, 5, 2, 2, bias=False),
            norm=nn.BatchNorm2d(width),
            relu=nn.LeakyReLU(0.2, inplace=True),
        )
        inputs = width
    head = chain(
        average=nn.AdaptiveAvgPool2d(4),
        flatten=nn.Flatten(),
        dense=nn.Linear(inputs * 4 * 4, classes),
    )
    return _drawn(chain(**parts, head=head))


def _widths(size: int, width: int) -> list[int]:
    """Return the widths of the stages from half the size down to 4x4, doubling each time."""
    if size not in (32, 64):
        raise OptionError(f"size must be 32 or 64 for a DCGAN, but {size} came")
    return [width * 2**stage for stage in range(4 if size == 64 else 3)]


def _drawn(network: nn.Sequential) -> nn.Sequential:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


CARDS = (
    Card("dcgan", dcgan, "Radford et al.", 2015, (3, 64, 64), 1, params=36_087_940,
         macs=1_918_599_168, output="samples", any_size=False),
    Card("dcgan_generator", dcgan_generator, "Radford et al.", 2015, (NOISE, 1, 1), 0,
         params=18_855_043, macs=640_614_400, output="image", input_kind="code", any_size=False),
    Card("dcgan_discriminator", dcgan_discriminator, "Radford et al.", 2015, (3, 64, 64), 1,
         params=17_232_897, macs=638_992_384, receptive_field=61),
)  # fmt: skip
