"""EfficientNet-Lite (2020): depth, width and resolution grow together, in plain operations only.

Liu: Higher accuracy on vision models with EfficientNet-Lite.
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html
Tan, Le: EfficientNet: Rethinking model scaling for convolutional neural networks, ICML 2019,
sections 3.3 and 4, table 1. https://arxiv.org/abs/1905.11946

| part   | what                           | lite0      | lite1      | lite2      |
| ------ | ------------------------------ | ---------- | ---------- | ---------- |
| stem   | 3x3/2 convolution              | 32x112x112 | 32x120x120 | 32x130x130 |
| stage1 | 3x3, does not widen inside     | 16x112x112 | 16x120x120 | 16x130x130 |
| stage2 | 2, 3, 3 blocks, 3x3, first /2  | 24x56x56   | 24x60x60   | 24x65x65   |
| stage3 | 2, 3, 3 blocks, 5x5, first /2  | 40x28x28   | 40x30x30   | 48x33x33   |
| stage4 | 3, 4, 4 blocks, 3x3, first /2  | 80x14x14   | 80x15x15   | 88x17x17   |
| stage5 | 3, 4, 4 blocks, 5x5            | 112x14x14  | 112x15x15  | 120x17x17  |
| stage6 | 4, 5, 5 blocks, 5x5, first /2  | 192x7x7    | 192x8x8    | 208x9x9    |
| stage7 | 1 block, 3x3                   | 320x7x7    | 320x8x8    | 352x9x9    |
| last   | 1x1 convolution                | 1280x7x7   | 1280x8x8   | 1280x9x9   |
| head   | average, dropout, dense        | classes    | classes    | classes    |

EfficientNet without squeeze-and-excitation, with ReLU6 instead of swish, and without scaling of the
stem, the depth of the first and last stage, and the last convolution. Padding is TensorFlow's
"same"; BatchNorm has eps 1e-3 and decay 0.99, as in the authors' code:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
Convolutions are initialized normal with variance 2 / fan-out, after He et al. 2015, the dense
layer with PyTorch's default.
Not as in the paper: no stochastic depth.
"""

from __future__ import annotations

import math
from functools import partial

from torch import nn

from striate.layers import chain, conv_norm, scaled
from striate.zoo.pages.card import Card
from striate.zoo.pages.mobilenet_v2 import stage

#: expansion, kernel, outputs, blocks and stride of each stage: table 1
STAGES = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)

conv = partial(
    conv_norm,
    act=partial(nn.ReLU6, inplace=True),
    norm=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01),
    same=True,
)


def efficientnet_lite(width: float, depth: float, dropout: float, *, channels: int = 3,
                      classes: int = 1000) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes). `width` and `depth` scale blocks: equation 3."""
    inputs, last = 32, 1280
    parts = {"stem": conv(channels, inputs, 3, 2)}
    for number, (widening, kernel, wide, blocks, stride) in enumerate(STAGES, start=1):
        outputs, fixed = scaled(wide, width), number in (1, len(STAGES))
        deep = blocks if fixed else math.ceil(depth * blocks)
        parts[f"stage{number}"] = stage(conv, inputs, widening, outputs, kernel, stride, deep)
        inputs = outputs
    head = chain(
        average=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        dropout=nn.Dropout(dropout),
        dense=nn.Linear(last, classes),
    )
    return chain(**parts, last=conv(inputs, last), head=head)


efficientnet_lite0 = partial(efficientnet_lite, 1.0, 1.0, 0.2)
efficientnet_lite1 = partial(efficientnet_lite, 1.0, 1.1, 0.2)
efficientnet_lite2 = partial(efficientnet_lite, 1.1, 1.2, 0.3)

_card = partial(Card, paper="Liu", year=2020, classes=1000)
CARDS = (
    _card("efficientnet_lite0", efficientnet_lite0, input=(3, 224, 224), params=4_652_008,
          macs=385_187_552, receptive_field=851),
    _card("efficientnet_lite1", efficientnet_lite1, input=(3, 240, 240), params=5_416_680,
          macs=600_185_232, receptive_field=1115),
    _card("efficientnet_lite2", efficientnet_lite2, input=(3, 260, 260), params=6_092_072,
          macs=859_736_272, receptive_field=1115),
)  # fmt: skip
