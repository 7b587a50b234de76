"""MobileNetV2 (2018): inverted residuals, with shortcuts between narrow linear bottlenecks.

Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted residuals and linear bottlenecks,
CVPR 2018, sections 3 and 4, table 2. https://arxiv.org/abs/1801.04381

| part   | what                                       | output     |
| ------ | ------------------------------------------ | ---------- |
| stem   | 3x3/2 convolution                          | 32x112x112 |
| stage1 | 1 block that does not widen inside         | 16x112x112 |
| stage2 | 2 blocks, 6 times as wide inside, first /2 | 24x56x56   |
| stage3 | 3 blocks, 6 times as wide inside, first /2 | 32x28x28   |
| stage4 | 4 blocks, 6 times as wide inside, first /2 | 64x14x14   |
| stage5 | 3 blocks, 6 times as wide inside           | 96x14x14   |
| stage6 | 3 blocks, 6 times as wide inside, first /2 | 160x7x7    |
| stage7 | 1 block, 6 times as wide inside            | 320x7x7    |
| last   | 1x1 convolution                            | 1280x7x7   |
| head   | average over positions, dense              | classes    |

`width` is the paper's multiplier, 0.35 to 1.4; it scales the last convolution only upwards (section
4). Scaled widths are multiples of 8, as in the authors' code. Table 4 gives 6.9 million parameters
and 585 million multiply-adds at width 1.4; these rules give 6.1 and 582, as the authors' code does.
Not as in the paper: nothing. It states no initialization and no dropout: convolutions are
initialized normal with variance 2 / fan-out, after He et al. 2015, the dense layer with PyTorch's
default, and there is no dropout.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from striate.layers import ConvNorm, chain, conv_norm, inverted_residual, scaled
from striate.zoo.pages.card import Card
from striate.zoo.pages.resnet import average_head

#: expansion, outputs, blocks and stride of each stage: t, c, n and s of table 2
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

clipped = partial(conv_norm, act=partial(nn.ReLU6, inplace=True))


def stage(conv: ConvNorm, inputs: int, widening: int, outputs: int, kernel: int, stride: int,
          depth: int) -> nn.Sequential:  # fmt: skip
    """`depth` inverted residuals; the first strides and takes `inputs` channels."""
    blocks: dict[str, nn.Module] = {}
    for number in range(1, depth + 1):
        inside = widening * inputs
        blocks[f"block{number}"] = inverted_residual(conv, inputs, inside, outputs, kernel, stride)
        inputs, stride = outputs, 1
    return chain(**blocks)


def mobilenet_v2(*, channels: int = 3, classes: int = 1000, width: float = 1.0) -> nn.Sequential:
    """(N, channels, H, W) -> logits (N, classes). `width`: every layer's channels times this."""
    inputs = scaled(32, width)
    parts = {"stem": clipped(channels, inputs, 3, 2)}
    for number, (widening, wide, depth, stride) in enumerate(STAGES, start=1):
        outputs = scaled(wide, width)
        parts[f"stage{number}"] = stage(clipped, inputs, widening, outputs, 3, stride, depth)
        inputs = outputs
    last = scaled(1280, max(1.0, width))
    return chain(**parts, last=clipped(inputs, last), head=average_head(last, classes))


CARDS = (
    Card("mobilenet_v2", mobilenet_v2, "Sandler et al.", 2018, (3, 224, 224), 1000,
         params=3_504_872, macs=300_774_272, receptive_field=491),
)  # fmt: skip
