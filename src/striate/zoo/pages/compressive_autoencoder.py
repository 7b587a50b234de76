"""Compressive autoencoder (2017): strided convolutions into a code, and sub-pixel ones out of it.

Theis, Shi, Cunningham, Huszár: Lossy image compression with compressive autoencoders, ICLR 2017,
section 3.3 and figure 2. https://arxiv.org/abs/1703.00395

| part    | what                                           | output    | parameters |
| ------- | ---------------------------------------------- | --------- | ---------- |
| encode1 | 64 convolutions 5x5, stride 2                  | 64x64x64  | 4,864      |
| encode2 | 128 convolutions 5x5, stride 2, 3 blocks       | 128x32x32 | 1,090,432  |
| encode3 | 96 convolutions 5x5, stride 2: the code        | 96x16x16  | 307,296    |
| decode1 | 512 convolutions 3x3, sub-pixel by 2, 3 blocks | 128x32x32 | 1,328,384  |
| decode2 | 256 convolutions 3x3, sub-pixel by 2           | 64x64x64  | 295,168    |
| head    | 12 convolutions 3x3, sub-pixel by 2            | 3x128x128 | 6,924      |

A block is two convolutions 3x3 beside what it is given; units are leaky. `widths` are those before
the code; each halves the sides, and the code once more. Nothing is pooled away, so what stands
where is not lost, as it is in a convolutional autoencoder of maxima.
Not as in the paper: the code is not rounded and its bits are not counted; borders are padded with
zeros instead of mirrored. PyTorch's default initialization: uniform within 1/sqrt(fan-in).
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from striate.layers import Added, chain
from striate.zoo.pages.card import Card

_SLOPE = 0.2


def shrunk(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 5, stride=2, padding=2)


def enlarged(inputs: int, outputs: int) -> nn.Sequential:
    """(N, inputs, H, W) -> (N, outputs, 2 H, 2 W)."""
    return chain(conv=nn.Conv2d(inputs, 4 * outputs, 3, padding=1), shuffle=nn.PixelShuffle(2))


def blocks(width: int, count: int) -> dict[str, nn.Module]:
    return {f"block{number}": block(width) for number in range(1, count + 1)}


def block(width: int) -> nn.Module:
    return Added(
        chain(
            conv1=nn.Conv2d(width, width, 3, padding=1),
            leaky=nn.LeakyReLU(_SLOPE),
            conv2=nn.Conv2d(width, width, 3, padding=1),
        )
    )


def compressive_autoencoder(*, channels: int = 3, widths: tuple[int, ...] = (64, 128),
                            code: int = 96, depth: int = 3) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> the same shape, through `code` numbers at every place of the code.

    H and W are multiples of 2^(number of widths + 1). `depth` is the blocks on either side.
    """
    last, parts = len(widths), dict[str, nn.Module]()
    for number, (inputs, outputs) in enumerate(pairwise((channels, *widths)), start=1):
        deep = blocks(outputs, depth if number == last else 0)
        leaky = nn.LeakyReLU(_SLOPE)
        parts[f"encode{number}"] = chain(conv=shrunk(inputs, outputs), leaky=leaky, **deep)
    parts[f"encode{last + 1}"] = shrunk(widths[-1], code)
    parts["decode1"] = chain(enlarge=enlarged(code, widths[-1]), **blocks(widths[-1], depth))
    for number, (inputs, outputs) in enumerate(pairwise(widths[::-1]), start=2):
        leaky = nn.LeakyReLU(_SLOPE)
        parts[f"decode{number}"] = chain(enlarge=enlarged(inputs, outputs), leaky=leaky)
    return chain(**parts, head=enlarged(widths[0], channels))


CARDS = (
    Card("compressive_autoencoder", compressive_autoencoder, "Theis et al.", 2017, (3, 128, 128), 0,
         params=3_033_068, macs=2_563_506_176, receptive_field=149, output="image",
         optimizer="adamw"),
)  # fmt: skip
