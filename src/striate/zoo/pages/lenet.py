"""LeNet-5 (1998): alternating convolution and subsampling, then three dense layers.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), section II B. http://yann.lecun.com/exdb/publis/pdf/lecun-01a.pdf

| part | what                   | output   | parameters |
| ---- | ---------------------- | -------- | ---------- |
| c1   | 6 convolutions 5x5     | 6x28x28  | 156        |
| s2   | average 2x2            | 6x14x14  | 0          |
| c3   | 16 convolutions 5x5    | 16x10x10 | 2,416      |
| s4   | average 2x2            | 16x5x5   | 0          |
| c5   | 120 convolutions 5x5   | 120      | 48,120     |
| f6   | dense                  | 84       | 10,164     |
| head | dense                  | 10       | 850        |

Not as in the paper: subsampling has no trainable scale and bias, C3 sees every map of S2, the
tanh is not scaled, and the output is a dense layer for softmax instead of distances to glyphs.
PyTorch's default initialization, uniform within 1/sqrt(inputs), is close to the paper's 2.4/inputs
rule for the sizes here.
"""

from __future__ import annotations

from torch import nn

from striate.layers import chain
from striate.zoo.pages.card import Card


def lenet5(*, channels: int = 1, classes: int = 10) -> nn.Sequential:
    """(N, channels, 32, 32) -> logits (N, classes)."""
    return chain(
        c1=chain(conv=nn.Conv2d(channels, 6, 5), tanh=nn.Tanh()),
        s2=nn.AvgPool2d(2),
        c3=chain(conv=nn.Conv2d(6, 16, 5), tanh=nn.Tanh()),
        s4=nn.AvgPool2d(2),
        c5=chain(conv=nn.Conv2d(16, 120, 5), tanh=nn.Tanh(), flatten=nn.Flatten()),
        f6=chain(dense=nn.Linear(120, 84), tanh=nn.Tanh()),
        head=nn.Linear(84, classes),
    )


CARDS = (
    Card("lenet5", lenet5, "LeCun et al.", 1998, (1, 32, 32), 10, params=61_706, macs=416_520,
         receptive_field=32, any_size=False),
)  # fmt: skip
