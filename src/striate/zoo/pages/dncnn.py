"""DnCNN (2017): a network that answers with the noise of a picture, which is taken off it.

Zhang, Zuo, Chen, Meng, Zhang: Beyond a Gaussian denoiser, IEEE Transactions on Image Processing 26,
2017, section III. https://arxiv.org/abs/1608.03981

| part    | what                                    | output    | parameters |
| ------- | --------------------------------------- | --------- | ---------- |
| stem    | 64 convolutions 3x3, ReLU               | 64x40x40  | 640        |
| conv2   | 64 convolutions 3x3, batch norm, ReLU   | 64x40x40  | 36,992     |
| ...     | the same, up to conv16                  | 64x40x40  | 517,888    |
| head    | convolution 3x3: the noise              | 1x40x40   | 577        |

The network of the paper for one strength of noise: 17 layers, gray patches. Nothing is pooled, so
that no detail is lost, and a pixel sees 35x35 pixels.
Not as in the paper: the head's weights begin near 0, so that the untrained network leaves pictures
almost as they are. Convolutions before batch norm have no bias. PyTorch's default initialization
else: uniform within 1/sqrt(fan-in).
"""

from __future__ import annotations

from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers import chain, conv_norm
from striate.zoo.pages.card import Card

_FAINT = 0.001  #: std of the head's first weights


class DnCNN(nn.Module):
    """stem, conv2, conv3, ... and head, whose output is taken off the input."""

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.stem = chain(conv=nn.Conv2d(channels, width, 3, padding=1), relu=nn.ReLU())
        for number in range(2, depth):
            self.add_module(f"conv{number}", conv_norm(width, width, 3, act=nn.ReLU))
        self.head = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.normal_(self.head.weight, std=_FAINT)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        noise = x
        for stage in self.children():
            noise = stage(noise)
        return x - noise


def dncnn(*, channels: int = 1, width: int = 64, depth: int = 17) -> DnCNN:
    """(N, channels, H, W) -> the same shape; `depth` counts the convolutions, 2 or more."""
    if depth < 2:
        raise OptionError(f"dncnn: depth must be 2 or more, but {depth} came")
    return DnCNN(channels, width, depth)


CARDS = (
    Card("dncnn", dncnn, "Zhang et al.", 2017, (1, 40, 40), 0,
         params=556_097, macs=886_579_200, receptive_field=35, output="image"),
)  # fmt: skip
