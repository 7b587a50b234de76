"""VGG (2014): only 3x3 convolutions; three have a 7x7 receptive field with fewer weights.

Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, ICLR 2015,
section 2, table 1, configurations A, B, D and E. https://arxiv.org/abs/1409.1556

| part   | what                                  | output     | vgg16       | vgg19       |
| ------ | ------------------------------------- | ---------- | ----------- | ----------- |
| stage1 | 3x3 convolutions of 64, max 2x2       | 64x112x112 | 38,720      | 38,720      |
| stage2 | 3x3 convolutions of 128, max 2x2      | 128x56x56  | 221,440     | 221,440     |
| stage3 | 3x3 convolutions of 256, max 2x2      | 256x28x28  | 1,475,328   | 2,065,408   |
| stage4 | 3x3 convolutions of 512, max 2x2      | 512x14x14  | 5,899,776   | 8,259,584   |
| stage5 | 3x3 convolutions of 512, max 2x2      | 512x7x7    | 7,079,424   | 9,439,232   |
| head   | dense 4096, 4096, classes; dropout    | classes    | 123,642,856 | 123,642,856 |

Columns three and on: parameters. Convolutions in stages 1 to 5: vgg11 1 1 2 2 2, vgg13 2 2 2 2 2,
vgg16 2 2 3 3 3, vgg19 2 2 4 4 4. Those with _bn have a batch norm after each convolution.
Not as in the paper: it has no batch norms, and under them convolutions keep their biases as in
torchvision's weights. Weights start normal with variance 2 / inputs (He et al. 2015,
https://arxiv.org/abs/1502.01852) but for the last layer, biases at 0, so that all depths start from
scratch, where the paper has std 0.01 and initializes deep networks from shallow ones. The head
averages to 7x7, the identity at 224x224, to accept other sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from striate.layers import chain
from striate.zoo.pages.alexnet import dense_head, draw
from striate.zoo.pages.card import Card

Block = Callable[[int, int], nn.Sequential]  # (inputs, width)


def plain(inputs: int, width: int) -> nn.Sequential:
    return chain(conv=nn.Conv2d(inputs, width, 3, padding=1), relu=nn.ReLU(inplace=True))


def normed(inputs: int, width: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, width, 3, padding=1)
    return chain(conv=conv, norm=nn.BatchNorm2d(width), relu=nn.ReLU(inplace=True))


def stage(block: Block, inputs: int, width: int, depth: int) -> nn.Sequential:
    """`depth` blocks, the first with `inputs` channels, and pooling."""
    sizes = (inputs, *[width] * (depth - 1))
    blocks = {f"block{at}": block(size, width) for at, size in enumerate(sizes, start=1)}
    return chain(**blocks, pool=nn.MaxPool2d(2))


def vgg(block: Block, depths: Sequence[int], *, channels: int = 3,
        classes: int = 1000) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes)."""
    widths = (channels, 64, 128, 256, 512, 512)
    stages = {
        f"stage{at + 1}": stage(block, widths[at], widths[at + 1], depth)
        for at, depth in enumerate(depths)
    }
    network = chain(**stages, head=dense_head(512, 7, classes))
    draw(network)
    return network


vgg11 = partial(vgg, plain, (1, 1, 2, 2, 2))
vgg13 = partial(vgg, plain, (2, 2, 2, 2, 2))
vgg16 = partial(vgg, plain, (2, 2, 3, 3, 3))
vgg19 = partial(vgg, plain, (2, 2, 4, 4, 4))
vgg11_bn = partial(vgg, normed, (1, 1, 2, 2, 2))
vgg13_bn = partial(vgg, normed, (2, 2, 2, 2, 2))
vgg16_bn = partial(vgg, normed, (2, 2, 3, 3, 3))
vgg19_bn = partial(vgg, normed, (2, 2, 4, 4, 4))

_normed = partial(
    Card, paper="Simonyan and Zisserman", year=2014, input=(3, 224, 224), classes=1000, smallest=32
)
_plain = partial(_normed, learning_rate=0.01)
CARDS = (
    _plain("vgg11", vgg11, params=132_863_336, macs=7_609_090_048, receptive_field=150),
    _plain("vgg13", vgg13, params=133_047_848, macs=11_308_466_176, receptive_field=156),
    _plain("vgg16", vgg16, params=138_357_544, macs=15_470_264_320, receptive_field=212),
    _plain("vgg19", vgg19, params=143_667_240, macs=19_632_062_464, receptive_field=268),
    _normed("vgg11_bn", vgg11_bn, params=132_868_840, macs=7_609_090_048, receptive_field=150),
    _normed("vgg13_bn", vgg13_bn, params=133_053_736, macs=11_308_466_176, receptive_field=156),
    _normed("vgg16_bn", vgg16_bn, params=138_365_992, macs=15_470_264_320, receptive_field=212),
    _normed("vgg19_bn", vgg19_bn, params=143_678_248, macs=19_632_062_464, receptive_field=268),
)
