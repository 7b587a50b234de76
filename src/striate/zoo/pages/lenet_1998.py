"""LeNet-5 as published (1998): learned subsampling, sparsely connected C3, radial basis outputs.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), section II B. http://yann.lecun.com/exdb/publis/pdf/lecun-01a.pdf

| part | what                                      | output   | parameters |
| ---- | ----------------------------------------- | -------- | ---------- |
| c1   | 6 convolutions 5x5                        | 6x28x28  | 156        |
| s2   | sums of 2x2, a coefficient and bias each  | 6x14x14  | 12         |
| c3   | 16 convolutions 5x5 of 3 to 6 maps        | 16x10x10 | 1,516      |
| s4   | sums of 2x2, a coefficient and bias each  | 16x5x5   | 32         |
| c5   | 120 convolutions 5x5                      | 120      | 48,120     |
| f6   | dense                                     | 84       | 10,164     |
| head | distances to a 7x12 bitmap for each class | 10       | 0          |

Every stage but the head ends with 1.7159 tanh(2/3 x). Logits are the negative squared distances, so
that softmax cross-entropy gives the paper's equation 9 without its constant j. Weights and biases
are initialized uniform within 2.4 / fan-in: appendix A. Gradients of distances over 84 features
are large, and common learning rates saturate the units.
Not as in the paper: the ten bitmaps are redrawn from its figure 3, with +1 for ink; the codes of
further classes are the first 84 bits of the SHA-256 of the class number.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import torch
from torch import nn

from striate.layers import PartialConv2d, RadialOutput, ScaledTanh, Subsampling, chain
from striate.zoo.pages.card import Card

#: table I: the input maps in S2 of each map of C3
TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
GLYPHS = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  .#####.  .#####.  ....##.  ######.  ..####.  #######  .#####.  .#####.
.##.##.  ..##...  ##...##  ##...##  ...###.  ##.....  .##....  #....##  ##...##  ##...##
##...##  .###...  .....##  .....##  ..#.##.  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...#...  .....##  .....##  .##.##.  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...#...  ....##.  ..####.  ##..##.  #####..  #####..  ....#..  .#####.  ##...##
##...##  ...#...  ...##..  .....##  #######  ....##.  ##..##.  ..####.  .#####.  .######
##...##  ...#...  ..##...  .....##  ....##.  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...#...  .##....  .....##  ....##.  .....##  ##...##  ...##..  ##...##  .....##
.##.##.  ...#...  ##.....  ##...##  ....##.  ##..##.  ##...##  ..##...  ##...##  ....##.
..###..  .#####.  #######  .#####.  ....##.  .####..  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


def code(number: int) -> list[float]:
    """Return the code of a class: 84 values of -1 or 1."""
    if number < 10:
        marks = "".join(row.split()[number] for row in GLYPHS.strip().splitlines())
    else:
        marks = f"{int.from_bytes(sha256(str(number).encode()).digest()):0256b}"[:84]
    return [1.0 if mark in "#1" else -1.0 for mark in marks]


def drawn(layer: nn.Module, inputs: Sequence[int], rows: Sequence[int] | int = 1) -> nn.Module:
    """Initialize the layer uniform within 2.4 / inputs per map; each map has `rows` of weights."""
    maps = zip(
        inputs,
        layer.get_parameter("weight").split(rows),
        layer.get_parameter("bias").split(1),
        strict=True,
    )
    for count, weights, bias in maps:
        nn.init.uniform_(weights, -2.4 / count, 2.4 / count)
        nn.init.uniform_(bias, -2.4 / count, 2.4 / count)
    return layer


def lenet5_1998(*, channels: int = 1, classes: int = 10) -> nn.Sequential:
    """(N, channels, 32, 32) -> logits (N, classes)."""
    c1 = drawn(nn.Conv2d(channels, 6, 5), [25 * channels] * 6)
    s2 = drawn(Subsampling(6), [4] * 6)
    seen = [len(maps) for maps in TABLE]
    c3 = drawn(PartialConv2d(6, TABLE, 5), [25 * count for count in seen], rows=seen)
    s4 = drawn(Subsampling(16), [4] * 16)
    c5 = drawn(nn.Conv2d(16, 120, 5), [25 * 16] * 120)
    f6 = drawn(nn.Linear(120, 84), [120] * 84)
    return chain(
        c1=chain(conv=c1, tanh=ScaledTanh()),
        s2=chain(sums=s2, tanh=ScaledTanh()),
        c3=chain(conv=c3, tanh=ScaledTanh()),
        s4=chain(sums=s4, tanh=ScaledTanh()),
        c5=chain(conv=c5, tanh=ScaledTanh(), flatten=nn.Flatten()),
        f6=chain(dense=f6, tanh=ScaledTanh()),
        head=RadialOutput(torch.tensor([code(number) for number in range(classes)])),
    )


CARDS = (
    Card("lenet5_1998", lenet5_1998, "LeCun et al.", 1998, (1, 32, 32), 10, params=60_000,
         macs=415_680, receptive_field=32, any_size=False, learning_rate=0.01),
)  # fmt: skip
