"""MobileNetV3 (2019): blocks from architecture search, squeeze-and-excitation, hard-swish.

Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam: Searching for
MobileNetV3, ICCV 2019, section 5, tables 1 and 2. https://arxiv.org/abs/1905.02244

| part   | what                                       | large      | small      |
| ------ | ------------------------------------------ | ---------- | ---------- |
| stem   | 3x3/2 convolution                          | 16x112x112 | 16x112x112 |
| stage1 | 1 block; in small /2                       | 16x112x112 | 16x56x56   |
| stage2 | 2 blocks, first /2                         | 24x56x56   | 24x28x28   |
| stage3 | 3 blocks, first /2                         | 40x28x28   | 40x14x14   |
| stage4 | 4 blocks, first /2; in small 2, no stride  | 80x14x14   | 48x14x14   |
| stage5 | 2 blocks; in small 3, first /2             | 112x14x14  | 96x7x7     |
| stage6 | 3 blocks, first /2                         | 160x7x7    | -          |
| last   | 1x1 convolution                            | 960x7x7    | 576x7x7    |
| head   | average over positions, dense twice        | classes    | classes    |

BatchNorm decay is 0.99 and dropout is 0.2 (section 6.1.1); squeeze layers have a quarter of the
channels, rounded to a multiple of 8. `width` is the paper's multiplier, 0.35 to 1.25, as in the
authors' code: expansion factors are the table's, the first dense layer scales only upwards.
Not as in the paper: the last convolution of the small network has no squeeze-and-excitation, as in
the authors' code. The paper states neither epsilon nor initialization: BatchNorm has the authors'
1e-3, convolutions are initialized normal with variance 2 / fan-out, after He et al. 2015, the
squeeze and dense layers with PyTorch's default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from striate.layers import chain, conv_norm, inverted_residual, scaled
from striate.zoo.pages.card import Card

#: kernel, expanded channels, outputs, squeeze, activation, stride: a row of table 1 or 2
Row = tuple[int, int, int, bool, Callable[[], nn.Module], int]

RE, HS, SE = partial(nn.ReLU, inplace=True), nn.Hardswish, True
LARGE = (
    ((3, 16, 16, not SE, RE, 1),),
    ((3, 64, 24, not SE, RE, 2), (3, 72, 24, not SE, RE, 1)),
    ((5, 72, 40, SE, RE, 2), *2 * ((5, 120, 40, SE, RE, 1),)),
    ((3, 240, 80, not SE, HS, 2), (3, 200, 80, not SE, HS, 1), *2 * ((3, 184, 80, not SE, HS, 1),)),
    ((3, 480, 112, SE, HS, 1), (3, 672, 112, SE, HS, 1)),
    ((5, 672, 160, SE, HS, 2), *2 * ((5, 960, 160, SE, HS, 1),)),
)
SMALL = (
    ((3, 16, 16, SE, RE, 2),),
    ((3, 72, 24, not SE, RE, 2), (3, 88, 24, not SE, RE, 1)),
    ((5, 96, 40, SE, HS, 2), *2 * ((5, 240, 40, SE, HS, 1),)),
    ((5, 120, 48, SE, HS, 1), (5, 144, 48, SE, HS, 1)),
    ((5, 288, 96, SE, HS, 2), *2 * ((5, 576, 96, SE, HS, 1),)),
)

conv3 = partial(conv_norm, norm=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01))


class Excite(nn.Module):
    """Squeeze-and-excitation: channels scaled by a gate on all channels' averages, figure 4."""

    def __init__(self, inputs: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, inputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> the same shape."""
        averages = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.excite(F.relu(self.squeeze(averages), inplace=True)))


def block(row: Row, inputs: int, width: float) -> nn.Module:
    """Return an inverted residual; the expansion factor is relative to `scaled(inputs, width)`."""
    kernel, wide, outputs, squeeze, act, stride = row
    narrow = scaled(inputs, width)
    inside = scaled(wide, narrow / inputs)
    excite = Excite(inside, scaled(inside, 1 / 4)) if squeeze else None
    conv = partial(conv3, act=act)
    return inverted_residual(conv, narrow, inside, scaled(outputs, width), kernel, stride, excite)


def mobilenet_v3(rows: Sequence[Sequence[Row]], wide: int, *, channels: int = 3,
                 classes: int = 1000, width: float = 1.0) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes). `width`: every layer's channels times this."""
    inputs = 16
    parts: dict[str, nn.Module] = {"stem": conv3(channels, scaled(inputs, width), 3, 2, act=HS)}
    for number, stage in enumerate(rows, start=1):
        blocks: dict[str, nn.Module] = {}
        for place, row in enumerate(stage, start=1):
            blocks[f"block{place}"] = block(row, inputs, width)
            inputs = row[2]
        parts[f"stage{number}"] = chain(**blocks)
    last, dense = scaled(6 * inputs, width), scaled(wide, max(1.0, width))
    head = chain(
        average=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        wide=nn.Linear(last, dense),
        act=HS(),
        dropout=nn.Dropout(0.2),
        dense=nn.Linear(dense, classes),
    )
    return chain(**parts, last=conv3(scaled(inputs, width), last, act=HS), head=head)


mobilenet_v3_small = partial(mobilenet_v3, SMALL, 1024)
mobilenet_v3_large = partial(mobilenet_v3, LARGE, 1280)

_card = partial(Card, paper="Howard et al.", year=2019, input=(3, 224, 224), classes=1000)
CARDS = (
    _card("mobilenet_v3_small", mobilenet_v3_small, params=2_542_856, macs=56_510_400),
    _card("mobilenet_v3_large", mobilenet_v3_large, params=5_483_032, macs=216_589_760),
)
