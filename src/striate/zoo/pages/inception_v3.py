"""Inception v3 (2015): large convolutions factorized into small and asymmetric ones.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception architecture for computer vision,
CVPR 2016, sections 3 to 6, table 1. https://arxiv.org/abs/1512.00567

| part    | what                                                  | output    |
| ------- | ----------------------------------------------------- | --------- |
| stem    | 3x3/2, 3x3, 3x3, max 3x3/2, 1x1, 3x3, max 3x3/2       | 192x35x35 |
| stage1  | 3 modules: 5x5 beside two 3x3 (figure 5)              | 288x35x35 |
| reduce1 | 3x3/2, two 3x3 of which one /2, max 3x3/2 (figure 10) | 768x17x17 |
| stage2  | 4 modules: 7x7 as 1x7 and 7x1 (figure 6)              | 768x17x17 |
| reduce2 | 3x3/2, 7x7 and 3x3/2, max 3x3/2                       | 1280x8x8  |
| stage3  | 2 modules: 3x3 as 1x3 beside 3x1 (figure 7)           | 2048x8x8  |
| head    | average over positions, dropout 0.5, dense            | classes   |

In training, an auxiliary head reads the output of stage2: average 5x5/3, 1x1 to 128 channels,
5x5 to 768, dense. It has 3,326,696 of the parameters; `auxiliary=False` omits it.
Not as in the paper: it states no module widths. These are those of the authors' published weights,
as are the stem (table 1 ends it with 3x3, 3x3/2, 3x3) and the 5x5 path of stage1 (a 3x3 in
figure 5). The paper has neither dropout nor a weight for the auxiliary loss: 0.5 is from
torchvision, whose network this one equals, 0.4 from the authors' code (tensorflow/models,
research/slim). The auxiliary head first averages to 17x17 positions, the identity at the paper's
size. Where unspecified, kernels are initialized normal with variance 2 / fan-out, dense layers
with PyTorch's default; BatchNorm eps is 1e-3.
"""

from __future__ import annotations

from torch import nn

from striate.layers import Branches, WithAuxHeads, chain, dropout_head, fork, path
from striate.zoo.pages.card import Card


def average() -> nn.AvgPool2d:
    return nn.AvgPool2d(3, stride=1, padding=1)


def stem(channels: int) -> nn.Sequential:
    return chain(
        first=path(channels, (32, 3, 2, 0), (32, 3, 1, 0), (64, 3)),
        pool1=nn.MaxPool2d(3, stride=2),
        second=path(64, (80, 1), (192, 3, 1, 0)),
        pool2=nn.MaxPool2d(3, stride=2),
    )


def square(inputs: int, pooled: int) -> Branches:
    """Figure 5, with 224 + `pooled` outputs."""
    return Branches(
        one=path(inputs, (64, 1)),
        five=path(inputs, (48, 1), (64, 5)),
        threes=path(inputs, (64, 1), (96, 3), (96, 3)),
        pool=path(inputs, average(), (pooled, 1)),
    )


def crossed(width: int) -> Branches:
    """Figure 6 with n = 7: rows and columns in turn, 768 channels in and out."""
    row, column = (1, 7), (7, 1)
    sevens = [(width, column), (width, row), (width, column), (192, row)]
    return Branches(
        one=path(768, (192, 1)),
        seven=path(768, (width, 1), (width, row), (192, column)),
        sevens=path(768, (width, 1), *sevens),
        pool=path(768, average(), (192, 1)),
    )


def forked(inputs: int) -> Branches:
    """Figure 7, with 2048 outputs."""
    return Branches(
        one=path(inputs, (320, 1)),
        three=path(inputs, (384, 1), fork(384, 384)),
        threes=path(inputs, (448, 1), (384, 3), fork(384, 384)),
        pool=path(inputs, average(), (192, 1)),
    )


def reduce1(inputs: int) -> Branches:
    return Branches(
        three=path(inputs, (384, 3, 2, 0)),
        threes=path(inputs, (64, 1), (96, 3), (96, 3, 2, 0)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def reduce2(inputs: int) -> Branches:
    return Branches(
        three=path(inputs, (192, 1), (320, 3, 2, 0)),
        seven=path(inputs, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, 0)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def auxiliary_head(inputs: int, classes: int) -> nn.Sequential:
    """(N, inputs, H, W) -> logits (N, classes): figure 8."""
    return chain(
        grid=nn.AdaptiveAvgPool2d(17),
        average=nn.AvgPool2d(5, stride=3),
        convs=path(inputs, (128, 1), (768, 5, 1, 0)),
        flatten=nn.Flatten(),
        dense=nn.Linear(768, classes),
    )


def inception_v3(*, channels: int = 3, classes: int = 1000, auxiliary: bool = True) -> WithAuxHeads:
    """(N, channels, H, W) -> logits (N, classes); AuxOutputs in training, with one head."""
    stages = {
        "stem": stem(channels),
        "stage1": chain(block1=square(192, 32), block2=square(256, 64), block3=square(288, 64)),
        "reduce1": reduce1(288),
        "stage2": chain(
            **{f"block{n}": crossed(width) for n, width in enumerate((128, 160, 160, 192), start=1)}
        ),
        "reduce2": reduce2(768),
        "stage3": chain(block1=forked(1280), block2=forked(2048)),
        "head": dropout_head(2048, classes, 0.5),
    }
    return WithAuxHeads(
        stages, {"stage2": auxiliary_head(768, classes)} if auxiliary else {}, weight=0.4
    )


CARDS = (
    Card("inception_v3", inception_v3, "Szegedy et al.", 2015, (3, 299, 299), 1000,
         params=27_161_264, macs=5_713_216_096, receptive_field=1311, smallest=75),
)  # fmt: skip
