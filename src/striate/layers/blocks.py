"""Blocks that two or more papers share: chains, branches and inverted residuals."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers.padding import SameConv2d

Kernel = int | tuple[int, int]  # (height, width)
#: (outputs, kernel, stride=1, padding=kernel // 2)
Step = tuple[int, Kernel] | tuple[int, Kernel, int] | tuple[int, Kernel, int, int]
ConvNorm = Callable[..., nn.Sequential]  # (inputs, outputs, kernel, stride, groups, *, act)

_WIDEST = 10  #: largest width multiplier


def chain(**parts: nn.Module) -> nn.Sequential:
    """Return an nn.Sequential of named modules: `chain(stem=..., head=...)`."""
    return nn.Sequential(OrderedDict(parts))


class Branches(nn.Module):
    """Parallel paths on the same input, concatenated along the channels."""

    def __init__(self, **paths: nn.Module) -> None:
        super().__init__()
        for name, path in paths.items():
            self.add_module(name, path)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, sum of the paths' outputs, H', W')."""
        return torch.cat([path(x) for path in self.children()], dim=1)


def conv_norm_relu(
    inputs: int, outputs: int, kernel: Kernel, stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Convolution, batch norm and ReLU; the padding defaults to half the kernel.

    Weights are initialized normal with variance 2 / fan-out. BatchNorm eps is 1e-3, as in all
    published Inception networks.
    """
    height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    around = (height // 2, width // 2) if padding is None else padding
    conv = nn.Conv2d(inputs, outputs, (height, width), stride, around, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    norm = nn.BatchNorm2d(outputs, eps=1e-3)
    return chain(conv=conv, norm=norm, relu=nn.ReLU(inplace=True))


def path(inputs: int, *steps: Step | nn.Module) -> nn.Sequential:
    """Return a sequence of `conv_norm_relu`; modules among the steps are used unchanged.

    `path(192, (64, 1), (96, 3), (96, 3, 2, 0))` goes from 192 channels through a 1x1 and a 3x3
    convolution to an unpadded 3x3 one with stride 2. No convolution may follow `Branches`.
    """
    parts: dict[str, nn.Module] = {}
    for number, step in enumerate(steps, start=1):
        if isinstance(step, nn.Module):
            parts[f"step{number}"] = step
        else:
            outputs, kernel, *window = step
            parts[f"step{number}"] = conv_norm_relu(inputs, outputs, kernel, *window)
            inputs = outputs
    return chain(**parts)


def fork(inputs: int, outputs: int) -> Branches:
    """Return parallel 1x3 and 3x1 convolutions with `outputs` channels each."""
    return Branches(
        wide=conv_norm_relu(inputs, outputs, (1, 3)), tall=conv_norm_relu(inputs, outputs, (3, 1))
    )


def inner_average() -> nn.AvgPool2d:
    """Return 3x3 average pooling with stride 1 that excludes padding from the mean."""
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def dropout_head(inputs: int, classes: int, dropout: float) -> nn.Sequential:
    """Global average pooling, dropout, dense: (N, inputs, H, W) -> logits (N, classes)."""
    return chain(
        average=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        dropout=nn.Dropout(dropout),
        dense=nn.Linear(inputs, classes),
    )


def scaled(channels: int, width: float) -> int:
    """Scale channels by a width multiplier, to a multiple of 8, at least 8 and 90 % of the product.

    As https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet/mobilenet.py
    rounds. Raises OptionError.
    """
    if not 0 < width <= _WIDEST:
        raise OptionError(f"width must be above 0 and at most {_WIDEST}, but {width:g} came")
    exact = channels * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * exact else rounded + 8


def conv_norm(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, *,
              act: Callable[[], nn.Module] | None = None,
              norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
              same: bool = False) -> nn.Sequential:  # fmt: skip
    """Convolution, norm and activation; `same` uses TensorFlow's "same" padding.

    Weights are initialized normal with variance 2 / fan-out (He et al. 2015), with the fan-out per
    group, as in timm; torch's kaiming_normal_, and so torchvision, ignores groups, which makes
    initial depthwise kernels smaller by the square root of their channels.
    """
    if same:
        conv = SameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
    else:
        around = kernel // 2
        conv = nn.Conv2d(inputs, outputs, kernel, stride, around, groups=groups, bias=False)
    nn.init.normal_(conv.weight, std=(2 * groups / (outputs * kernel**2)) ** 0.5)
    parts = {"conv": conv, "norm": norm(outputs)}
    return chain(**parts, act=act()) if act else chain(**parts)


class Added(nn.Module):
    """x + branch(x)."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """Any shape that the branch preserves."""
        return x + self.branch(x)


def inverted_residual(conv: ConvNorm, inputs: int, inside: int, outputs: int, kernel: int,
                      stride: int, excite: nn.Module | None = None) -> nn.Module:  # fmt: skip
    """Expand (1x1 to `inside` channels), depthwise convolution, linear 1x1 projection.

    Sandler et al. 2018, section 3.3. A residual connection is added if the shape is unchanged.
    """
    parts: dict[str, nn.Module] = {}
    if inside != inputs:
        parts["expand"] = conv(inputs, inside)
    parts["depthwise"] = conv(inside, inside, kernel, stride, inside)
    if excite:
        parts["excite"] = excite
    branch = chain(**parts, project=conv(inside, outputs, act=None))
    return Added(branch) if stride == 1 and inputs == outputs else branch
