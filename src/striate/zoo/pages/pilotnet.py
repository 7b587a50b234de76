"""PilotNet (2016): from the camera of a car to the angle at which to steer.

Bojarski et al.: End to end learning for self-driving cars, 2016, section 4 and figure 4.
https://arxiv.org/abs/1604.07316

| part  | what                 | output   | parameters |
| ----- | -------------------- | -------- | ---------- |
| conv1 | convolution 5x5/2    | 24x31x98 | 1,824      |
| conv2 | convolution 5x5/2    | 36x14x47 | 21,636     |
| conv3 | convolution 5x5/2    | 48x5x22  | 43,248     |
| conv4 | convolution 3x3      | 64x3x20  | 27,712     |
| conv5 | convolution 3x3      | 64x1x18  | 36,928     |
| head  | dense 100, 50, 10, 1 | 1        | 120,871    |

Not as in the paper: it states neither activation nor first weights; units are rectified, and drawn
with variance 2 / inputs (He et al. 2015, https://arxiv.org/abs/1502.01852). Its first layer
normalizes images, which is done before the network here. The head averages to 1x18, the identity at
66x200, to accept other sizes; below 76 pixels of width it sees one column 18 times.
"""

from __future__ import annotations

from torch import nn

from striate.layers import chain
from striate.zoo.pages.alexnet import plain
from striate.zoo.pages.card import Card


def pilotnet(*, channels: int = 3, classes: int = 1) -> nn.Sequential:
    """(N, channels, H, W) -> logits, or numbers, (N, classes)."""
    network = chain(
        conv1=plain(nn.Conv2d(channels, 24, 5, stride=2)),
        conv2=plain(nn.Conv2d(24, 36, 5, stride=2)),
        conv3=plain(nn.Conv2d(36, 48, 5, stride=2)),
        conv4=plain(nn.Conv2d(48, 64, 3)),
        conv5=plain(nn.Conv2d(64, 64, 3)),
        head=chain(
            average=nn.AdaptiveAvgPool2d((1, 18)),
            flatten=nn.Flatten(),
            dense1=nn.Linear(64 * 18, 100),
            relu1=nn.ReLU(inplace=True),
            dense2=nn.Linear(100, 50),
            relu2=nn.ReLU(inplace=True),
            dense3=nn.Linear(50, 10),
            relu3=nn.ReLU(inplace=True),
            last=nn.Linear(10, classes),
        ),
    )
    draw(network)
    return network


def draw(network: nn.Module) -> None:
    """Draw first weights for rectified units; biases are 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.get_parameter("bias"))


CARDS = (
    Card("pilotnet", pilotnet, "Bojarski et al.", 2016, (3, 66, 200), 1, params=252_219,
         macs=26_876_342, receptive_field=61, smallest=61, learning_rate=0.01, optimizer="adamw"),
)  # fmt: skip
