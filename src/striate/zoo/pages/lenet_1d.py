"""LeNet-5 for signals: every window of LeNet-5 is as long as it was wide, and has no height.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), 1998, section II B.
http://yann.lecun.com/exdb/publis/pdf/lecun-01a.pdf

| part | what                   | output | parameters |
| ---- | ---------------------- | ------ | ---------- |
| c1   | 6 convolutions of 5    | 6x28   | 36         |
| s2   | average of 2           | 6x14   | 0          |
| c3   | 16 convolutions of 5   | 16x10  | 496        |
| s4   | average of 2           | 16x5   | 0          |
| c5   | 120 convolutions of 5  | 120    | 9,720      |
| f6   | dense                  | 84     | 10,164     |
| head | dense                  | 10     | 850        |

A longer signal leaves more units behind c5, all of which f6 sees: it is built for one length.
Not as in the paper: what `lenet5` does not do as in the paper, and the one dimension.
"""

from __future__ import annotations

from torch import nn

from striate.arithmetic import output_size
from striate.layers import chain
from striate.zoo.pages.card import Card


def lenet5_1d(*, channels: int = 1, classes: int = 10, size: int = 32) -> nn.Sequential:
    """(N, channels, size) -> logits (N, classes)."""
    length = size
    for kernel, stride in ((5, 1), (2, 2), (5, 1), (2, 2), (5, 1)):
        length = output_size(length, kernel, stride)
    return chain(
        c1=chain(conv=nn.Conv1d(channels, 6, 5), tanh=nn.Tanh()),
        s2=nn.AvgPool1d(2),
        c3=chain(conv=nn.Conv1d(6, 16, 5), tanh=nn.Tanh()),
        s4=nn.AvgPool1d(2),
        c5=chain(conv=nn.Conv1d(16, 120, 5), tanh=nn.Tanh(), flatten=nn.Flatten()),
        f6=chain(dense=nn.Linear(120 * length, 84), tanh=nn.Tanh()),
        head=nn.Linear(84, classes),
    )


CARDS = (
    Card("lenet5_1d", lenet5_1d, "LeCun et al.", 1998, (1, 32), 10, params=21_266, macs=26_160,
         receptive_field=32, input_kind="signal", any_size=False, smallest=32),
)  # fmt: skip
