"""U-Net (2015): a contracting path, and an expanding one that gets its volumes again.

Ronneberger, Fischer, Brox: U-Net: Convolutional networks for biomedical image segmentation, MICCAI
2015, sections 2 and 3, figure 1. https://arxiv.org/abs/1505.04597

| part    | what                                                   | output      | parameters |
| ------- | ------------------------------------------------------ | ----------- | ---------- |
| encode1 | 2 convolutions 3x3                                     | 64x576x576  | 37,696     |
| encode2 | max 2x2, 2 convolutions 3x3                            | 128x288x288 | 221,696    |
| encode3 | max 2x2, 2 convolutions 3x3                            | 256x144x144 | 885,760    |
| encode4 | max 2x2, 2 convolutions 3x3                            | 512x72x72   | 3,540,992  |
| encode5 | max 2x2, 2 convolutions 3x3                            | 1024x36x36  | 14,159,872 |
| decode4 | transposed 2x2/2, beside encode4, 2 convolutions 3x3   | 512x72x72   | 9,177,600  |
| decode3 | transposed 2x2/2, beside encode3, 2 convolutions 3x3   | 256x144x144 | 2,295,040  |
| decode2 | transposed 2x2/2, beside encode2, 2 convolutions 3x3   | 128x288x288 | 574,080    |
| decode1 | transposed 2x2/2, beside encode1, 2 convolutions 3x3   | 64x576x576  | 143,680    |
| head    | 1x1 convolution                                        | 2x576x576   | 130        |

`width` is that of encode1, 64 in the paper; the others follow. Convolutions start normal with
variance 2 / fan-in (section 3; He et al. 2015).
Not as in the paper: as in nearly all implementations since, convolutions are padded by 1 and have a
batch norm in place of a bias, and there is no dropout. So the map is as large as the image, which
is padded with zeros to multiples of 16, where the paper's is 388x388 for an image of 572x572.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers import chain, pad_to_multiple
from striate.zoo.pages.card import Card

DEPTH = 4  # poolings
_WIDEST = 1024


def convolution(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return chain(conv=conv, norm=nn.BatchNorm2d(outputs), relu=nn.ReLU(inplace=True))


def encoder(inputs: int, outputs: int, *, pooled: bool) -> nn.Sequential:
    parts = {"pool": nn.MaxPool2d(2)} if pooled else {}
    first, second = convolution(inputs, outputs), convolution(outputs, outputs)
    return chain(**parts, first=first, second=second)


class Decoder(nn.Module):
    """Double the height and width, concatenate the encoder's volume, and convolve twice."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(inputs, outputs, 2, 2)
        self.first = convolution(2 * outputs, outputs)
        self.second = convolution(outputs, outputs)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        """(N, inputs, H, W), (N, outputs, 2 H, 2 W) -> (N, outputs, 2 H, 2 W)."""
        return self.second(self.first(torch.cat([beside, self.enlarge(x)], dim=1)))


class UNet(nn.Module):
    """Encoders, decoders and a head, called encode1 to encode5, decode4 to decode1 and head."""

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        widths = [width << level for level in range(DEPTH + 1)]
        for level, (inputs, outputs) in enumerate(zip([channels, *widths], widths, strict=False)):
            self.add_module(f"encode{level + 1}", encoder(inputs, outputs, pooled=level > 0))
        for level in range(DEPTH, 0, -1):
            self.add_module(f"decode{level}", Decoder(widths[level], widths[level - 1]))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> logits (N, classes, H, W)."""
        height, width = x.shape[2:]
        x, volumes = pad_to_multiple(x, 2**DEPTH), list[Tensor]()
        for level in range(1, DEPTH + 2):
            x = self.get_submodule(f"encode{level}")(x)
            volumes.append(x)
        for level in range(DEPTH, 0, -1):
            x = self.get_submodule(f"decode{level}")(x, volumes[level - 1])
        return self.head(x)[:, :, :height, :width]


def unet(*, channels: int = 1, classes: int = 2, width: int = 64) -> UNet:
    """(N, channels, H, W) -> logits (N, classes, H, W). `width`: channels of encode1."""
    if width not in range(1, _WIDEST + 1):
        raise OptionError(f"width must be a whole number from 1 to {_WIDEST}, but {width:g} came")
    return UNet(channels, classes, int(width))


_card = partial(
    Card, paper="Ronneberger et al.", year=2015, input=(1, 572, 572), classes=2, output="map"
)
CARDS = (_card("unet", unet, params=31_036_546, macs=243_486_425_088, receptive_field=200),)
