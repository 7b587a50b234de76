"""ResNet (2015): residual blocks, which make networks of over a hundred layers trainable.

He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016, sections 3.3 and 3.4,
table 1. https://arxiv.org/abs/1512.03385

| part   | what                             | output      | bottlenecks |
| ------ | -------------------------------- | ----------- | ----------- |
| stem   | 7x7/2 convolution, max 3x3/2     | 64x56x56    | 64x56x56    |
| stage1 | blocks of width 64               | 64x56x56    | 256x56x56   |
| stage2 | blocks of width 128, first at /2 | 128x28x28   | 512x28x28   |
| stage3 | blocks of width 256, first at /2 | 256x14x14   | 1024x14x14  |
| stage4 | blocks of width 512, first at /2 | 512x7x7     | 2048x7x7    |
| head   | average over positions, dense    | classes     | classes     |

Shortcuts that change width are projections (option B). Weights start normal with variance
2 / fan-out, after He et al. 2015, as section 3.4 says.
Not as in the paper: in a bottleneck the 3x3 convolution strides, not the first 1x1, as in all
published weights; the number of parameters is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from striate.layers import chain
from striate.zoo.pages.card import Card

Branch = Callable[[int, int, int], nn.Module]  # (inputs, width, stride)
Shortcut = Callable[[int, int, int], nn.Module]  # (inputs, outputs, stride)


class Residual(nn.Module):
    """relu(branch(x) + shortcut(x)): equations 1 and 2."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        return F.relu(self.branch(x) + self.shortcut(x), inplace=True)


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return chain(conv=conv, norm=nn.BatchNorm2d(outputs))


def basic(inputs: int, width: int, stride: int) -> nn.Sequential:
    """Two 3x3 convolutions: figure 5, left."""
    return chain(
        first=conv_norm(inputs, width, 3, stride),
        relu=nn.ReLU(inplace=True),
        second=conv_norm(width, width, 3),
    )


def bottleneck(inputs: int, width: int, stride: int) -> nn.Sequential:
    """1x1 down, 3x3, 1x1 up to four times the width: figure 5, right."""
    return chain(
        down=conv_norm(inputs, width, 1),
        relu1=nn.ReLU(inplace=True),
        middle=conv_norm(width, width, 3, stride),
        relu2=nn.ReLU(inplace=True),
        up=conv_norm(width, 4 * width, 1),
    )


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity, or a 1x1 convolution where the shape changes: option B."""
    same_shape = inputs == outputs and stride == 1
    return nn.Identity() if same_shape else conv_norm(inputs, outputs, 1, stride)


def stage(branch: Branch, shortcut: Shortcut, inputs: int, width: int, outputs: int, stride: int,
          depth: int) -> nn.Sequential:  # fmt: skip
    """`depth` residual blocks; the first strides and takes `inputs` channels."""
    blocks: dict[str, nn.Module] = {}
    for number in range(1, depth + 1):
        path, around = branch(inputs, width, stride), shortcut(inputs, outputs, stride)
        blocks[f"block{number}"] = Residual(path, around)
        inputs, stride = outputs, 1
    return chain(**blocks)


def average_head(inputs: int, classes: int) -> nn.Sequential:
    return chain(
        average=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dense=nn.Linear(inputs, classes)
    )


def resnet(branch: Branch, growth: int, depths: Sequence[int], *, channels: int = 3,
           classes: int = 1000) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes). `growth`: a block's outputs over its width."""
    stem = chain(
        first=conv_norm(channels, 64, 7, stride=2),
        relu=nn.ReLU(inplace=True),
        pool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    parts, inputs = {"stem": stem}, 64
    for number, depth in enumerate(depths, start=1):
        width, stride = 32 << number, 1 if number == 1 else 2
        outputs = growth * width
        parts[f"stage{number}"] = stage(branch, projection, inputs, width, outputs, stride, depth)
        inputs = outputs
    return chain(**parts, head=average_head(inputs, classes))


resnet18 = partial(resnet, basic, 1, (2, 2, 2, 2))
resnet34 = partial(resnet, basic, 1, (3, 4, 6, 3))
resnet50 = partial(resnet, bottleneck, 4, (3, 4, 6, 3))
resnet101 = partial(resnet, bottleneck, 4, (3, 4, 23, 3))
resnet152 = partial(resnet, bottleneck, 4, (3, 8, 36, 3))

_card = partial(Card, paper="He et al.", year=2015, input=(3, 224, 224), classes=1000)
CARDS = (
    _card("resnet18", resnet18, params=11_689_512, macs=1_814_073_344, receptive_field=435),
    _card("resnet34", resnet34, params=21_797_672, macs=3_663_761_408, receptive_field=899),
    _card("resnet50", resnet50, params=25_557_032, macs=4_089_184_256, receptive_field=427),
    _card("resnet101", resnet101, params=44_549_160, macs=7_801_405_440, receptive_field=971),
    _card("resnet152", resnet152, params=60_192_808, macs=11_513_626_624, receptive_field=1451),
)
