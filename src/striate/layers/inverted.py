"""Inverted residuals, the block of mobile networks, and the width that all of them scale."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers.chain import chain
from striate.layers.same_padding import SameConv2d

_WIDEST = 10

ConvNorm = Callable[..., nn.Sequential]  # (inputs, outputs, kernel, stride, groups, *, act)


def scaled(channels: int, width: float) -> int:
    """`channels` times `width` as a multiple of 8, at least 8 and nine tenths of the product.

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
    """Convolution, norm and activation; `same` pads as TensorFlow does.

    Weights start normal with variance 2 / fan-out, after He et al. 2015; the fan-out of a group, as
    in timm: torch's kaiming_normal_, and so torchvision, takes that of all groups together, which
    starts a depthwise kernel smaller by the root of its channels.
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
        """Any shape that the branch keeps."""
        return x + self.branch(x)


def inverted_residual(conv: ConvNorm, inputs: int, inside: int, outputs: int, kernel: int,
                      stride: int, excite: nn.Module | None = None) -> nn.Module:  # fmt: skip
    """1x1 up to `inside` channels, a depthwise convolution, 1x1 down without an activation.

    Sandler et al. 2018, section 3.3. What goes in is added where the shape stays.
    """
    parts: dict[str, nn.Module] = {}
    if inside != inputs:
        parts["expand"] = conv(inputs, inside)
    parts["depthwise"] = conv(inside, inside, kernel, stride, inside)
    if excite:
        parts["excite"] = excite
    branch = chain(**parts, project=conv(inside, outputs, act=None))
    return Added(branch) if stride == 1 and inputs == outputs else branch
