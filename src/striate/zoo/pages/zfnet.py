"""ZFNet (2013): AlexNet with smaller first-layer kernels and strides, guided by visualization.

Zeiler, Fergus: Visualizing and understanding convolutional networks, ECCV 2014, sections 3 and
4.1, figure 3. https://arxiv.org/abs/1311.2901

| part  | what                                | output     | parameters |
| ----- | ----------------------------------- | ---------- | ---------- |
| conv1 | convolution 7x7/2                   | 96x110x110 | 14,208     |
| pool1 | max 3x3/2, response norm            | 96x55x55   | 0          |
| conv2 | convolution 5x5/2                   | 256x26x26  | 614,656    |
| pool2 | max 3x3/2, response norm            | 256x13x13  | 0          |
| conv3 | convolution 3x3                     | 384x13x13  | 885,120    |
| conv4 | convolution 3x3                     | 384x13x13  | 1,327,488  |
| conv5 | convolution 3x3                     | 256x13x13  | 884,992    |
| pool5 | max 3x3/2                           | 256x6x6    | 0          |
| head  | dense 4096, 4096, classes; dropout  | classes    | 58,631,144 |

Not as in the paper: weights are initialized as in alexnet here, where the paper has std 0.01.
It states volumes but no padding; they imply 1 pixel in conv1, none in conv2 and pooling in ceil
mode. The constants of its contrast norm are not stated; AlexNet's are used. The head averages to
6x6, the identity at 224x224, to accept other sizes. Filters whose root mean square exceeds 0.1 are
not renormalized in training.
"""

from __future__ import annotations

from torch import nn

from striate.layers import ResponseNorm, chain
from striate.zoo.pages.alexnet import dense_head, draw, plain
from striate.zoo.pages.card import Card


def pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def zfnet(*, channels: int = 3, classes: int = 1000) -> nn.Sequential:
    """(N, channels, H, W) -> logits (N, classes)."""
    network = chain(
        conv1=plain(nn.Conv2d(channels, 96, 7, stride=2, padding=1)),
        pool1=chain(max=pool(), norm=ResponseNorm()),
        conv2=plain(nn.Conv2d(96, 256, 5, stride=2)),
        pool2=chain(max=pool(), norm=ResponseNorm()),
        conv3=plain(nn.Conv2d(256, 384, 3, padding=1)),
        conv4=plain(nn.Conv2d(384, 384, 3, padding=1)),
        conv5=plain(nn.Conv2d(384, 256, 3, padding=1)),
        pool5=pool(),
        head=dense_head(256, 6, classes),
    )
    draw(network)
    return network


CARDS = (
    Card("zfnet", zfnet, "Zeiler and Fergus", 2013, (3, 224, 224), 1000, params=62_357_608,
         macs=1_168_032_896, receptive_field=171, smallest=47, learning_rate=0.01),
)  # fmt: skip
