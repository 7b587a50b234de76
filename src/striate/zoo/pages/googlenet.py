"""GoogLeNet (2014): modules look at several scales at once, behind cheap 1x1 convolutions.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich: Going deeper with
convolutions, CVPR 2015, sections 4 to 6, table 1. https://arxiv.org/abs/1409.4842

| part        | what                                    | output     |
| ----------- | --------------------------------------- | ---------- |
| conv1       | 7x7/2                                   | 64x112x112 |
| pool1       | max 3x3/2, response norm                | 64x56x56   |
| conv2       | 1x1, 3x3                                | 192x56x56  |
| pool2       | response norm, max 3x3/2                | 192x28x28  |
| inception3a | 1x1, 3x3, 5x5 and max 3x3 side by side  | 256x28x28  |
| inception3b |                                         | 480x28x28  |
| pool3       | max 3x3/2                               | 480x14x14  |
| inception4a | its output is read by an auxiliary head | 512x14x14  |
| inception4b |                                         | 512x14x14  |
| inception4c |                                         | 512x14x14  |
| inception4d | its output is read by an auxiliary head | 528x14x14  |
| inception4e |                                         | 832x14x14  |
| pool4       | max 3x3/2                               | 832x7x7    |
| inception5a |                                         | 832x7x7    |
| inception5b |                                         | 1024x7x7   |
| head        | average, dropout 0.4, dense             | classes    |

The auxiliary heads (average 5x5/3, 1x1, dense, dropout 0.7, dense) have 6,379,728 of the parameters
and a loss weight of 0.3; `auxiliary=False` omits them. `googlenet_bn` is the variant whose
weights torchvision publishes: batch norm (eps 1e-3) after each convolution, no response norm and
no biases, 3x3 where the paper has 5x5, pool4 of 2x2, dropout 0.2, and auxiliary heads that average
over a 4x4 grid.
Not as in the paper: it does not specify the response norm (here as in AlexNet) nor how odd sizes
are halved (here pooling uses ceil mode). The parameter counts of its table 1 differ by up to 8 %
from those that its widths give. The auxiliary heads of `googlenet` first average to 14x14
positions, the identity at the paper's size. Where unspecified, kernels are initialized normal
with variance 2 / fan-in (2 / fan-out before a batch norm), all else with PyTorch's default.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from striate.layers import Branches, ResponseNorm, WithAuxHeads, chain, conv_norm_relu, dropout_head
from striate.zoo.pages.card import Card

#: outputs of 1x1, 3x3 (before it, of it), 5x5 (before it, of it) and after pooling: table 1
Widths = tuple[int, tuple[int, int], tuple[int, int], int]
MODULES: dict[str, Widths] = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
Conv = Callable[..., nn.Module]  # (inputs, outputs, kernel, stride=1)
Make = Callable[[], nn.Module]


def conv_relu(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return chain(conv=conv, relu=nn.ReLU(inplace=True))


def halving(kernel: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)


def grid() -> nn.Sequential:
    return chain(positions=nn.AdaptiveAvgPool2d(14), average=nn.AvgPool2d(5, stride=3))


def inception(conv: Conv, large: int, inputs: int, widths: Widths) -> Branches:
    """Figure 2b; `large` is the kernel of the 5x5 path."""
    one, three, five, pooled = widths
    return Branches(
        one=conv(inputs, one, 1),
        three=chain(narrow=conv(inputs, three[0], 1), conv=conv(*three, 3)),
        five=chain(narrow=conv(inputs, five[0], 1), conv=conv(*five, large)),
        pool=chain(pool=nn.MaxPool2d(3, stride=1, padding=1), conv=conv(inputs, pooled, 1)),
    )


def auxiliary_head(conv: Conv, grid: nn.Module, inputs: int, classes: int) -> nn.Sequential:
    first = chain(grid=grid, conv=conv(inputs, 128, 1), flatten=nn.Flatten())
    dense = chain(dense=nn.Linear(2048, 1024), relu=nn.ReLU(inplace=True), dropout=nn.Dropout(0.7))
    return chain(first=first, second=dense, last=nn.Linear(1024, classes))


def network(conv: Conv, norm: Make, grid: Make, large: int, last_pool: int, dropout: float, *,
            channels: int = 3, classes: int = 1000, auxiliary: bool = True,
            ) -> WithAuxHeads:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes); AuxOutputs in training, with two heads."""
    stages: dict[str, nn.Module] = {
        "conv1": conv(channels, 64, 7, 2),
        "pool1": chain(pool=halving(3), norm=norm()),
        "conv2": chain(narrow=conv(64, 64, 1), conv=conv(64, 192, 3)),
        "pool2": chain(norm=norm(), pool=halving(3)),
    }
    inputs, pools = 192, {"3b": halving(3), "4e": halving(last_pool)}
    for name, widths in MODULES.items():
        stages[f"inception{name}"] = inception(conv, large, inputs, widths)
        one, (_, three), (_, five), pooled = widths
        inputs = one + three + five + pooled
        if name in pools:
            stages[f"pool{name[0]}"] = pools[name]
    stages["head"] = dropout_head(inputs, classes, dropout)
    read = {"inception4a": 512, "inception4d": 528} if auxiliary else {}
    taps = {name: auxiliary_head(conv, grid(), width, classes) for name, width in read.items()}
    return WithAuxHeads(stages, taps, weight=0.3)


grid_bn = partial(nn.AdaptiveAvgPool2d, 4)
googlenet = partial(network, conv_relu, ResponseNorm, grid, 5, 3, 0.4)
googlenet_bn = partial(network, conv_norm_relu, nn.Identity, grid_bn, 3, 2, 0.2)

_card = partial(Card, paper="Szegedy et al.", year=2014, input=(3, 224, 224), classes=1000)
CARDS = (
    _card("googlenet", googlenet, params=13_378_280, macs=1_582_671_872, receptive_field=715,
          smallest=31, learning_rate=0.01),
    _card("googlenet_bn", googlenet_bn, params=13_004_888, macs=1_498_376_192, receptive_field=379,
          smallest=15),
)  # fmt: skip
