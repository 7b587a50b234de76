"""AlexNet (2012): five convolutions, rectified units and dropout, trained on two GPUs.

Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks,
NIPS 2012, section 3, figure 2.
https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks
alexnet_2014 is the single-GPU variant, without groups and without response norms.
Krizhevsky: One weird trick for parallelizing convolutional neural networks, 2014, section 5.
https://arxiv.org/abs/1404.5997

| part  | what                                | alexnet   | parameters | alexnet_2014 | parameters |
| ----- | ----------------------------------- | --------- | ---------- | ------------ | ---------- |
| conv1 | convolution 11x11/4, response norm  | 96x55x55  | 34,944     | 64x55x55     | 23,296     |
| pool1 | max 3x3/2                           | 96x27x27  | 0          | 64x27x27     | 0          |
| conv2 | convolution 5x5, response norm      | 256x27x27 | 307,456    | 192x27x27    | 307,392    |
| pool2 | max 3x3/2                           | 256x13x13 | 0          | 192x13x13    | 0          |
| conv3 | convolution 3x3                     | 384x13x13 | 885,120    | 384x13x13    | 663,936    |
| conv4 | convolution 3x3                     | 384x13x13 | 663,936    | 256x13x13    | 884,992    |
| conv5 | convolution 3x3                     | 256x13x13 | 442,624    | 256x13x13    | 590,080    |
| pool5 | max 3x3/2                           | 256x6x6   | 0          | 256x6x6      | 0          |
| head  | dense 4096, 4096, classes; dropout  | 1000      | 58,631,144 | 1000         | 58,631,144 |

The two GPUs are two groups in conv2, conv4 and conv5.
Not as in the paper: weights are initialized normal with variance 2 / inputs (He et al. 2015,
https://arxiv.org/abs/1502.01852) except in the last layer, and biases at 0, where section 5 has
std 0.01 everywhere and some biases of 1, with which a short training does not converge.
Images are 227x227, not 224x224, which does not give 55 positions; response norms reach across
the groups; the head averages to 6x6, the identity there, to accept other sizes. alexnet_2014
follows torchvision: 256 maps in conv4, 384 in the paper. torchvision's dropout comes before the
hidden layers; here, as in 2012, after them. It is initialized as alexnet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from striate.layers import ResponseNorm, chain
from striate.zoo.pages.card import Card

Block = Callable[[nn.Conv2d], nn.Sequential]  # what follows a convolution


def plain(conv: nn.Conv2d) -> nn.Sequential:
    return chain(conv=conv, relu=nn.ReLU(inplace=True))


def normed(conv: nn.Conv2d) -> nn.Sequential:
    return chain(conv=conv, relu=nn.ReLU(inplace=True), norm=ResponseNorm())


def dense_head(width: int, side: int, classes: int) -> nn.Sequential:
    """(N, width, H, W), averaged to side x side -> logits (N, classes)."""
    return chain(
        average=nn.AdaptiveAvgPool2d(side),
        flatten=nn.Flatten(),
        dense1=nn.Linear(width * side**2, 4096),
        relu1=nn.ReLU(inplace=True),
        dropout1=nn.Dropout(0.5),
        dense2=nn.Linear(4096, 4096),
        relu2=nn.ReLU(inplace=True),
        dropout2=nn.Dropout(0.5),
        dense3=nn.Linear(4096, classes),
    )


def draw(network: nn.Module) -> None:
    """Initialize biases 0, weights normal: variance 2 / inputs, last layer std 0.01."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.get_parameter("bias"))
    nn.init.normal_(network.get_parameter("head.dense3.weight"), std=0.01)


def family(block: Block, widths: Sequence[int], groups: int, padding: int, *, channels: int = 3,
           classes: int = 1000) -> nn.Sequential:  # fmt: skip
    """(N, channels, H, W) -> logits (N, classes). `block`: of conv1 and conv2."""
    one, two, three, four, five = widths
    network = chain(
        conv1=block(nn.Conv2d(channels, one, 11, stride=4, padding=padding)),
        pool1=nn.MaxPool2d(3, stride=2),
        conv2=block(nn.Conv2d(one, two, 5, padding=2, groups=groups)),
        pool2=nn.MaxPool2d(3, stride=2),
        conv3=plain(nn.Conv2d(two, three, 3, padding=1)),
        conv4=plain(nn.Conv2d(three, four, 3, padding=1, groups=groups)),
        conv5=plain(nn.Conv2d(four, five, 3, padding=1, groups=groups)),
        pool5=nn.MaxPool2d(3, stride=2),
        head=dense_head(five, 6, classes),
    )
    draw(network)
    return network


alexnet = partial(family, normed, (96, 256, 384, 384, 256), 2, 0)
alexnet_2014 = partial(family, plain, (64, 192, 384, 256, 256), 1, 2)

CARDS = (
    Card("alexnet", alexnet, "Krizhevsky et al.", 2012, (3, 227, 227), 1000, params=60_965_224,
         macs=724_406_816, receptive_field=195, smallest=67, learning_rate=0.01),
    Card("alexnet_2014", alexnet_2014, "Krizhevsky", 2014, (3, 224, 224), 1000,
         params=61_100_840, macs=714_188_480, receptive_field=195, smallest=63, learning_rate=0.01),
)  # fmt: skip
