"""Convolutional autoencoder (2011): an image through a narrow code and back, without labels.

Masci, Meier, Ciresan, Schmidhuber: Stacked convolutional auto-encoders for hierarchical feature
extraction, ICANN 2011, sections 2.3 and 3. https://doi.org/10.1007/978-3-642-21735-7_7

| part    | what                             | output    | parameters |
| ------- | -------------------------------- | --------- | ---------- |
| encode1 | 100 convolutions 5x5, max 2x2    | 100x16x16 | 7,600      |
| encode2 | 150 convolutions 5x5, max 2x2    | 150x8x8   | 375,150    |
| encode3 | 200 convolutions 5x5, max 2x2    | 200x4x4   | 750,200    |
| decode1 | enlarge by 2, 150 convolutions   | 150x8x8   | 750,150    |
| decode2 | enlarge by 2, 100 convolutions   | 100x16x16 | 375,100    |
| head    | enlarge by 2, convolutions       | 3x32x32   | 7,503      |

The code is the output of the last encoder. A network of depth d keeps the size of images whose
sides are multiples of 2^d, and rounds other sides down to the next multiple.
Not as in the paper: all stages are trained jointly, not layer by layer; decoders upsample by
repetition and have their own weights, where the paper uses the encoder's flipped kernels; its
third kernel is 3x3. PyTorch's default initialization: uniform within 1/sqrt(fan-in).
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from striate.layers import ScaledTanh, chain
from striate.zoo.pages.card import Card


def encoder(inputs: int, outputs: int) -> nn.Sequential:
    return chain(
        conv=nn.Conv2d(inputs, outputs, 5, padding=2), tanh=ScaledTanh(), pool=nn.MaxPool2d(2)
    )


def decoder(inputs: int, outputs: int) -> nn.Sequential:
    return chain(enlarge=nn.Upsample(scale_factor=2), conv=nn.Conv2d(inputs, outputs, 5, padding=2))


def conv_autoencoder(*, channels: int = 3, widths: tuple[int, ...] = (100, 150, 200),
                     ) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> the same shape. One stage per width; the last is the code's.

    H and W are multiples of 2^(number of widths).
    """
    parts: dict[str, nn.Module] = {}
    for number, (inputs, outputs) in enumerate(pairwise((channels, *widths)), start=1):
        parts[f"encode{number}"] = encoder(inputs, outputs)
    for number, (inputs, outputs) in enumerate(pairwise(widths[::-1]), start=1):
        parts[f"decode{number}"] = decoder(inputs, outputs)
        parts[f"decode{number}"].add_module("tanh", ScaledTanh())
    return chain(**parts, head=decoder(widths[0], channels))


CARDS = (
    Card("conv_autoencoder", conv_autoencoder, "Masci et al.", 2011, (3, 32, 32), 0,
         params=2_265_703, macs=303_360_000, receptive_field=60, output="image", smallest=8),
)  # fmt: skip
