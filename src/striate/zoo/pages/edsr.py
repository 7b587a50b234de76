"""EDSR (2017): a small picture enlarged by a network that works at its small size.

Lim, Son, Kim, Nah, Lee: Enhanced deep residual networks for single image super-resolution, CVPR
workshops 2017, section 3. https://arxiv.org/abs/1707.02921. Sub-pixel convolution: Shi et al. 2016,
section 3.2, https://arxiv.org/abs/1609.05158

| part    | what                                        | output    | parameters |
| ------- | ------------------------------------------- | --------- | ---------- |
| stem    | convolution 3x3                             | 64x48x48  | 1,792      |
| body    | 16 blocks of two convolutions, and one more | 64x48x48  | 1,218,624  |
| enlarge | convolution to 4 times the channels, moved  | 64x96x96  | 147,712    |
|         | to places (sub-pixel), for each factor of 2 |           |            |
| head    | convolution 3x3                             | 3x96x96   | 1,731      |

This is the paper's baseline for a factor of 2. What costs most is done at the small size, so that
enlarging by 4 costs little more. Blocks have no batch norm, which would take contrast away.
`transposed=True` puts a transposed convolution 4x4 with stride 2 in place of each sub-pixel
one: the same reach with a quarter of the parameters; a sub-pixel convolution is a transposed one of
a larger kernel.
Not as in the paper: what the network adds to is the picture enlarged bicubically, and the head's
weights begin near 0, so that it is hardly worse than that from the start. PyTorch's default
initialization else: uniform within 1/sqrt(fan-in).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from striate.errors import OptionError
from striate.layers import Added, chain
from striate.zoo.pages.card import Card

_FAINT = 0.001  #: std of the head's first weights


def convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def block(width: int) -> nn.Module:
    """A residual block without norms; the sum is not rectified."""
    return Added(
        chain(conv1=convolution(width, width), relu=nn.ReLU(), conv2=convolution(width, width))
    )


def enlarged(width: int, *, transposed: bool) -> nn.Module:
    """(N, width, H, W) -> (N, width, 2 H, 2 W)."""
    if transposed:
        return nn.ConvTranspose2d(width, width, 4, stride=2, padding=1)
    return chain(conv=convolution(width, 4 * width), shuffle=nn.PixelShuffle(2))


class EDSR(nn.Module):
    """Stem, body, enlarge and head, beside bicubic enlargement."""

    def __init__(
        self, channels: int, scale: int, width: int, blocks: int, *, transposed: bool
    ) -> None:
        super().__init__()
        doublings = scale.bit_length() - 1
        self.stem = convolution(channels, width)
        deep = {f"block{number}": block(width) for number in range(1, blocks + 1)}
        self.body = Added(chain(**deep, last=convolution(width, width)))
        steps = {
            f"x{2**at}": enlarged(width, transposed=transposed) for at in range(1, doublings + 1)
        }
        self.enlarge = chain(**steps)
        self.head = convolution(width, channels)
        nn.init.normal_(self.head.weight, std=_FAINT)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        bicubic = F.interpolate(x, scale_factor=self.scale, mode="bicubic", align_corners=False)
        return bicubic + self.head(self.enlarge(self.body(self.stem(x))))


def edsr(*, channels: int = 3, scale: int = 2, width: int = 64, blocks: int = 16,
         transposed: bool = False) -> EDSR:  # fmt: skip
    """(N, channels, H, W) -> (N, channels, scale H, scale W); `scale` is a power of 2."""
    if scale < 2 or scale & (scale - 1):
        raise OptionError(f"edsr: scale must be 2, 4, 8 or a higher power of 2, but {scale} came")
    return EDSR(channels, scale, width, blocks, transposed=transposed)


CARDS = (
    Card("edsr", edsr, "Lim et al.", 2017, (3, 48, 48), 0,
         params=1_369_859, macs=3_162_488_832, receptive_field=72, output="image"),
)  # fmt: skip
