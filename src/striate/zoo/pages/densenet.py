"""DenseNet (2016): every layer reads all layers before it and adds a few channels.

Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, CVPR 2017,
section 3, table 1. https://arxiv.org/abs/1608.06993

| part        | what                          | 121        | 169        | 201        | 161        |
| ----------- | ----------------------------- | ---------- | ---------- | ---------- | ---------- |
| stem        | 7x7/2 convolution, max 3x3/2  | 64x56x56   | 64x56x56   | 64x56x56   | 96x56x56   |
| dense1      | 6 layers                      | 256x56x56  | 256x56x56  | 256x56x56  | 384x56x56  |
| transition1 | half the channels, average /2 | 128x28x28  | 128x28x28  | 128x28x28  | 192x28x28  |
| dense2      | 12 layers                     | 512x28x28  | 512x28x28  | 512x28x28  | 768x28x28  |
| transition2 | half the channels, average /2 | 256x14x14  | 256x14x14  | 256x14x14  | 384x14x14  |
| dense3      | 24, 32, 48, 36 layers         | 1024x14x14 | 1280x14x14 | 1792x14x14 | 2112x14x14 |
| transition3 | half the channels, average /2 | 512x7x7    | 640x7x7    | 896x7x7    | 1056x7x7   |
| dense4      | 16, 32, 32, 24 layers         | 1024x7x7   | 1664x7x7   | 1920x7x7   | 2208x7x7   |
| head        | average over positions, dense | classes    | classes    | classes    | classes    |

A layer is norm, relu, 1x1 convolution to four times the growth, norm, relu, 3x3 convolution to the
growth: DenseNet-BC with compression 0.5. Weights of convolutions start normal with variance
2 / fan-in, after He et al. 2015; the dense layer has PyTorch's default.
Not as in the paper: densenet161, with growth 48, is not in table 1 but with the authors' code,
https://github.com/liuzhuang13/DenseNet; global average pooling accepts any image size.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from striate.layers import chain
from striate.zoo.pages.card import Card


class Grown(nn.Module):
    """[x, layer(x)]: concatenates new channels, equation 2."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, inputs + growth, H, W)."""
        return torch.cat((x, self.layer(x)), dim=1)


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv


def norm_conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Norm and relu come before the convolution: section 3, composite function."""
    return chain(
        norm=nn.BatchNorm2d(inputs),
        relu=nn.ReLU(inplace=True),
        conv=convolution(inputs, outputs, kernel),
    )


def dense_block(inputs: int, growth: int, depth: int) -> nn.Sequential:
    """Dense block of `depth` layers: figure 1."""
    layers: dict[str, nn.Module] = {}
    for number in range(depth):
        down = norm_conv(inputs + number * growth, 4 * growth, 1)
        layers[f"layer{number + 1}"] = Grown(chain(down=down, new=norm_conv(4 * growth, growth, 3)))
    return chain(**layers)


def transition(inputs: int) -> nn.Sequential:
    return chain(halve=norm_conv(inputs, inputs // 2, 1), pool=nn.AvgPool2d(2))


def densenet(growth: int, depths: Sequence[int], *, channels: int = 3,
             classes: int = 1000) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes)."""
    inputs = 2 * growth
    stem = chain(
        conv=convolution(channels, inputs, 7, stride=2),
        norm=nn.BatchNorm2d(inputs),
        relu=nn.ReLU(inplace=True),
        pool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    parts: dict[str, nn.Module] = {"stem": stem}
    for number, depth in enumerate(depths, start=1):
        parts[f"dense{number}"] = dense_block(inputs, growth, depth)
        inputs += growth * depth
        if number < len(depths):
            parts[f"transition{number}"] = transition(inputs)
            inputs //= 2
    head = chain(
        norm=nn.BatchNorm2d(inputs),
        relu=nn.ReLU(inplace=True),
        average=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        dense=nn.Linear(inputs, classes),
    )
    return chain(**parts, head=head)


densenet121 = partial(densenet, 32, (6, 12, 24, 16))
densenet169 = partial(densenet, 32, (6, 12, 32, 32))
densenet201 = partial(densenet, 32, (6, 12, 48, 32))
densenet161 = partial(densenet, 48, (6, 12, 36, 24))

_card = partial(
    Card, paper="Huang et al.", year=2016, input=(3, 224, 224), classes=1000, smallest=29
)
CARDS = (
    _card("densenet121", densenet121, params=7_978_856, macs=2_834_161_664, receptive_field=2071),
    _card("densenet169", densenet169, params=14_149_480, macs=3_359_843_328, receptive_field=3351),
    _card("densenet201", densenet201, params=20_013_928, macs=4_291_365_888, receptive_field=3863),
    _card("densenet161", densenet161, params=28_681_000, macs=7_727_907_072, receptive_field=2967),
)
