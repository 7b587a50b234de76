"""ResNet for signals: the residual blocks of ResNet with windows along one dimension.

He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016, sections 3.3 and 3.4,
table 1. https://arxiv.org/abs/1512.03385
Wang, Yan, Oates: Time series classification from scratch with deep neural networks: a strong
baseline, IJCNN 2017, showed residual networks of one dimension on 44 sets of signals.
https://arxiv.org/abs/1611.06455

| part   | what                             | output  |
| ------ | -------------------------------- | ------- |
| stem   | convolution of 7 /2, max of 3 /2 | 64x256  |
| stage1 | blocks of width 64               | 64x256  |
| stage2 | blocks of width 128, first at /2 | 128x128 |
| stage3 | blocks of width 256, first at /2 | 256x64  |
| stage4 | blocks of width 512, first at /2 | 512x32  |
| head   | average over positions, dense    | classes |

Not as in the papers: it is the ResNet-18 of 2015 with one dimension, deeper and with shorter
windows than that of 2017.
"""

from __future__ import annotations

from torch import nn

from striate.layers import chain
from striate.zoo.pages.card import Card
from striate.zoo.pages.resnet import stage


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv1d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return chain(conv=conv, norm=nn.BatchNorm1d(outputs))


def basic(inputs: int, width: int, stride: int) -> nn.Sequential:
    """Two convolutions of 3."""
    return chain(
        first=conv_norm(inputs, width, 3, stride),
        relu=nn.ReLU(inplace=True),
        second=conv_norm(width, width, 3),
    )


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity, or a convolution of 1 where the shape changes: option B."""
    same_shape = inputs == outputs and stride == 1
    return nn.Identity() if same_shape else conv_norm(inputs, outputs, 1, stride)


def resnet18_1d(*, channels: int = 1, classes: int = 5) -> nn.Sequential:
    """(N, channels, L) -> logits (N, classes)."""
    stem = chain(
        first=conv_norm(channels, 64, 7, stride=2),
        relu=nn.ReLU(inplace=True),
        pool=nn.MaxPool1d(3, stride=2, padding=1),
    )
    parts, inputs = {"stem": stem}, 64
    for number in (1, 2, 3, 4):
        width, stride = 32 << number, 1 if number == 1 else 2
        parts[f"stage{number}"] = stage(basic, projection, inputs, width, width, stride, 2)
        inputs = width
    head = chain(
        average=nn.AdaptiveAvgPool1d(1), flatten=nn.Flatten(), dense=nn.Linear(inputs, classes)
    )
    return chain(**parts, head=head)


CARDS = (
    Card("resnet18_1d", resnet18_1d, "He et al.", 2015, (1, 1024), 5, params=3_846_469,
         macs=174_295_552, receptive_field=435, input_kind="signal"),
)  # fmt: skip
