"""Dense and locally connected baselines (1989, 1998), without weight sharing.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), 1998, section III C: the network 28x28-300-100-10.
http://yann.lecun.com/exdb/publis/pdf/lecun-01a.pdf
LeCun: Generalization and network design strategies, technical report CRG-TR-89-4, Toronto, 1989:
Net-3: locally connected layers of 3x3 with stride 2, then 5x5.
http://yann.lecun.com/exdb/publis/pdf/lecun-89.pdf

| part    | mlp | parameters | locally_connected | its parameters |
| ------- | --- | ---------- | ----------------- | -------------- |
| flatten | 784 | 0          | 16                | 0              |
| hidden1 | 300 | 235,500    | 1x8x8             | 640            |
| hidden2 | 100 | 30,100     | 1x4x4             | 416            |
| head    | 10  | 1,010      | 10                | 170            |

An mlp flattens the image first, a locally connected network before its head. `act` makes another
activation for an mlp.
Not as in the papers: outputs are logits for softmax, where theirs regress target values. Net-3's
outermost units get zero padding. PyTorch's default initialization of dense layers: uniform within
1/sqrt(fan-in).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from striate.layers import LocallyConnected2d, ScaledTanh, chain
from striate.zoo.pages.card import Card


def mlp(*, channels: int = 1, classes: int = 10, size: int = 28,
        widths: tuple[int, ...] = (300, 100),
        act: Callable[[], nn.Module] = ScaledTanh) -> nn.Sequential:  # fmt: skip
    """(N, channels, size, size) -> logits (N, classes), through dense layers of these widths."""
    parts: dict[str, nn.Module] = {"flatten": nn.Flatten()}
    inputs = channels * size * size
    for number, width in enumerate(widths, start=1):
        parts[f"hidden{number}"] = chain(dense=nn.Linear(inputs, width), act=act())
        inputs = width
    return chain(**parts, head=nn.Linear(inputs, classes))


class Window(NamedTuple):
    """Window of a locally connected layer, and its number of outputs per position."""

    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0


def locally_connected(*, channels: int = 1, classes: int = 10, size: int = 16,
                      windows: tuple[Window, ...] = (Window(1, 3, 2, 1), Window(1, 5)),
                      ) -> nn.Sequential:  # fmt: skip
    """(N, channels, size, size) -> logits (N, classes): a layer for each of the windows, a dense.

    Raises OptionError when a window does not fit what comes to it.
    """
    parts: dict[str, nn.Module] = {}
    inputs, side = channels, size
    for number, window in enumerate(windows, start=1):
        outputs, kernel, stride, padding = Window(*window)
        local = LocallyConnected2d(
            inputs, outputs, (side, side), kernel, stride=stride, padding=padding
        )
        parts[f"hidden{number}"] = chain(local=local, tanh=ScaledTanh())
        inputs, side = local.bias.shape[:2]
    dense = nn.Linear(inputs * side * side, classes)
    return chain(**parts, flatten=nn.Flatten(), head=dense)


CARDS = (
    Card("mlp", mlp, "LeCun et al.", 1998, (1, 28, 28), 10, params=266_610, macs=266_200,
         any_size=False),
    Card("locally_connected", locally_connected, "LeCun", 1989, (1, 16, 16), 10, params=1_226,
         macs=1_136, receptive_field=11, any_size=False),
)  # fmt: skip
