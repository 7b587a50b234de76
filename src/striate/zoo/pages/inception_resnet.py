"""Inception-ResNet v2 (2016): Inception modules as scaled residual branches.

Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet and the impact of residual
connections on learning, AAAI 2017, sections 3.2 and 3.3, figures 15 to 20, table 1.
https://arxiv.org/abs/1602.07261

| part    | what                                             | output     |
| ------- | ------------------------------------------------ | ---------- |
| stem    | as in Inception v3, then a module of four paths  | 320x35x35  |
| stage1  | 10 modules A: 3x3 beside two 3x3, scaled by 0.17 | 320x35x35  |
| reduce1 | 3x3/2, two 3x3 of which one /2, max 3x3/2        | 1088x17x17 |
| stage2  | 20 modules B: 1x7 and 7x1, scaled by 0.1         | 1088x17x17 |
| reduce2 | 3x3/2 twice, two 3x3 of which one /2, max 3x3/2  | 2080x8x8   |
| stage3  | 10 modules C: 1x3 and 3x1, nine scaled by 0.2    | 2080x8x8   |
| widen   | 1x1                                              | 1536x8x8   |
| head    | average over positions, dropout 0.2, dense       | classes    |

Not as in the paper: this is the network of the authors' published weights, as in timm. The paper
has the stem of Inception v4, 5, 10 and 5 modules of 384, 1154 and 2048 channels, here 10, 20 and 10
of 320, 1088 and 2080, and no `widen`; the last module has neither scaling nor a relu. The paper
scales by 0.1 to 0.3; the scales here are those of the authors' code. Average pooling excludes
padding. Where unspecified, kernels are initialized normal with variance 2 / fan-out, the dense
layer and biases with PyTorch's default; BatchNorm eps is 1e-3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from striate.layers import Branches, chain, conv_norm_relu, dropout_head, inner_average, path
from striate.zoo.pages.card import Card
from striate.zoo.pages.inception_v3 import stem
from striate.zoo.pages.inception_v4 import reduction_a


class Scaled(nn.Module):
    """x + scale * branch(x): figure 20, without its last relu."""

    def __init__(self, branch: nn.Module, scale: float) -> None:
        super().__init__()
        self.branch, self.scale = branch, scale

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return x + self.scale * self.branch(x)


def residual(module: Branches, inputs: int, width: int, scale: float) -> Scaled:
    """Residual module: a 1x1 convolution projects the branch's `inputs` channels to `width`."""
    back = nn.Conv2d(inputs, width, 1)
    nn.init.kaiming_normal_(back.weight, mode="fan_out", nonlinearity="relu")
    return Scaled(chain(module=module, back=back), scale)


def residuals(module: Callable[[], Branches], inputs: int, width: int, scale: float,
              depth: int) -> nn.Sequential:  # fmt: skip
    """`depth` modules, each ending with a relu."""
    blocks: dict[str, nn.Module] = {}
    for number in range(1, depth + 1):
        add = residual(module(), inputs, width, scale)
        blocks[f"block{number}"] = chain(add=add, relu=nn.ReLU(inplace=True))
    return chain(**blocks)


def first_module() -> Branches:
    """192 channels in, 320 out; not in the paper."""
    return Branches(
        one=path(192, (96, 1)),
        five=path(192, (48, 1), (64, 5)),
        threes=path(192, (64, 1), (96, 3), (96, 3)),
        pool=path(192, inner_average(), (64, 1)),
    )


def module_a() -> Branches:
    """Figure 16: 320 channels in, 128 out."""
    return Branches(
        one=path(320, (32, 1)),
        three=path(320, (32, 1), (32, 3)),
        threes=path(320, (32, 1), (48, 3), (64, 3)),
    )


def crossed(inputs: int, narrow: int, row: int, column: int, size: int) -> Branches:
    """Figures 17 and 19: 1x1 beside 1 x size and size x 1, with 192 + `column` outputs."""
    cross = path(inputs, (narrow, 1), (row, (1, size)), (column, (size, 1)))
    return Branches(one=path(inputs, (192, 1)), cross=cross)


module_b = partial(crossed, 1088, 128, 160, 192, 7)
module_c = partial(crossed, 2080, 192, 224, 256, 3)


def reduction_b() -> Branches:
    """Figure 18: 1088 channels in, 2080 out."""
    return Branches(
        three=path(1088, (256, 1), (384, 3, 2, 0)),
        other=path(1088, (256, 1), (288, 3, 2, 0)),
        threes=path(1088, (256, 1), (288, 3), (320, 3, 2, 0)),
        pool=nn.MaxPool2d(3, stride=2),
    )


def inception_resnet_v2(*, channels: int = 3, classes: int = 1000) -> nn.Sequential:
    """(N, channels, H, W) -> logits (N, classes)."""
    return chain(
        stem=chain(plain=stem(channels), module=first_module()),
        stage1=residuals(module_a, 128, 320, 0.17, depth=10),
        reduce1=reduction_a(320, 256, 256, 384, 384),
        stage2=residuals(module_b, 384, 1088, 0.1, depth=20),
        reduce2=reduction_b(),
        stage3=chain(
            scaled=residuals(module_c, 448, 2080, 0.2, depth=9),
            last=residual(module_c(), 448, 2080, 1.0),
        ),
        widen=conv_norm_relu(2080, 1536, 1),
        head=dropout_head(1536, classes, 0.2),
    )


CARDS = (
    Card("inception_resnet_v2", inception_resnet_v2, "Szegedy et al.", 2016, (3, 299, 299),
         1000, params=55_843_464, macs=13_155_794_016, receptive_field=3039, smallest=75),
)  # fmt: skip
