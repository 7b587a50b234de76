"""SqueezeNet (2016): 1x1 squeeze layers before 3x3 convolutions, a fiftieth of AlexNet's weights.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer: SqueezeNet: AlexNet-level accuracy with 50x fewer
parameters and <0.5MB model size, sections 3 and 5.1, table 1. https://arxiv.org/abs/1602.07360
Version 1.1: https://github.com/forresti/SqueezeNet/tree/master/SqueezeNet_v1.1

| part   | what                                    | 1.0        | 1.1        |
| ------ | --------------------------------------- | ---------- | ---------- |
| stem   | 7x7/2 convolution; in 1.1 3x3/2         | 96x111x111 | 64x113x113 |
| stage1 | max 3x3/2, fires 2 to 4; in 1.1 2 and 3 | 256x55x55  | 128x56x56  |
| stage2 | max 3x3/2, fires 5 to 8; in 1.1 4 and 5 | 512x27x27  | 256x28x28  |
| stage3 | max 3x3/2, fire 9; in 1.1 6 to 9        | 512x13x13  | 512x14x14  |
| head   | dropout, 1x1 convolution, relu, average | classes    | classes    |

Fire module i + 2 has 128 + 128 * floor(i / 2) outputs, half from 1x1 and half from 3x3 kernels, and
squeezes to an eighth of them. Pooling uses ceil mode, as in Caffe.
Weights are initialized normal with variance 2 / fan-in, after He et al. 2015, those of the head
with std 0.01 as in the authors' model; biases at zero.
Not as in the paper: the input is 227x227, as of the authors' models, from which the volumes of
table 1 follow, though its first row says 224x224; the relu in the head is the authors' models' too;
global average pooling accepts any image size.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.layers import chain
from striate.zoo.pages.card import Card


class Fire(nn.Module):
    """Fire module: 1x1 squeeze, then parallel 1x1 and 3x3 expand, figure 1."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        """`expanded`: outputs of each of the two expand convolutions."""
        super().__init__()
        self.squeeze = convolution(inputs, squeezed, 1)
        self.expand1 = convolution(squeezed, expanded, 1)
        self.expand3 = convolution(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, 2 * expanded, H, W)."""
        x = F.relu(self.squeeze(x), inplace=True)
        return F.relu(torch.cat((self.expand1(x), self.expand3(x)), dim=1), inplace=True)


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1,
                padding: int = 0) -> nn.Conv2d:  # fmt: skip
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def final_head(inputs: int, classes: int) -> nn.Sequential:
    conv = convolution(inputs, classes, 1)
    nn.init.normal_(conv.weight, std=0.01)
    return chain(
        dropout=nn.Dropout(0.5),
        conv=conv,
        relu=nn.ReLU(inplace=True),
        average=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
    )


def squeezenet(outputs: int, kernel: int, depths: Sequence[int], *, channels: int = 3,
               classes: int = 1000) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes). `outputs` and `kernel` are the stem's."""
    stem = chain(conv=convolution(channels, outputs, kernel, 2), relu=nn.ReLU(inplace=True))
    parts, inputs, fire = {"stem": stem}, outputs, 0
    for number, depth in enumerate(depths, start=1):
        blocks: dict[str, nn.Module] = {"pool": nn.MaxPool2d(3, stride=2, ceil_mode=True)}
        for _ in range(depth):
            expanded = 64 + 64 * (fire // 2)
            blocks[f"fire{fire + 2}"] = Fire(inputs, expanded // 4, expanded)
            inputs, fire = 2 * expanded, fire + 1
        parts[f"stage{number}"] = chain(**blocks)
    return chain(**parts, head=final_head(inputs, classes))


squeezenet1_0 = partial(squeezenet, 96, 7, (3, 4, 1))
squeezenet1_1 = partial(squeezenet, 64, 3, (2, 2, 4))

_card = partial(Card, paper="Iandola et al.", year=2016, input=(3, 227, 227), classes=1000)
CARDS = (
    _card("squeezenet1_0", squeezenet1_0, params=1_248_424, macs=832_667_936, receptive_field=155,
          smallest=21, learning_rate=0.003),
    _card("squeezenet1_1", squeezenet1_1, params=1_235_496, macs=387_747_520, receptive_field=207,
          smallest=17, learning_rate=0.003),
)  # fmt: skip
