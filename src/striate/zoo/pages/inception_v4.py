"""Inception v4 (2016): one uniform recipe of modules for each size of the maps.

Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet and the impact of residual
connections on learning, AAAI 2017, section 3.1, figures 3 to 9. https://arxiv.org/abs/1602.07261

| part    | what                                               | output     |
| ------- | -------------------------------------------------- | ---------- |
| stem    | three 3x3, then three junctions (figure 3)         | 384x35x35  |
| stage1  | 4 modules A: 3x3 beside two 3x3 (figure 4)         | 384x35x35  |
| reduce1 | 3x3/2, two 3x3 of which one /2, max 3x3/2 (7)      | 1024x17x17 |
| stage2  | 7 modules B: 1x7 and 7x1 in turn (figure 5)        | 1024x17x17 |
| reduce2 | 3x3/2, 7x7 as 1x7 and 7x1 and 3x3/2, max 3x3/2 (8) | 1536x8x8   |
| stage3  | 3 modules C: 1x3 beside 3x1 (figure 6)             | 1536x8x8   |
| head    | average over positions, dropout 0.2, dense         | classes    |

Not as in the paper: where its figures and the authors' published weights differ, this follows the
weights, as timm does: the stem's 1x7 comes before its 7x1, the long path of module B begins with
7x1, that of module C with 3x1. Average pooling excludes padding. Where unspecified, kernels are
initialized normal with variance 2 / fan-out, the dense layer with PyTorch's default; BatchNorm eps
is 1e-3.
"""

from __future__ import annotations

from torch import nn

from striate.layers import (
    Branches,
    chain,
    conv_norm_relu,
    dropout_head,
    fork,
    inner_average,
    path,
)
from striate.zoo.pages.card import Card

ROW, COLUMN = (1, 7), (7, 1)


def stem(channels: int) -> nn.Sequential:
    """Figure 3."""
    return chain(
        first=path(channels, (32, 3, 2, 0), (32, 3, 1, 0), (64, 3)),
        junction1=Branches(pool=nn.MaxPool2d(3, stride=2), three=conv_norm_relu(64, 96, 3, 2, 0)),
        junction2=Branches(
            three=path(160, (64, 1), (96, 3, 1, 0)),
            seven=path(160, (64, 1), (64, ROW), (64, COLUMN), (96, 3, 1, 0)),
        ),
        junction3=Branches(three=conv_norm_relu(192, 192, 3, 2, 0), pool=nn.MaxPool2d(3, stride=2)),
    )


def module_a() -> Branches:
    """Figure 4: 384 channels in and out."""
    return Branches(
        one=path(384, (96, 1)),
        three=path(384, (64, 1), (96, 3)),
        threes=path(384, (64, 1), (96, 3), (96, 3)),
        pool=path(384, inner_average(), (96, 1)),
    )


def reduction_a(inputs: int, narrow: int, middle: int, last: int, wide: int) -> Branches:
    """Figure 7: k, l, m and n of table 1 are `narrow`, `middle`, `last` and `wide`."""
    return Branches(
        three=path(inputs, (wide, 3, 2, 0)),
        threes=path(inputs, (narrow, 1), (middle, 3), (last, 3, 2, 0)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def module_b() -> Branches:
    """Figure 5: 1024 channels in and out."""
    sevens = [(192, COLUMN), (224, ROW), (224, COLUMN), (256, ROW)]
    return Branches(
        one=path(1024, (384, 1)),
        seven=path(1024, (192, 1), (224, ROW), (256, COLUMN)),
        sevens=path(1024, (192, 1), *sevens),
        pool=path(1024, inner_average(), (128, 1)),
    )


def reduction_b() -> Branches:
    """Figure 8: 1024 channels in, 1536 out."""
    return Branches(
        three=path(1024, (192, 1), (192, 3, 2, 0)),
        seven=path(1024, (256, 1), (256, ROW), (320, COLUMN), (320, 3, 2, 0)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def module_c() -> Branches:
    """Figure 6: 1536 channels in and out."""
    return Branches(
        one=path(1536, (256, 1)),
        three=path(1536, (384, 1), fork(384, 256)),
        threes=path(1536, (384, 1), (448, (3, 1)), (512, (1, 3)), fork(512, 256)),
        pool=path(1536, inner_average(), (256, 1)),
    )


def inception_v4(*, channels: int = 3, classes: int = 1000) -> nn.Sequential:
    """(N, channels, H, W) -> logits (N, classes)."""
    return chain(
        stem=stem(channels),
        stage1=chain(**{f"block{n}": module_a() for n in range(1, 5)}),
        reduce1=reduction_a(384, 192, 224, 256, 384),
        stage2=chain(**{f"block{n}": module_b() for n in range(1, 8)}),
        reduce2=reduction_b(),
        stage3=chain(**{f"block{n}": module_c() for n in range(1, 4)}),
        head=dropout_head(1536, classes, 0.2),
    )


CARDS = (
    Card("inception_v4", inception_v4, "Szegedy et al.", 2016, (3, 299, 299), 1000,
         params=42_679_816, macs=12_253_974_624, receptive_field=2071, smallest=75),
)  # fmt: skip
