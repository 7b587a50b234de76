"""ResNet for 32x32 images (2015), and its plain counterparts without shortcuts.

He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016, section 4.2, table 6.
https://arxiv.org/abs/1512.03385

| part   | what                           | output   |
| ------ | ------------------------------ | -------- |
| stem   | 3x3 convolution                | 16x32x32 |
| stage1 | n blocks of width 16           | 16x32x32 |
| stage2 | n blocks of width 32, first /2 | 32x16x16 |
| stage3 | n blocks of width 64, first /2 | 64x8x8   |
| head   | average over positions, dense  | classes  |

6n + 2 layers: resnet20 32 44 56 110 have n = 3 5 7 9 18. Shortcuts are identities everywhere, with
zeros in the added channels (option A), so a network and its plain counterpart have the same
parameters. Weights start normal with variance 2 / fan-out, after He et al. 2015.
Not as in the paper: nothing.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from striate.layers import chain
from striate.zoo.pages.card import Card
from striate.zoo.pages.resnet import Shortcut, average_head, basic, conv_norm, stage


class PaddedIdentity(nn.Module):
    """Option A: strided identity, zero-padded in the added channels."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.new, self.stride = outputs - inputs, stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        if self.new == 0:
            return x
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


class Absent(nn.Module):
    """Zero shortcut of a plain network."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> zero, broadcastable to every shape."""
        return x.new_zeros(())


def absent(*_shape: int) -> nn.Module:
    return Absent()


def resnet_small(shortcut: Shortcut, blocks: int, *, channels: int = 3,
                 classes: int = 10) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes)."""
    return chain(
        stem=chain(first=conv_norm(channels, 16, 3), relu=nn.ReLU(inplace=True)),
        stage1=stage(basic, shortcut, 16, 16, 16, 1, blocks),
        stage2=stage(basic, shortcut, 16, 32, 32, 2, blocks),
        stage3=stage(basic, shortcut, 32, 64, 64, 2, blocks),
        head=average_head(64, classes),
    )


resnet20 = partial(resnet_small, PaddedIdentity, 3)
resnet32 = partial(resnet_small, PaddedIdentity, 5)
resnet44 = partial(resnet_small, PaddedIdentity, 7)
resnet56 = partial(resnet_small, PaddedIdentity, 9)
resnet110 = partial(resnet_small, PaddedIdentity, 18)
plain20 = partial(resnet_small, absent, 3)
plain32 = partial(resnet_small, absent, 5)
plain44 = partial(resnet_small, absent, 7)
plain56 = partial(resnet_small, absent, 9)

_card = partial(Card, paper="He et al.", year=2015, input=(3, 32, 32), classes=10)
CARDS = (
    _card("resnet20", resnet20, params=269_722, macs=40_551_040, receptive_field=81),
    _card("resnet32", resnet32, params=464_154, macs=68_862_592, receptive_field=137),
    _card("resnet44", resnet44, params=658_586, macs=97_174_144, receptive_field=193),
    _card("resnet56", resnet56, params=853_018, macs=125_485_696, receptive_field=249),
    _card("resnet110", resnet110, params=1_727_962, macs=252_887_680, receptive_field=501),
    _card("plain20", plain20, params=269_722, macs=40_551_040, receptive_field=81),
    _card("plain32", plain32, params=464_154, macs=68_862_592, receptive_field=137),
    _card("plain44", plain44, params=658_586, macs=97_174_144, receptive_field=193),
    _card("plain56", plain56, params=853_018, macs=125_485_696, receptive_field=249),
)
