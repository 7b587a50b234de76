"""MobileNet (2017): depthwise then pointwise convolutions, for a ninth of the multiply-adds.

Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam: MobileNets: Efficient convolutional
neural networks for mobile vision applications, section 3, table 1. https://arxiv.org/abs/1704.04861

| part   | what                                         | output     |
| ------ | -------------------------------------------- | ---------- |
| stem   | 3x3/2 convolution                            | 32x112x112 |
| stage1 | 1 depthwise separable convolution            | 64x112x112 |
| stage2 | 2 depthwise separable convolutions, first /2 | 128x56x56  |
| stage3 | 2 depthwise separable convolutions, first /2 | 256x28x28  |
| stage4 | 6 depthwise separable convolutions, first /2 | 512x14x14  |
| stage5 | 2 depthwise separable convolutions, first /2 | 1024x7x7   |
| head   | average over positions, dense                | classes    |

`width` is the paper's alpha, 1, 0.75, 0.5 or 0.25 in its table 6; its rho is the images' size.
Not as in the paper: ReLU6, as in the authors' code and all published weights; the
last depthwise convolution keeps the size, as the volumes of table 1 do though its stride says 2;
scaled widths are multiples of 8. The paper states no initialization: convolutions are initialized
normal with variance 2 / fan-out, after He et al. 2015, the dense layer with PyTorch's default.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from striate.layers import chain, conv_norm, scaled
from striate.zoo.pages.card import Card
from striate.zoo.pages.resnet import average_head

#: width, convolutions and stride of each stage
STAGES = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2), (1024, 2, 2))

clipped = partial(conv_norm, act=partial(nn.ReLU6, inplace=True))


def separable(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """3x3 depthwise, then 1x1 pointwise convolution: figure 3, right."""
    return chain(
        depthwise=clipped(inputs, inputs, 3, stride, inputs), pointwise=clipped(inputs, outputs)
    )


def mobilenet_v1(*, channels: int = 3, classes: int = 1000, width: float = 1.0) -> nn.Sequential:
    """(N, channels, H, W) -> logits (N, classes). `width`: every layer's channels times this."""
    inputs = scaled(32, width)
    parts = {"stem": clipped(channels, inputs, 3, 2)}
    for number, (wide, depth, stride) in enumerate(STAGES, start=1):
        outputs, blocks = scaled(wide, width), dict[str, nn.Module]()
        for block in range(1, depth + 1):
            blocks[f"block{block}"] = separable(inputs, outputs, stride)
            inputs, stride = outputs, 1
        parts[f"stage{number}"] = chain(**blocks)
    return chain(**parts, head=average_head(inputs, classes))


CARDS = (
    Card("mobilenet_v1", mobilenet_v1, "Howard et al.", 2017, (3, 224, 224), 1000,
         params=4_231_976, macs=568_740_352, receptive_field=315),
)  # fmt: skip
